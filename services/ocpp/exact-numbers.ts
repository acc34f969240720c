/**
 * Numbers that JavaScript cannot represent: whole numbers beyond 2^53, more digits than a double has, 1e400. JSON sets
 * no limit, and a rounded transaction id is another id. Such numbers are kept as text, by JSON pointer (RFC 6901) into
 * the payload.
 *
 * Hardly any message has one, so a cheap check of each text comes first.
 */
import { type ExactNumbers, type Frame, MessageType } from './frame.ts';

/** A possible exponent of three digits, such as 1e400 or a part of an id (quick), and a certain one. */
const MAYBE_EXPONENT = /[\d.][eE][+-]?\d{3}/;
const EXPONENT = /[[,:\s]-?\d[\d.]*[eE][+-]?\d{3}/;
/** JavaScript represents every number with fewer digits. */
const MANY_DIGITS = 16;

/** The context that JSON.parse passes for a primitive value (proposal json-parse-with-source; Node 22 and later). */
interface SourceContext {
  readonly source?: string;
}

/**
 * Adds the inexact numbers of the payload to a frame; returns the frame itself if there are none.
 * @param text valid JSON: the frame, or its source
 * @param pointer to the payload in the text
 */
export function withExactNumbers<F extends Frame>(frame: F, text: string, pointer = '/3'): F {
  if (frame.type !== MessageType.Call && frame.type !== MessageType.Send) return frame;
  if (!hasManyDigits(text) && !hasExponent(text)) return frame;
  const exact = new Map<string, string>();
  for (const [path, source] of exactNumbers(text)) {
    if (path.startsWith(`${pointer}/`)) exact.set(path.slice(pointer.length), source);
  }
  return exact.size === 0 ? frame : { ...frame, exact };
}

function hasExponent(text: string): boolean {
  return MAYBE_EXPONENT.test(text) && EXPONENT.test(text);
}

/** Whether there are 16 digits or points in a row: checks every 16th character and its neighbours. */
function hasManyDigits(text: string): boolean {
  for (let at = MANY_DIGITS - 1; at < text.length; at += MANY_DIGITS) {
    if (!isDigit(text, at)) continue;
    let [from, to] = [at, at + 1];
    while (from > 0 && isDigit(text, from - 1)) from--;
    while (to < text.length && isDigit(text, to)) to++;
    if (to - from >= MANY_DIGITS) return true;
  }
  return false;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return (code >= 48 && code <= 57) || code === 46;
}

/** All inexact numbers of a text, by JSON pointer. @param text valid JSON */
export function exactNumbers(text: string): ExactNumbers {
  const found = new Map<unknown, Map<string, string>>();
  function note(this: unknown, key: string, value: unknown, { source }: SourceContext): unknown {
    if (typeof value !== 'number' || source === undefined || holds(value, source)) return value;
    const inHolder = found.get(this) ?? new Map<string, string>();
    found.set(this, inHolder.set(key, source));
    return value;
  }
  try {
    const parse = JSON.parse as (text: string, reviver: typeof note) => unknown;
    const root = parse(text, note);
    return found.size === 0 ? new Map() : pointersOf(root, found);
  } catch {
    // Nested deeper than the stack: such numbers are no OCPP fields.
    return new Map();
  }
}

/** A value as JSON, with the given numbers as they were written. */
export function writeExact(value: unknown, exact: ExactNumbers | undefined, path = ''): string {
  if (exact === undefined || exact.size === 0) return JSON.stringify(value);
  if (typeof value === 'number') return exact.get(path) ?? JSON.stringify(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${value.map((one, index) => writeExact(one, exact, `${path}/${index}`)).join(',')}]`;
  }
  const members = Object.entries(value).map(
    ([key, one]) => `${JSON.stringify(key)}:${writeExact(one, exact, `${path}/${escaped(key)}`)}`,
  );
  return `{${members.join(',')}}`;
}

function pointersOf(root: unknown, found: ReadonlyMap<unknown, ReadonlyMap<string, string>>): ExactNumbers {
  const exact = new Map<string, string>();
  const todo: (readonly [unknown, string])[] = [[root, '']];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [holder, path] = next;
    if (typeof holder !== 'object' || holder === null) continue;
    for (const [key, source] of found.get(holder) ?? []) exact.set(`${path}/${escaped(key)}`, source);
    for (const [key, value] of Object.entries(holder)) todo.push([value, `${path}/${escaped(key)}`]);
  }
  return exact;
}

function escaped(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Whether the number has exactly the digits that were written. */
function holds(value: number, source: string): boolean {
  if (!Number.isFinite(value)) return false;
  const [one, other] = [decimal(source), decimal(String(value))];
  return one.digits === other.digits && (one.digits === '' || one.exponent === other.exponent);
}

/** The significant digits of a decimal and the exponent of the last; no digits for zero. The sign is ignored. */
function decimal(text: string): { readonly digits: string; readonly exponent: number } {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace(/^[+-]/, '').split('.');
  const digits = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = digits.replace(/(?<!0)0+$/, '');
  return {
    digits: significant,
    exponent: Number(exponent) - fraction.length + digits.length - significant.length,
  };
}
