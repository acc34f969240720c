import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { DEAD_LETTERS_KEPT, MAX_DELIVERIES } from '../dead-letters/dead-letter.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./requeue.lua', import.meta.url));

export interface Requeue {
  readonly processId: string;
  /** Of the processor; '' where it is not known. */
  readonly release: string;
  /** Delivery tag of the entry. */
  readonly tag: string;
  /** Whether the delivery counts: not when the entry could not be tried. */
  readonly counted: boolean;
  /** For the dead letter, if it was delivered too often. */
  readonly reason: string;
}

/** Requeues one entry that this process could not handle. @returns whether processors of another release are next */
export async function requeue(
  connection: RedisConnection,
  keys: Keys,
  { processId, release, tag, counted, reason }: Requeue,
): Promise<boolean> {
  const names = [keys.processing(processId), keys.reclaimed, keys.deadLetters, keys.wakeUpTokens];
  const limits = [MAX_DELIVERIES, DEAD_LETTERS_KEPT];
  const args = [processId, tag, counted ? '1' : '0', ...limits, reason, release, keys.prefix];
  return (await script(connection, names, args)) === 2;
}
