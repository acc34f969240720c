/** What is wrong with a payload, at which field. Pure: the page has no validator that compiles, as its policy permits no `eval`. */
import type { Field, GroupField, ListField, NumberField, TextField } from './fields.ts';

export interface Fault {
  readonly code:
    | 'missing'
    | 'unknown'
    | 'text'
    | 'number'
    | 'whole'
    | 'unsafe'
    | 'flag'
    | 'choice'
    | 'group'
    | 'list'
    | 'longest'
    | 'time'
    | 'uri'
    | 'minimum'
    | 'maximum'
    | 'multiple'
    | 'fewest'
    | 'most';
  /** The bound that is broken. */
  readonly bound?: number;
}

/** Path of a field, such as `/meterValue/0/timestamp` → its fault; '' is the payload itself. */
export type Faults = ReadonlyMap<string, Fault>;

export function faultsIn(field: Field, payload: unknown): Faults {
  const faults = new Map<string, Fault>();
  check(field, payload, '', faults);
  return faults;
}

export const pathOf = (path: string, name: string | number): string => `${path}/${name}`;

function check(field: Field, value: unknown, path: string, faults: Map<string, Fault>): void {
  if (field.kind === 'group') return checkGroup(field, value, path, faults);
  if (field.kind === 'list') return checkList(field, value, path, faults);
  const fault = faultOf(field, value);
  if (fault !== undefined) faults.set(path, fault);
}

function checkGroup(group: GroupField, value: unknown, path: string, faults: Map<string, Fault>): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return void faults.set(path, { code: 'group' });
  const given = new Map(Object.entries(value));
  for (const [name, { field, isRequired }] of group.members) {
    if (given.has(name)) check(field, given.get(name), pathOf(path, name), faults);
    else if (isRequired) faults.set(pathOf(path, name), { code: 'missing' });
  }
  if (group.isOpen) return;
  for (const name of given.keys()) {
    if (!group.members.has(name)) faults.set(pathOf(path, name), { code: 'unknown' });
  }
}

function checkList(
  { item, least, most }: ListField,
  value: unknown,
  path: string,
  faults: Map<string, Fault>,
): void {
  if (!Array.isArray(value)) return void faults.set(path, { code: 'list' });
  if (value.length < least) faults.set(path, { code: 'fewest', bound: least });
  if (value.length > most) faults.set(path, { code: 'most', bound: most });
  for (const [place, one] of value.entries()) check(item, one, pathOf(path, place), faults);
}

function faultOf(field: Exclude<Field, GroupField | ListField>, value: unknown): Fault | undefined {
  switch (field.kind) {
    case 'text':
      return typeof value === 'string' ? textFault(field, value) : { code: 'text' };
    case 'number':
      return typeof value === 'number' && Number.isFinite(value)
        ? numberFault(field, value)
        : notNumber(field);
    case 'choice':
      return field.values.some((one) => one === value) ? undefined : { code: 'choice' };
    case 'flag':
      return typeof value === 'boolean' ? undefined : { code: 'flag' };
    default:
      return undefined;
  }
}

const notNumber = ({ isWhole }: NumberField): Fault => ({ code: isWhole ? 'whole' : 'number' });

/** RFC 3339, with a time zone. */
const TIME =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)$/;

function textFault({ maxLength, format }: TextField, text: string): Fault | undefined {
  // JSON schema counts characters, not UTF-16 units.
  if (maxLength !== undefined && text.length > maxLength && Array.from(text).length > maxLength)
    return { code: 'longest', bound: maxLength };
  if (format === 'date-time' && !isTime(text)) return { code: 'time' };
  if (format === 'uri' && !(/^[a-z][a-z\d+.-]*:\S+$/i.test(text) && URL.canParse(text)))
    return { code: 'uri' };
  return undefined;
}

function isTime(text: string): boolean {
  const [, year, month, day] = TIME.exec(text) ?? [];
  if (year === undefined) return false;
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.getUTCDate() === Number(day);
}

function numberFault(field: NumberField, value: number): Fault | undefined {
  const { isWhole, minimum, maximum, multipleOf } = field;
  if (isWhole && !Number.isInteger(value)) return { code: 'whole' };
  // A larger one would be sent as another number than was typed.
  if (isWhole && !Number.isSafeInteger(value)) return { code: 'unsafe' };
  if (minimum !== undefined && value < minimum) return { code: 'minimum', bound: minimum };
  if (maximum !== undefined && value > maximum) return { code: 'maximum', bound: maximum };
  if (multipleOf !== undefined && !isMultiple(value, multipleOf))
    return { code: 'multiple', bound: multipleOf };
  return undefined;
}

/** 0.3 is a multiple of 0.1, although the quotient of the two is no whole number. */
function isMultiple(value: number, of: number): boolean {
  const quotient = value / of;
  return Math.abs(quotient - Math.round(quotient)) < 1e-8;
}
