import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { DEAD_LETTERS_KEPT, MAX_DELIVERIES } from '../dead-letters/dead-letter.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./requeue.lua', import.meta.url));

export interface Requeue {
  readonly processId: string;
  /** Delivery tag of the entry. */
  readonly tag: string;
  /** Whether the delivery counts: not when the entry could not be tried. */
  readonly counted: boolean;
  /** For the dead letter, if it was delivered too often. */
  readonly reason: string;
}

/** Requeues one entry that this process could not handle. */
export async function requeue(
  connection: RedisConnection,
  keys: Keys,
  { processId, tag, counted, reason }: Requeue,
): Promise<void> {
  const names = [keys.processing(processId), keys.reclaimed, keys.deadLetters, keys.wakeUpTokens];
  const limits = [MAX_DELIVERIES, DEAD_LETTERS_KEPT];
  await script(connection, names, [processId, tag, counted ? '1' : '0', ...limits, reason]);
}
