import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./replay-dead-letter.lua', import.meta.url));

export interface Replay {
  readonly id: string;
  /** As it is enqueued. */
  readonly entry: string;
}

/** @returns false when there is no such letter (any more) */
export async function replayDeadLetter(
  connection: RedisConnection,
  keys: Keys,
  { id, entry }: Replay,
): Promise<boolean> {
  return (await script(connection, [keys.deadLetters, keys.requests], [id, entry])) === 1;
}
