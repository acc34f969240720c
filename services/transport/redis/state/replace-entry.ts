import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';

const script = loadScript<0 | 1>(new URL('./replace-entry.lua', import.meta.url));

export interface Replacement {
  /** Key of the stream. */
  readonly stream: string;
  readonly id: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** @returns whether the entry was there */
export async function replaceEntry(
  connection: RedisConnection,
  { stream, id, fields }: Replacement,
): Promise<boolean> {
  return (await script(connection, [stream], [id, ...Object.entries(fields).flat()])) === 1;
}
