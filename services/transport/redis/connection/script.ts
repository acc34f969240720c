/**
 * Scripts of the data path. Each is one file x.lua with its wrapper, the function x in x.ts beside it. The head of the script
 * lists KEYS, ARGV and every return; the wrapper takes them by name, and nothing else knows their order.
 *
 * A script declares the libraries that it needs in lines `--- @include name`. It is sent as EVALSHA, and as a whole when the
 * server does not know it (any more).
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { RedisConnection } from './connection.ts';

/** Libraries by name. The URLs also tell the build which files to copy. */
const LIBRARIES: ReadonlyMap<string, URL> = new Map([
  ['add-dead-letter', new URL('../dead-letters/add-dead-letter.lua', import.meta.url)],
  ['add-unreadable', new URL('../dead-letters/add-unreadable.lua', import.meta.url)],
  ['calls', new URL('../calls/calls.lua', import.meta.url)],
  ['clock', new URL('../lease/clock.lua', import.meta.url)],
  ['correlation', new URL('../ocpp-go/correlation.lua', import.meta.url)],
  ['releases', new URL('../lease/releases.lua', import.meta.url)],
  ['requeue-entries', new URL('../queue/requeue-entries.lua', import.meta.url)],
  ['rfc3339', new URL('../ocpp-go/rfc3339.lua', import.meta.url)],
  ['rollout', new URL('../rollout/rollout.lua', import.meta.url)],
  ['wake-up', new URL('../queue/wake-up.lua', import.meta.url)],
  ['writes', new URL('../state/writes.lua', import.meta.url)],
]);

export type ScriptArgument = string | number;
type Send = (
  numberOfKeys: number,
  keys: readonly string[],
  args: readonly ScriptArgument[],
) => Promise<unknown>;

export type Script<Reply> = (
  connection: RedisConnection,
  keys: readonly string[],
  args: readonly ScriptArgument[],
) => Promise<Reply>;

export function loadScript<Reply>(url: URL): Script<Reply> {
  const name = basename(url.pathname, '.lua');
  const lua = withLibraries(readFileSync(url, 'utf8'));
  return (connection, keys, args) => {
    if (!(name in connection)) connection.defineCommand(name, { lua });
    const send = Reflect.get(connection, name) as Send;
    const { slotGuard } = connection;
    const all = slotGuard === undefined ? keys : [...keys, slotGuard];
    return send.call(connection, all.length, all, args) as Promise<Reply>;
  };
}

/** Puts each library in front of what includes it, once. The flags must stay the first line. */
function withLibraries(script: string): string {
  const included = new Set<string>();
  const librariesOf = (text: string): string =>
    [...text.matchAll(/^--- @include (\S+)$/gm)].map(([, name = '']) => library(name)).join('');
  const library = (name: string): string => {
    if (included.has(name)) return '';
    included.add(name);
    const url = LIBRARIES.get(name);
    if (url === undefined) throw new Error(`a script includes "${name}", which is not in LIBRARIES`);
    const text = readFileSync(url, 'utf8');
    return `${librariesOf(text)}${text}`;
  };
  const libraries = librariesOf(script);
  return script.replace('\n', () => `\n${libraries}`);
}
