import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { DEAD_LETTERS_KEPT, MAX_DELIVERIES } from '../dead-letters/dead-letter.ts';
import type { Keys } from '../keys.ts';
import { processorKeys, type Reclaim } from './reclaim-processor.ts';

const script = loadScript<number>(new URL('./end-processor.lua', import.meta.url));

export interface End extends Reclaim {
  /** Whether the deliveries that it holds count; not of a processor that stops. */
  readonly counted: boolean;
}

export async function endProcessor(
  connection: RedisConnection,
  keys: Keys,
  { processId, reason, counted }: End,
): Promise<void> {
  const args = [processId, MAX_DELIVERIES, DEAD_LETTERS_KEPT, reason, counted ? '1' : '0', keys.prefix];
  await script(connection, processorKeys(keys, processId), args);
}
