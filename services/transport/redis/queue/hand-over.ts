import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { MAX_DELIVERIES } from '../dead-letters/dead-letter.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./hand-over.lua', import.meta.url));

export interface Unhandled {
  readonly processId: string;
  /** Of the processor. */
  readonly release: string;
  /** Delivery tag of the entry. */
  readonly tag: string;
}

export type HandOverResult = 'handed-over' | 'no-release' | 'not-held';
const RESULTS: readonly HandOverResult[] = ['no-release', 'handed-over', 'not-held'];

/**
 * Hands over an entry to processors of another release. With `no-release` none may handle it, with `not-held` this processor has
 * it no more; both change nothing.
 */
export async function handOver(
  connection: RedisConnection,
  keys: Keys,
  { processId, release, tag }: Unhandled,
): Promise<HandOverResult> {
  const names = [keys.processing(processId), keys.reclaimed, keys.wakeUpTokens];
  const result = await script(connection, names, [processId, tag, release, MAX_DELIVERIES, keys.prefix]);
  return RESULTS[result] ?? 'not-held';
}
