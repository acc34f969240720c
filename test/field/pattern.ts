/**
 * Patterns of expectations. An object must have the properties of its pattern, and may have more; a list has as many
 * elements as its pattern; other values are compared as texts, because all stored values are texts.
 *
 * | pattern | matches |
 * |---|---|
 * | `$any` | anything |
 * | `$absent` | nothing |
 * | `$now` | a time of the last minutes |
 * | `$/x/` | a text that the regular expression matches |
 * | `$words a b` | these words in any order |
 * | `{ $json: pattern }` | a text of JSON whose value matches |
 * | `{ absent: [a, b], … }` | an object without these properties |
 */

/** Longest age of `$now`; ms. */
const NOW_MS = 5 * 60_000;

/** Where and how a value differs from its pattern; empty if it matches. @param now ms since 1970 */
export function mismatches(pattern: unknown, value: unknown, now: number, path = ''): string[] {
  const here = path === '' ? 'it' : path;
  if (typeof pattern === 'string' && pattern.startsWith('$')) {
    return fits(pattern, value, now) ? [] : [`${here} is ${show(value)}, not ${pattern}`];
  }
  if (Array.isArray(pattern)) {
    if (!Array.isArray(value)) return [`${here} is ${show(value)}, not a list`];
    if (value.length !== pattern.length)
      return [`${here} has ${value.length} elements, not ${pattern.length}: ${show(value)}`];
    return pattern.flatMap((one, index) => mismatches(one, value[index], now, `${path}/${index}`));
  }
  if (isRecord(pattern)) return ofRecord(pattern, value, now, path);
  return String(value) === String(pattern) && (value === undefined) === (pattern === undefined)
    ? []
    : [`${here} is ${show(value)}, not ${show(pattern)}`];
}

function ofRecord(
  pattern: Readonly<Record<string, unknown>>,
  value: unknown,
  now: number,
  path: string,
): string[] {
  const here = path === '' ? 'it' : path;
  if ('$json' in pattern) {
    const parsed = typeof value === 'string' ? parsedOrUndefined(value) : undefined;
    return parsed === undefined
      ? [`${here} is ${show(value)}, not JSON`]
      : mismatches(pattern['$json'], parsed, now, path);
  }
  if (!isRecord(value)) return [`${here} is ${show(value)}, not an object`];
  const { absent = [], ...present } = pattern;
  return [
    ...(absent as readonly string[])
      .filter((name) => name in value)
      .map((name) => `${path}/${name} is ${show(value[name])}, not absent`),
    ...Object.entries(present).flatMap(([name, one]) => mismatches(one, value[name], now, `${path}/${name}`)),
  ];
}

function fits(pattern: string, value: unknown, now: number): boolean {
  if (pattern === '$any') return value !== undefined;
  if (pattern === '$absent') return value === undefined;
  if (pattern === '$now') return typeof value === 'string' && Math.abs(Date.parse(value) - now) < NOW_MS;
  if (typeof value !== 'string') return false;
  if (pattern.startsWith('$words ')) return words(pattern.slice(7)) === words(value);
  const expression = /^\$\/(.*)\/$/s.exec(pattern)?.[1];
  if (expression === undefined) throw new Error(`there is no pattern ${pattern}`);
  return new RegExp(expression, 's').test(value);
}

/** Undefined if all patterns match values in the order of the list, with others between them; else the first that does not. */
export function missingIn(patterns: readonly unknown[], values: readonly unknown[], now: number): unknown {
  let from = 0;
  for (const pattern of patterns) {
    const found = values.findIndex(
      (value, index) => index >= from && mismatches(pattern, value, now).length === 0,
    );
    if (found < 0) return pattern;
    from = found + 1;
  }
  return undefined;
}

export function show(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value);
}

const words = (text: string) => text.split(' ').filter(Boolean).sort().join(' ');

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsedOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
