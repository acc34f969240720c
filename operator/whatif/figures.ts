/** What a run cost and how well it served. */
import type { Run } from './world.ts';

export interface Figures {
  readonly peakReplicas: number;
  /** From the disturbance until no message is older than 2 s any more; undefined: not within the run. */
  readonly drainSeconds: number | undefined;
  /** Seconds in which some message was older than 2 s. */
  readonly lateSeconds: number;
  /** Greatest age of a message. */
  readonly oldestSeconds: number;
  readonly podMinutes: number;
  readonly changes: number;
}

/** Messages that are handled within this time are in time, s. */
export const IN_TIME_SECONDS = 2;

/** @param since the second in which the disturbance began: earlier seconds do not count */
export function figuresOf({ moments, changes }: Run, since: number): Figures {
  const counted = moments.filter(({ second }) => second >= since);
  const late = counted.filter(({ oldestSeconds }) => oldestSeconds >= IN_TIME_SECONDS);
  // A run whose last second is late says nothing of its end.
  const lastLate = late.at(-1)?.second;
  const drained = lastLate === undefined || lastLate < (counted.at(-1)?.second ?? 0);
  return {
    peakReplicas: greatest(counted.map(({ replicas }) => replicas)),
    drainSeconds: drained ? (lastLate === undefined ? 0 : lastLate + 1 - since) : undefined,
    lateSeconds: late.length,
    oldestSeconds: greatest(counted.map(({ oldestSeconds }) => oldestSeconds)),
    podMinutes: counted.reduce((sum, { replicas }) => sum + replicas, 0) / 60,
    changes: changes.filter(({ second }) => second >= since).length,
  };
}

/** Of several runs: means; of the numbers of processors the greatest. Drained is what every run drained. */
export function meanOf(all: readonly Figures[]): Figures {
  const mean = (figure: (one: Figures) => number) =>
    all.reduce((sum, one) => sum + figure(one), 0) / all.length;
  const drained = all.every(({ drainSeconds }) => drainSeconds !== undefined);
  return {
    peakReplicas: greatest(all.map(({ peakReplicas }) => peakReplicas)),
    drainSeconds: drained ? mean(({ drainSeconds }) => drainSeconds ?? 0) : undefined,
    lateSeconds: mean(({ lateSeconds }) => lateSeconds),
    oldestSeconds: mean(({ oldestSeconds }) => oldestSeconds),
    podMinutes: mean(({ podMinutes }) => podMinutes),
    changes: mean(({ changes }) => changes),
  };
}

const greatest = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, value), 0);
