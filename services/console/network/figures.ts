/**
 * What figures say is wrong; with the bounds of the alerts (operator/render/alerts). A figure has to be beyond its bound in three polls in
 * a row, so that nothing appears for a moment. Pure.
 */
import { count, duration, rounded } from '../parts/format.ts';
import { TEXTS } from '../texts.ts';
import { skewOf } from './proxies.ts';
import {
  conditionOf,
  type Finding,
  isDead,
  isServing,
  type Recent,
  runningRollout,
  type Status,
  type Webhook,
} from './status.ts';

const STEADY = 3;
/** Messages wait for longer than usual; longer than a station waits with `callTimeoutSeconds: 30`; s. */
const OLD = { warn: 5, bad: 30 };
/** Shares of its memory. */
const FULL = { warn: 0.7, bad: 0.85 };
/** s */
const SLOW = 0.25;
/** s */
const WEBHOOK_LATE = 900;
/** Longer than any step of a rollout takes; ms. */
const STALLED = 900_000;

const WORDS = TEXTS.network.findings;

export function figureFindings(
  recent: Recent,
  webhooks: readonly Webhook[],
  now: number,
): readonly Finding[] {
  const status = recent.at(-1);
  if (status === undefined) return [];
  const found = [
    ...processFindings(recent),
    queue(recent),
    memory(recent),
    slowStore(recent),
    storm(recent, 'handshakes'),
    storm(recent, 'boots'),
    stalled(status, now),
    skew(recent),
    letters(status),
    ...webhooks.map(webhook),
  ];
  return found.filter((one) => one !== undefined);
}

/** The least of the last values: all of them are beyond a bound if it is. Undefined while the newest is unknown. */
function steady(recent: Recent, pick: (status: Status) => number | undefined): number | undefined {
  const values = recent.slice(-STEADY).map(pick);
  if (values.at(-1) === undefined) return undefined;
  return Math.min(...values.map((one) => one ?? 0));
}

function processFindings(recent: Recent): (Finding | undefined)[] {
  const last = recent.slice(-STEADY);
  const available = conditionOf(last.at(-1) as Status, 'Available')?.reason ?? '';
  const isSaid = (reason: string) => available === reason || available === 'Starting';
  const has = (one: Status, kind: 'proxies' | 'processors') => one[kind]?.some(isServing) !== false;
  const isWithout = (kind: 'proxies' | 'processors') => last.every((one) => !has(one, kind));
  const dead = last.map(({ proxies = [], processors = [] }) =>
    [...proxies, ...processors].filter(isDead).map(({ name }) => name),
  );
  return [
    isWithout('proxies') && !isSaid('NoProxyReady')
      ? { key: 'no-proxy', severity: 'bad', ...WORDS.noProxy }
      : undefined,
    isWithout('processors') && !isSaid('NoProcessorReady')
      ? { key: 'no-processor', severity: 'bad', ...WORDS.noProcessor }
      : undefined,
    dead.every((names) => names.length > 0)
      ? { key: 'dead', severity: 'warn', ...WORDS.dead, message: dead.at(-1)?.join(', ') ?? '' }
      : undefined,
  ];
}

function queue(recent: Recent): Finding | undefined {
  const age = steady(recent, ({ figures }) => figures.queueOldestSeconds);
  if (age === undefined || age <= OLD.warn) return undefined;
  const { figures } = recent.at(-1) as Status;
  return {
    key: 'queue',
    severity: age > OLD.bad ? 'bad' : 'warn',
    title: age > OLD.bad ? WORDS.queue.late : WORDS.queue.old,
    message: WORDS.queue.message(count(figures.queueDepth), duration(figures.queueOldestSeconds)),
    step: WORDS.queue.step,
  };
}

function memory(recent: Recent): Finding | undefined {
  const share = steady(recent, ({ figures }) => figures.storeMemoryShare);
  if (share === undefined || share <= FULL.warn) return undefined;
  const { title, step, message } = WORDS.memory;
  return {
    key: 'memory',
    severity: share > FULL.bad ? 'bad' : 'warn',
    title,
    message: message(rounded(share * 100)),
    step,
  };
}

function slowStore(recent: Recent): Finding | undefined {
  const seconds = steady(recent, ({ figures }) => figures.storeResponseSeconds);
  if (seconds === undefined || seconds <= SLOW) return undefined;
  const { title, step, message } = WORDS.slowStore;
  const latest = duration(recent.at(-1)?.figures.storeResponseSeconds);
  return { key: 'slow-store', severity: 'warn', title, message: message(latest), step };
}

function storm(recent: Recent, name: 'handshakes' | 'boots'): Finding | undefined {
  const use = recent.at(-1)?.rates?.[name];
  const excess =
    steady(recent, ({ rates }) => (rates?.[name]?.demand ?? 0) - (rates?.[name]?.limit ?? 0)) ?? 0;
  if (use === undefined || excess <= 0) return undefined;
  const { title, step, message } = WORDS.storm[name];
  return {
    key: `storm-${name}`,
    severity: 'busy',
    title,
    message: message(count(use.waiting), rounded(use.limit)),
    step,
  };
}

function stalled(status: Status, now: number): Finding | undefined {
  const rollout = runningRollout(status);
  if (rollout === undefined || conditionOf(status, 'Progressing')?.reason === 'RolloutsPaused')
    return undefined;
  const times = [rollout.phaseTime, rollout.progressTime].map((time) => Date.parse(time ?? ''));
  const last = Math.max(...times.filter((time) => !Number.isNaN(time)));
  if (!Number.isFinite(last) || now - last < STALLED) return undefined;
  const since = new Date(last).toISOString();
  return { key: 'stalled', severity: 'warn', ...WORDS.stalled, message: rollout.message ?? '', since };
}

function skew(recent: Recent): Finding | undefined {
  const skews = recent.slice(-STEADY).map(skewOf);
  const last = skews.at(-1);
  if (last === undefined || skews.includes(undefined)) return undefined;
  const { title, step, message } = WORDS.skew;
  return {
    key: 'skew',
    severity: 'warn',
    title,
    message: message(last.name, count(last.stations), rounded(last.mean)),
    step,
  };
}

function letters({ figures: { deadLetters = 0 } }: Status): Finding | undefined {
  if (deadLetters === 0) return undefined;
  const { title, step } = WORDS.letters;
  return { key: 'letters', severity: 'warn', title: title(count(deadLetters)), step };
}

function webhook({ name, state, lagSeconds, deadLetters, lastError = '' }: Webhook): Finding | undefined {
  const { down, late, letters: dead, step } = WORDS.webhook;
  const finding = { key: `webhook-${name}`, severity: 'warn', message: lastError, step } as const;
  if (state === 'down') return { ...finding, title: down(name) };
  if (lagSeconds > WEBHOOK_LATE) return { ...finding, title: late(name, duration(lagSeconds)) };
  return deadLetters > 0 ? { ...finding, title: dead(name, count(deadLetters)) } : undefined;
}
