/** What became of a command, as an operator has to know it. Pure. */
import type { components } from '../../api/openapi.generated.ts';

export type Command = components['schemas']['Command'];
export type Answer = NonNullable<Command['answer']>;

export type Outcome =
  /** The request is under way. */
  | { readonly kind: 'sending' }
  /** It is stored in the cluster, and goes on without this page. `problem`: why its state cannot be read now. */
  | { readonly kind: 'running'; readonly state: 'queued' | 'sent'; readonly problem?: string }
  | { readonly kind: 'answered'; readonly answer: Answer }
  /** The station has not received it and never will. */
  | {
      readonly kind: 'not-sent';
      /** Code of the problem. */
      readonly reason: string;
      readonly detail: string;
      /** The API did not take it at all: the same key may be used again. */
      readonly isRefused: boolean;
    }
  | {
      readonly kind: 'uncertain';
      readonly reason: string;
      readonly detail: string;
      /** The API has not answered yet: it may still know what became of it. */
      readonly isOpen?: true;
    }
  /** There was no answer of the API: whether it has the command is unknown. `isAsked`: it answers again, and knows nothing of it. */
  | { readonly kind: 'lost'; readonly detail: string; readonly isAsked: boolean };

export const isEnd = (outcome: Outcome): boolean =>
  outcome.kind === 'answered' ||
  outcome.kind === 'not-sent' ||
  (outcome.kind === 'uncertain' && outcome.isOpen !== true);

/** For so long a command may be sent again under its key. The cluster forgets a key an hour after the end of its command; ms. */
export const SAFE_TO_REPEAT = 50 * 60_000;

/**
 * What is lost for too long is uncertain: the cluster may have done it and forgotten it, so its key no longer prevents that it is sent
 * twice. @param at when it was sent first @param now ms since 1970
 */
export function aged(outcome: Outcome, at: number, now: number): Outcome {
  if (outcome.kind !== 'lost' || now - at < SAFE_TO_REPEAT) return outcome;
  const { detail, isAsked } = outcome;
  return { kind: 'uncertain', reason: 'too-old', detail, ...(!isAsked && { isOpen: true }) };
}

/** From an answer with status 200 or 202. */
export function outcomeOf({ state, reason = '', detail = '', answer }: Command): Outcome {
  switch (state) {
    case 'queued':
    case 'sent':
      return { kind: 'running', state };
    case 'answered':
      return answer === undefined
        ? { kind: 'uncertain', reason: 'malformed', detail }
        : { kind: 'answered', answer };
    case 'not-sent':
      return { kind: 'not-sent', reason: NOT_SENT[reason] ?? reason, detail, isRefused: false };
    default:
      return { kind: 'uncertain', reason, detail };
  }
}

/** Reason of a command → code of the problem that says the same. */
const NOT_SENT: Readonly<Record<string, string>> = {
  offline: 'station-offline',
  expired: 'command-expired',
  cancelled: 'command-cancelled',
};

/** Problems of a command that was stored, and ended without an answer. */
const ENDED: ReadonlySet<string> = new Set([
  'station-offline',
  'queue-full',
  'command-expired',
  'command-cancelled',
]);

export interface Failure {
  /** HTTP status; 0: there was no answer. */
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly document: Readonly<Record<string, unknown>>;
}

/** From any other answer. */
export function failureOf({ status, code, message, document }: Failure): Outcome {
  if (code === 'command-uncertain') {
    const { command } = document as { readonly command?: Partial<Command> };
    return { kind: 'uncertain', reason: command?.reason ?? '', detail: command?.detail ?? '' };
  }
  // 500 and more: it may have been stored, or even sent, before the fault.
  if (status === 0 || status >= 500) return { kind: 'lost', detail: message, isAsked: false };
  return { kind: 'not-sent', reason: code, detail: message, isRefused: !ENDED.has(code) };
}

/** How an answer sounds: some stations say no, and have answered too. */
export type Tone = 'good' | 'bad' | 'warn' | 'plain';

const GOOD: ReadonlySet<string> = new Set(['Accepted', 'Unlocked', 'AcceptedCanceled', 'Success', 'OK']);
const LATER: ReadonlySet<string> = new Set([
  'Scheduled',
  'RebootRequired',
  'Processing',
  'NoTransaction',
  'EmptyResultSet',
]);

/** The status that the station answered; undefined for an answer that has none, such as that of GetConfiguration. */
export function statusOf({ kind, payload, code }: Answer): string | undefined {
  if (kind === 'error') return code ?? '';
  const status = payload?.['status'];
  return typeof status === 'string' ? status : undefined;
}

export function toneOf(answer: Answer): Tone {
  const status = statusOf(answer);
  if (answer.kind === 'error') return 'bad';
  if (status === undefined) return 'plain';
  return GOOD.has(status) ? 'good' : LATER.has(status) ? 'warn' : 'bad';
}

/** What to look at before anything else is sent, by action. */
export type Check = 'start' | 'stop' | 'unlock' | 'reset' | 'upload' | 'trigger' | 'asked' | 'other';

const CHECKS: readonly (readonly [actions: RegExp, check: Check])[] = [
  [/^(?:(?:Remote|Request)StartTransaction|start)$/, 'start'],
  [/^(?:(?:Remote|Request)StopTransaction|stop)$/, 'stop'],
  [/^(?:UnlockConnector|unlock)$/, 'unlock'],
  [/^reset$/i, 'reset'],
  [/^Get(?:Log|Diagnostics)$/, 'upload'],
  [/^(?:(?:Extended)?TriggerMessage|trigger)$/, 'trigger'],
];

/** @param action or the name of a short form, whose action is not known without an answer of the API */
export function checkOf(action: string): Check {
  const found = CHECKS.find(([actions]) => actions.test(action));
  return found?.[1] ?? (isAsking(action) ? 'asked' : 'other');
}

/** Actions that change nothing and whose answers come to the cluster only. GetLog and GetDiagnostics upload to an address that is typed in. */
const ASKING: ReadonlySet<string> = new Set([
  'GetBaseReport',
  'GetChargingProfiles',
  'GetCompositeSchedule',
  'GetConfiguration',
  'GetDERControl',
  'GetDisplayMessages',
  'GetInstalledCertificateIds',
  'GetLocalListVersion',
  'GetMonitoringReport',
  'GetPeriodicEventStream',
  'GetReport',
  'GetTariffs',
  'GetTransactionStatus',
  'GetVariables',
]);

/** Whether a command only asks: the others act on a real charger, and are confirmed. */
export const isAsking = (action: string): boolean => ASKING.has(action);
