/**
 * The data path's Lua scripts as typed methods of a connection. Each script's head lists its keys, arguments
 * and returns. They are sent as EVALSHA, and whole when the server does not know them (any more).
 */
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';

type Argument = string | number;

/** Keys first, then arguments, in the order of the script's head. */
export interface Scripts {
  register(...keysAndArguments: Argument[]): Promise<number>;
  take(...keysAndArguments: Argument[]): Promise<string[]>;
  finish(...keysAndArguments: Argument[]): Promise<[number, ...string[]]>;
  putBack(...keysAndArguments: Argument[]): Promise<[number, string | number]>;
  bury(...keysAndArguments: Argument[]): Promise<number>;
  takeSession(...keysAndArguments: Argument[]): Promise<number>;
  endSessions(...keysAndArguments: Argument[]): Promise<number>;
  lostSessions(...keysAndArguments: Argument[]): Promise<string[]>;
  takeOutbox(...keysAndArguments: Argument[]): Promise<[number, ...string[]]>;
  sweep(...keysAndArguments: Argument[]): Promise<[number, string, ...string[]]>;
  writeToStation(...keysAndArguments: Argument[]): Promise<number>;
  queueLoad(...keysAndArguments: Argument[]): Promise<[number, number, string, string]>;
  reserve(...keysAndArguments: Argument[]): Promise<number>;
}

const SOURCES: Readonly<Record<keyof Scripts, { readonly url: URL; readonly numberOfKeys: number }>> = {
  register: { url: new URL('./register.lua', import.meta.url), numberOfKeys: 2 },
  take: { url: new URL('./take.lua', import.meta.url), numberOfKeys: 6 },
  finish: { url: new URL('./finish.lua', import.meta.url), numberOfKeys: 2 },
  putBack: { url: new URL('./put-back.lua', import.meta.url), numberOfKeys: 7 },
  bury: { url: new URL('./bury.lua', import.meta.url), numberOfKeys: 2 },
  takeSession: { url: new URL('./connect.lua', import.meta.url), numberOfKeys: 5 },
  endSessions: { url: new URL('./disconnect.lua', import.meta.url), numberOfKeys: 2 },
  lostSessions: { url: new URL('./refresh.lua', import.meta.url), numberOfKeys: 1 },
  takeOutbox: { url: new URL('./outbox.lua', import.meta.url), numberOfKeys: 3 },
  sweep: { url: new URL('./sweep.lua', import.meta.url), numberOfKeys: 5 },
  writeToStation: { url: new URL('./write.lua', import.meta.url), numberOfKeys: 1 },
  queueLoad: { url: new URL('./load.lua', import.meta.url), numberOfKeys: 3 },
  reserve: { url: new URL('./reserve.lua', import.meta.url), numberOfKeys: 1 },
};

const TEXTS = Object.entries(SOURCES).map(([name, { url, numberOfKeys }]) => ({
  name,
  numberOfKeys,
  lua: readFileSync(url, 'utf8'),
}));

export function defineScripts(connection: Redis): Redis & Scripts {
  for (const { name, lua, numberOfKeys } of TEXTS) connection.defineCommand(name, { lua, numberOfKeys });
  return connection as Redis & Scripts;
}
