/** The decider of a processor: its settings, and how it is asked. */
import { DEFAULT, ENV } from '../contract.ts';
import {
  DECISION_ACTIONS,
  type DecisionAction,
  type DecisionProvider,
  type Fallback,
  FALLBACKS,
} from '../csms/decisions/decision-provider.ts';
import {
  createDecisions,
  type DecisionObserver,
  type DecisionSettings,
} from '../csms/decisions/decisions.ts';
import { webhookDecider } from '../csms/decisions/webhook-decider.ts';
import type { Clock } from '../runtime/clock.ts';
import { boundedDuration, listOf, type SettingsOf } from '../runtime/config.ts';
import type { Log } from '../runtime/log.ts';
import type { Webhook } from '../runtime/webhook.ts';

/** Decisions that wait in one processor, however many messages it handles; as many as a webhook has connections. */
const MOST_OPEN = 64;

export const decisionSettings = {
  decisionUrl: {
    doc: 'URL of the decider: which token may charge, which station is accepted, what a DataTransfer gets. Empty: the lists in Redis decide.',
    format: String,
    default: '',
    env: ENV.decisionUrl,
  },
  decisionSecretFile: {
    doc: 'File with the secret that signs requests to the decider, as Standard Webhooks has it (whsec_…); several are separated by white space. It is read again when it changes.',
    format: String,
    default: '',
    env: ENV.decisionSecretFile,
  },
  decisionTokenFile: {
    doc: 'File with the bearer token for the decider; it is read again when it changes.',
    format: String,
    default: '',
    env: ENV.decisionTokenFile,
  },
  decisionCaFile: {
    doc: 'File with the CA certificates of the decider’s own address. Empty: those of the system.',
    format: String,
    default: '',
    env: ENV.decisionCaFile,
  },
  decisionTimeout: {
    doc: 'How long a decision may take, from 100ms to 10s; then the station gets the fallback.',
    format: boundedDuration(100, 10_000),
    default: DEFAULT.decisionTimeoutMs,
    env: ENV.decisionTimeout,
    live: true,
  },
  decisionActions: {
    doc: 'What the decider decides, each with what the station gets while it fails: Authorize=LastKnown,BootNotification=Own. Actions: Authorize, StartTransaction, BootNotification, DataTransfer. Fallbacks: Own (the lists in Redis), Accept, Reject, LastKnown (not for DataTransfer).',
    format: listOf('decision-actions', problemOf),
    default: [],
    env: ENV.decisionActions,
    live: true,
  },
} as const;

export type DecisionConfig = SettingsOf<typeof decisionSettings>;

function problemOf(item: string): string | undefined {
  const [action, fallback, ...rest] = item.split('=');
  if (rest.length > 0) return `${item}: write it as in Authorize=Own`;
  if (!DECISION_ACTIONS.some((one) => one === action))
    return `${item}: the action must be one of ${DECISION_ACTIONS.join(', ')}, as in Authorize=Own`;
  if (!FALLBACKS.some((one) => one === fallback))
    return `${item}: the fallback must be one of ${FALLBACKS.join(', ')}, as in Authorize=Own`;
  if (action === 'DataTransfer' && fallback === 'LastKnown')
    return `${item}: answers to DataTransfer are not kept, so its fallback must be another one`;
  return undefined;
}

/** The values as decisions take them; each is read when it is used, as it may change. */
function readDecisionSettings(config: DecisionConfig, longestMs: number): DecisionSettings {
  let items: readonly string[] | undefined;
  let actions: DecisionSettings['actions'] = {};
  return {
    get timeoutMs() {
      return Math.min(config.decisionTimeout, longestMs);
    },
    get actions() {
      const now: readonly string[] = config.decisionActions;
      if (now !== items) {
        items = now;
        // The format has proved it. Of an action that is named twice, the last one counts.
        actions = Object.fromEntries(now.map((item) => item.split('=') as [DecisionAction, Fallback]));
      }
      return actions;
    },
  };
}

export interface DecisionParts {
  readonly webhook: Webhook;
  /** Changes while the program runs. */
  readonly config: DecisionConfig;
  /** What a decision may take of the time of its handler; ms. */
  readonly longestMs: number;
  /** Messages that the processor handles at once. */
  readonly concurrency: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly observer?: DecisionObserver;
}

export function webhookDecisions({
  webhook,
  config,
  longestMs,
  concurrency,
  ...rest
}: DecisionParts): DecisionProvider {
  const mostOpen = Math.max(1, Math.min(MOST_OPEN, Math.floor(concurrency / 2)));
  return createDecisions({
    ...rest,
    ask: webhookDecider(webhook),
    settings: readDecisionSettings(config, longestMs),
    mostOpen,
  });
}
