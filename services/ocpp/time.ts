/**
 * Times of stations. OCPP requires RFC 3339 (2.x Part 2 §2.1.4) or ISO 8601 (1.6 §3.14); firmware also omits zone,
 * seconds or separators. `Date.parse` is not used for them: it reads a time without zone in the zone of this process, and
 * rejects half of the forms of ISO 8601.
 */

/** Year, month, day, hour, minute, second, fraction and zone, in the extended or the basic form of ISO 8601. */
const EXTENDED =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)? ?([Zz]|[+-]\d{2}(?::?\d{2})?)?$/;
const BASIC =
  /^(\d{4})(\d{2})(\d{2})[Tt ](\d{2})(\d{2})(?:(\d{2})(?:[.,](\d+))?)? ?([Zz]|[+-]\d{2}(?::?\d{2})?)?$/;
/** Seconds or milliseconds since 1970, from 2001 on; their lengths distinguish them. */
const EPOCH = /^\d{10}(?:\d{3})?$/;

/** Longest time that is kept as it was written. */
export const LONGEST_TIME = 64;

const DAY_MS = 86_400_000;
/** OCPP 1.6 did not exist before. */
const EARLIEST = Date.UTC(2015, 0, 1);

/**
 * A station's time in ms since 1970; undefined if it is no time. Without a zone it is UTC. Second 60 is the next minute,
 * hour 24 the next day.
 */
export function readTime(value: unknown): number | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string') return undefined;
  const usual = readUsual(text);
  if (usual !== undefined) return usual;
  const trimmed = text.trim();
  if (EPOCH.test(trimmed)) return Number(trimmed) * (trimmed.length === 10 ? 1000 : 1);
  const parts = EXTENDED.exec(trimmed) ?? BASIC.exec(trimmed);
  if (parts === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = parts;
  const [y, mo, d, h, mi, s] = [year, month, day, hour, minute, second].map(Number) as Six;
  if (mo < 1 || mo > 12 || d < 1 || d > daysIn(y, mo)) return undefined;
  const nextDay = h === 24 && mi === 0 && s === 0;
  if ((h > 23 && !nextDay) || mi > 59 || s > 60) return undefined;
  const offset = offsetOf(zone);
  if (offset === undefined) return undefined;
  const ms = Math.floor(Number(`0.${fraction.slice(0, 9) || '0'}`) * 1000);
  return Date.UTC(y, mo - 1, d, h, mi, s, ms) - offset;
}

/** `2026-11-28T10:00:00Z`, with or without ms: the common case, which the engine parses quickly. */
function readUsual(text: string): number | undefined {
  if ((text.length !== 20 && text.length !== 24) || !text.endsWith('Z')) return undefined;
  // The engine guesses at any other form.
  if (text[4] !== '-' || text[7] !== '-' || text[10] !== 'T' || text[13] !== ':') return undefined;
  const instant = Date.parse(text);
  // The engine carries an impossible day into the next month.
  return Number.isNaN(instant) || Number(text.slice(8, 10)) > 28 ? undefined : instant;
}

const SORTABLE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z$/;

/** The earliest plausible time, as a text that sorts. */
export const EARLIEST_TEXT = '2015-01-01';

/** Whether texts of this form and length sort as their times do. */
export function isSortable(text: string): boolean {
  return SORTABLE.test(text);
}

type Six = [number, number, number, number, number, number];

/** An instant as RFC 3339 in UTC, with ms. */
export function utc(instant: number): string {
  return new Date(instant).toISOString();
}

/** A station's time as RFC 3339 in UTC; `receivedAt` (ms since 1970) if it is no time. */
export function utcOf(value: unknown, receivedAt: number): string {
  return utc(readTime(value) ?? receivedAt);
}

/** Whether a station's time is plausible: not before OCPP 1.6, not more than a day ahead. */
export function isPlausible(instant: number, now: number): boolean {
  return instant >= EARLIEST && instant <= now + DAY_MS;
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** ms east of UTC */
function offsetOf(zone: string): number | undefined {
  if (zone === 'Z' || zone === 'z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || '0');
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
