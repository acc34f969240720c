import {
  type KeptRefusal,
  type NotedRefusal,
  REFUSAL_KEPT_MS,
  REFUSAL_SPARED_MS,
  type RefusedHandshake,
  REFUSALS_KEPT,
  STATION_REGISTER,
} from '../../watch/refused-handshakes.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<number>(new URL('./note-refusals.lua', import.meta.url));

/** @returns how many of them got a place */
export function noteRefusals(
  connection: RedisConnection,
  keys: Keys,
  refusals: readonly NotedRefusal[],
): Promise<number> {
  const rooms = [keys.refusedKnown, keys.refusedUnknown];
  const names = [keys.refused, ...rooms, keys.knownStations, keys.state(STATION_REGISTER)];
  const each = refusals.flatMap(({ identity, code, count, ...facts }) => [
    identity,
    code,
    count,
    JSON.stringify(facts),
  ]);
  return script(connection, names, [REFUSALS_KEPT, REFUSAL_SPARED_MS, REFUSAL_KEPT_MS, ...each]);
}

/** What note-refusals.lua keeps, newest first. */
export async function keptRefusals(
  connection: RedisConnection,
  keys: Keys,
  now: number,
): Promise<readonly KeptRefusal[]> {
  const [known, unknown] = await Promise.all(
    [keys.refusedKnown, keys.refusedUnknown].map((room) => connection.zrange(room, '0', '-1', 'WITHSCORES')),
  );
  const entries = [...entriesIn(known, true), ...entriesIn(unknown, false)];
  if (entries.length === 0) return [];
  const texts = await connection.hmget(keys.refused, ...entries.map(({ field }) => field));
  return entries
    .flatMap((entry, i) => refusalOf(entry, texts[i] ?? ''))
    .filter(({ last }) => Date.parse(last) > now - REFUSAL_KEPT_MS)
    .toSorted((a, b) => (a.last < b.last ? 1 : -1));
}

interface Entry {
  readonly field: string;
  /** ms since 1970 */
  readonly last: number;
  readonly known: boolean;
}

const entriesIn = (room: readonly string[] = [], known: boolean): readonly Entry[] =>
  room.flatMap((field, i) => (i % 2 === 0 ? [{ field, last: Number(room[i + 1]), known }] : []));

/** Nothing for an entry that was removed meanwhile. */
function refusalOf({ field, last, known }: Entry, text: string): readonly KeptRefusal[] {
  const [, code = '', identity = ''] = /^(\S+) (.*)$/s.exec(field) ?? [];
  const [, first, count, json = ''] = /^(\d+) (\d+) (.*)$/s.exec(text) ?? [];
  if (first === undefined) return [];
  const facts = JSON.parse(json) as Omit<RefusedHandshake, 'identity' | 'code'>;
  const times = { first: isoOf(Number(first)), last: isoOf(last) };
  return [{ identity, known, code, ...facts, ...times, count: Number(count) }];
}

const isoOf = (ms: number): string => new Date(ms).toISOString();
