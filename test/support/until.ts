/** The one way in which tests wait for what another process or connection does. */
import { setTimeout as wait } from 'node:timers/promises';

type Found<T> = Exclude<T, undefined | null | false | 0 | ''>;

/** Between two questions, unless a test says otherwise; ms. Those that wait for long ask less often: they share two cores. */
const [SHORTEST, LONGEST, SHARE] = [10, 100, 0.1];

/**
 * Asks until the answer is truthy, and resolves to it. A condition that throws is asked again.
 * @param everyMs between two questions @throws Error naming `what` and the last answer or error after `patienceMs`
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  patienceMs = 30_000,
  everyMs?: number,
): Promise<Found<T>> {
  const begin = Date.now();
  const pause = () => Math.min(LONGEST, Math.max(SHORTEST, (Date.now() - begin) * SHARE));
  for (;;) {
    let last: string;
    try {
      const value = await condition();
      if (value) return value as Found<T>;
      last = String(value);
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (Date.now() > begin + patienceMs)
      throw new Error(`waited ${patienceMs} ms for ${what}, in vain: ${last}`);
    await wait(everyMs ?? pause());
  }
}
