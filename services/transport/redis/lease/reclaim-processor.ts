import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { DEAD_LETTERS_KEPT, MAX_DELIVERIES } from '../dead-letters/dead-letter.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<[number, string?]>(new URL('./reclaim-processor.lua', import.meta.url));

export interface Reclaim {
  readonly processId: string;
  /** For entries that were delivered too often. */
  readonly reason: string;
}

/** @returns the client ids of the dead processor, comma-separated; undefined while its lease runs */
export async function reclaimProcessor(
  connection: RedisConnection,
  keys: Keys,
  { processId, reason }: Reclaim,
): Promise<string | undefined> {
  const args = [processId, MAX_DELIVERIES, DEAD_LETTERS_KEPT, reason, keys.prefix];
  const [, clients] = await script(connection, processorKeys(keys, processId), args);
  return clients;
}

/** KEYS of the scripts that end a processor. */
export function processorKeys(keys: Keys, processId: string): readonly string[] {
  return [
    keys.process(processId),
    keys.processing(processId),
    keys.staging(processId),
    keys.requests,
    keys.reclaimed,
    keys.deadLetters,
    keys.members('processor'),
    keys.pollLease,
    keys.wakeUpTokens,
  ];
}
