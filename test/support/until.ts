/** The one way in which tests wait for what another process or connection does. */
import { setTimeout as wait } from 'node:timers/promises';

type Found<T> = Exclude<T, undefined | null | false | 0 | ''>;

/**
 * Asks until the answer is truthy, and resolves to it. A condition that throws is asked again.
 * @throws Error naming `what` and the last answer or error after `patienceMs`
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  patienceMs = 30_000,
  everyMs = 10,
): Promise<Found<T>> {
  const end = Date.now() + patienceMs;
  for (;;) {
    let last: string;
    try {
      const value = await condition();
      if (value) return value as Found<T>;
      last = String(value);
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (Date.now() > end) throw new Error(`waited ${patienceMs} ms for ${what}, in vain: ${last}`);
    await wait(everyMs);
  }
}
