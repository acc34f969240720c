/**
 * The commands that this tab sent, and what became of them. Each has a key, which it keeps through retries: as long as the cluster
 * remembers the key, what it got once is not sent a second time. They are followed until they end, also while another page is open.
 */
import { signal } from '@preact/signals';
import { ApiProblem, api, problemOf, read, send, type Schemas } from '../../api/client.ts';
import { aged, type Command, failureOf, isEnd, type Outcome, outcomeOf, SAFE_TO_REPEAT } from './outcome.ts';

export type ShortForm = 'start' | 'stop' | 'unlock' | 'reset' | 'trigger';

/** What is sent: any action, or a short form. */
export type Intent =
  | { readonly path: 'commands'; readonly body: Schemas['CommandRequest'] }
  | { readonly path: ShortForm; readonly body: object };

export interface Sent {
  /** Idempotency key. */
  readonly key: string;
  readonly station: string;
  readonly intent: Intent;
  /** Action, or what the short form is called until the action is known. */
  readonly action: string;
  /** ms since 1970 */
  readonly at: number;
  readonly outcome: Outcome;
}

/** Kept of all stations. */
const KEPT = 200;
/** How long a response waits for the station; then its state is asked for. s */
const WAIT = 5;
const TIMEOUT = 30_000;
/** Between questions for the state; ms. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 10_000;

/** The newest first. */
export const sentCommands = signal<readonly Sent[]>([]);

const actionOf = (intent: Intent): string => (intent.path === 'commands' ? intent.body.action : intent.path);

/** Whether such a command is under way to the API: another one now would most likely be a second click. Subscribes a page. */
export const isBeingSent = (station: string, path: Intent['path'], action: string = path): boolean =>
  sentCommands.value.some(
    ({ station: to, intent, outcome }) =>
      outcome.kind === 'sending' && to === station && intent.path === path && actionOf(intent) === action,
  );

/** Sends under a new key, unless such a command is being sent. */
export function sendCommand(station: string, intent: Intent): void {
  const action = actionOf(intent);
  if (isBeingSent(station, intent.path, action)) return;
  const sent: Sent = {
    key: randomKey(),
    station,
    intent,
    action,
    at: Date.now(),
    outcome: { kind: 'sending' },
  };
  sentCommands.value = [sent, ...sentCommands.value].slice(0, KEPT);
  void attempt(sent);
}

/** 32 hexadecimal digits. crypto.randomUUID is missing on pages without TLS. */
const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  );

/** Sends again under the same key, unless it is too old for that: then it becomes uncertain. */
export function sendAgain(sent: Sent): void {
  if (isTooOld(sent.key)) return;
  change(sent.key, { outcome: { kind: 'sending' } });
  void attempt(sent, sent.outcome.kind === 'lost');
}

/** Ends a command that is queued; one that was sent goes on. */
export async function cancel({ station, key }: Sent): Promise<void> {
  try {
    const path = { station, command: key };
    const answer = api.DELETE('/v1/stations/{station}/commands/{command}', { params: { path } });
    took(key, await read(answer));
  } catch (error) {
    const problem = asProblem(error).message;
    change(key, { outcome: { kind: 'running', state: 'queued', problem } });
  }
}

/** @param mayBeStored an earlier attempt may have reached the cluster: a refusal of this one says nothing of it */
async function attempt({ station, key, intent }: Sent, mayBeStored = false): Promise<void> {
  try {
    const response = await send(`/v1/stations/${encodeURIComponent(station)}/${intent.path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ wait: WAIT, ...intent.body }),
      signal: AbortSignal.timeout(TIMEOUT),
    });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw problemOf(response, body);
    took(key, body as Command);
  } catch (error) {
    const outcome = failureOf(asProblem(error));
    const isDoubtful = mayBeStored && outcome.kind === 'not-sent' && outcome.isRefused;
    change(key, { outcome: isDoubtful ? { kind: 'lost', detail: outcome.detail, isAsked: false } : outcome });
    watchAge(key);
  }
  await follow(station, key);
}

/** A computer that slept lets its timers wait: what acts on the age checks it again. */
function watchAge(key: string): void {
  const found = find(key);
  if (found?.outcome.kind !== 'lost') return;
  setTimeout(() => isTooOld(key), Math.max(0, found.at + SAFE_TO_REPEAT - Date.now()));
}

/** Notes that a lost command is too old to be sent again. */
function isTooOld(key: string): boolean {
  const found = find(key);
  if (found === undefined) return false;
  const outcome = aged(found.outcome, found.at, Date.now());
  if (outcome === found.outcome) return false;
  change(key, { outcome });
  return true;
}

/** Asks for the state until the command has ended, or the API knows nothing of it. */
async function follow(station: string, key: string): Promise<void> {
  let pause = FIRST_PAUSE;
  for (;;) {
    const now = find(key)?.outcome;
    if (now === undefined || isEnd(now) || now.kind === 'sending') return;
    if (now.kind === 'lost' && now.isAsked) return;
    if (isTooOld(key)) continue;
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 1.5, LONGEST_PAUSE);
    // A retry by hand follows for itself.
    if (find(key)?.outcome !== now) {
      if (find(key)?.outcome.kind === 'sending') return;
      continue;
    }
    try {
      const path = { station, command: key };
      took(key, await read(api.GET('/v1/stations/{station}/commands/{command}', { params: { path } })));
    } catch (error) {
      noteFailure(key, asProblem(error));
    }
  }
}

function noteFailure(key: string, { status, message }: ApiProblem): void {
  const outcome = find(key)?.outcome;
  const isUnknown = status === 404;
  if (outcome?.kind === 'lost') {
    if (!isUnknown) return;
    change(key, { outcome: { ...outcome, isAsked: true } });
    isTooOld(key);
  } else if (outcome?.kind === 'uncertain') {
    const { kind, reason, detail } = outcome;
    if (isUnknown) change(key, { outcome: { kind, reason, detail } });
  } else if (outcome?.kind === 'running') {
    change(key, {
      outcome: isUnknown
        ? { kind: 'uncertain', reason: 'record-lost', detail: message }
        : { ...outcome, problem: message },
    });
  }
}

function took(key: string, command: Command): void {
  change(key, {
    outcome: outcomeOf(command),
    ...(command.action !== undefined && { action: command.action }),
  });
}

const find = (key: string): Sent | undefined => sentCommands.peek().find((one) => one.key === key);

function change(key: string, changes: Partial<Pick<Sent, 'outcome' | 'action'>>): void {
  sentCommands.value = sentCommands
    .peek()
    .map((one) => (one.key === key ? Object.assign({}, one, changes) : one));
}

const asProblem = (error: unknown): ApiProblem =>
  error instanceof ApiProblem ? error : new ApiProblem(0, '', String(error));
