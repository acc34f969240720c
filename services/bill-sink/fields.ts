/**
 * Fields of an entry as values of typed columns. PostgreSQL must accept every row, whatever a station has sent: one refused row would stop
 * the stream. So a value that its column cannot hold is NULL, and its field is named.
 */
import { readDecimal, writeDecimal } from '../ocpp/decimal.ts';
import { readTime } from '../ocpp/time.ts';

/** Longest text of a column; an index holds two of them. Ids of OCPP are shorter. */
const LONGEST = 255;
const LONGEST_NOTES = 50;
/** A number as PostgreSQL takes it; it holds far longer ones. */
const NUMBER = /^-?\d{1,1000}(\.\d{1,1000})?$/;
/** Deeper JSON is kept as a text only: PostgreSQL parses it recursively. */
const DEEPEST = 100;
/** The replacement character of Unicode. */
const REPLACEMENT = '\uFFFD';

export interface FieldReader {
  text(name: string): string | null;
  decimal(name: string): string | null;
  time(name: string): string | null;
  words(name: string): readonly string[];
  /** A JSON text that PostgreSQL accepts, with numbers as they were written. */
  json(name: string): string | null;
  /** Fields that were read and are not in their columns, or not in full. */
  readonly incomplete: readonly string[];
}

export function readFields(fields: Readonly<Record<string, string>>): FieldReader {
  const incomplete = new Set<string>();
  const read = (name: string, of: (text: string) => string | undefined): string | null => {
    const text = fields[name];
    if (text === undefined) return null;
    const value = of(text);
    if (value === undefined) incomplete.add(name);
    return value ?? null;
  };
  const cut = (name: string, text: string) => {
    const value = stored(text);
    if (value !== text || value.length > LONGEST) incomplete.add(name);
    return value.slice(0, LONGEST).toWellFormed();
  };
  return {
    text: (name) => read(name, (text) => cut(name, text)),
    decimal: (name) => read(name, decimalOf),
    time: (name) => read(name, timeOf),
    json: (name) => read(name, jsonOf),
    words(name) {
      const words = (fields[name] ?? '').split(' ').filter((word) => word !== '');
      if (words.length > LONGEST_NOTES) incomplete.add(name);
      return words.slice(0, LONGEST_NOTES).map((word) => cut(name, word));
    },
    get incomplete() {
      return [...incomplete];
    },
  };
}

/** All fields, for a column of JSON. */
export function entryOf(fields: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [stored(name), stored(value)]));
}

/** When an entry was stored, from its id. */
export function recordedAt(id: string): string {
  // An id that was given by hand may be beyond all dates.
  return new Date(Math.min(Number(id.split('-')[0]), Date.UTC(9999, 0))).toISOString();
}

/** PostgreSQL has no character 0. */
function stored(text: string): string {
  return text.replaceAll('\0', REPLACEMENT);
}

function decimalOf(text: string): string | undefined {
  if (NUMBER.test(text)) return text;
  const decimal = readDecimal(text);
  return decimal && writeDecimal(decimal);
}

function timeOf(text: string): string | undefined {
  const instant = readTime(text);
  if (instant === undefined) return undefined;
  const written = new Date(instant).toISOString();
  return /^(?!0000)\d{4}-/.test(written) ? written : undefined;
}

function jsonOf(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  const outside = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  return depthOf(outside) > DEEPEST || /\d[eE][+-]?\d{4}/.test(outside) ? undefined : withoutBadEscapes(text);
}

function depthOf(json: string): number {
  let [depth, deepest] = [0, 0];
  for (const [bracket] of json.matchAll(/[[\]{}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

/** Pairs of surrogates, single ones, the character 0, and every other escape. */
const ESCAPES =
  /(\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2})|(\\u(?:0000|[dD][89a-fA-F][\da-fA-F]{2}))|\\./g;

/** Escapes that JSON allows and `jsonb` refuses become the replacement character. */
function withoutBadEscapes(json: string): string {
  return json.replace(ESCAPES, (escape, _pair, bad?: string) => (bad === undefined ? escape : REPLACEMENT));
}
