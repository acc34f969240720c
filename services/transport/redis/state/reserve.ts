import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';

const script = loadScript<number>(new URL('./reserve.lua', import.meta.url));

export interface Reserve {
  /** The counter's key. */
  readonly counter: string;
  readonly count: number;
  /** Least first number. */
  readonly floor: number;
}

/** Reserves consecutive numbers. @returns the first */
export function reserve(connection: RedisConnection, { counter, count, floor }: Reserve): Promise<number> {
  return script(connection, [counter], [count, floor]);
}
