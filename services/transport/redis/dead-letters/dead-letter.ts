import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./dead-letter.lua', import.meta.url));

/** An entry that one release failed so often becomes a dead letter: it may be the one that ends its processors. */
export const MAX_DELIVERIES = 5;
export const DEAD_LETTERS_KEPT = 10_000;

export interface NewDeadLetter {
  readonly processId: string;
  /** Delivery tag of the entry. */
  readonly tag: string;
  readonly reason: string;
  /** The entry, where Redis has lost it already. */
  readonly entry?: string;
  /** Letters that the stream keeps. */
  readonly kept?: number;
}

/** Moves an entry of a processor to the dead letters. */
export async function deadLetter(
  connection: RedisConnection,
  keys: Keys,
  { processId, tag, reason, entry, kept = DEAD_LETTERS_KEPT }: NewDeadLetter,
): Promise<void> {
  const args = [tag, reason, kept, ...(entry === undefined ? [] : [entry])];
  await script(connection, [keys.processing(processId), keys.deadLetters], args);
}
