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

export type RequeueResult = 'requeued' | 'handed-over' | 'dead-letter' | 'lost';
const RESULTS: readonly RequeueResult[] = ['lost', 'requeued', 'handed-over', 'dead-letter'];

/**
 * Requeues one entry that this process could not handle. With `handed-over` processors of another release are next; `lost`: this process
 * did not hold it any more.
 */
export async function requeue(
  connection: RedisConnection,
  keys: Keys,
  { processId, release, tag, counted, reason }: Requeue,
): Promise<RequeueResult> {
  const names = [keys.processing(processId), keys.reclaimed, keys.deadLetters, keys.wakeUpTokens];
  const limits = [MAX_DELIVERIES, DEAD_LETTERS_KEPT];
  const args = [processId, tag, counted ? '1' : '0', ...limits, reason, release, keys.prefix];
  return RESULTS[await script(connection, names, args)] ?? 'lost';
}
