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

/** Requeues an entry for processors of another release. @returns false when there is none that may handle it: nothing is changed */
export async function handOver(
  connection: RedisConnection,
  keys: Keys,
  { processId, release, tag }: Unhandled,
): Promise<boolean> {
  const names = [keys.processing(processId), keys.reclaimed, keys.wakeUpTokens];
  return (await script(connection, names, [processId, tag, release, MAX_DELIVERIES, keys.prefix])) === 1;
}
