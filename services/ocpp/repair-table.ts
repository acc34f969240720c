/**
 * The table of repairs: from the JSON schema rule that a value violates to its repair. A value is kept if it is not
 * misleading, replaced by the intended value, or removed. Pure functions.
 */
import { readDecimal, writeDecimal } from './decimal.ts';
import type { SchemaFault } from './schema.ts';
import { readTime } from './time.ts';

/** Kinds of repair, as label values of a metric. */
export type RepairKind =
  | 'null'
  | 'own-fields'
  | 'digits-as-text'
  | 'number-as-text'
  | 'object-as-text'
  | 'text-as-object'
  | 'one-for-list'
  | 'list-for-one'
  | 'unknown-value'
  | 'spelling'
  | 'long-text'
  | 'out-of-range'
  | 'missing'
  | 'time'
  | 'time-unreadable'
  | 'removed';

/** Integers of the schema that some meters report as fractions: they are kept as exact decimals. */
const METERS: ReadonlySet<string> = new Set(['/meterStart', '/meterStop']);
/** Longest text; a longer one is cut. */
const LONGEST = 2000;
/** A value inside a sample: the sample, and its part. */
export const SAMPLE = /^(\/(?:meterValue|transactionData)\/\d+\/sampledValue\/\d+)\/([^/]+)/;
/** A text where one of these is meant: the field that it stands for. */
const WRAPPED: ReadonlyMap<string, string> = new Map([
  ['unitOfMeasure', 'unit'],
  ['idToken', 'idToken'],
  ['evse', 'id'],
  ['groupIdToken', 'idToken'],
]);

/** What becomes of a value. */
export type Verdict =
  | { readonly kind: RepairKind; readonly verdict: 'keep' }
  | { readonly kind: RepairKind; readonly verdict: 'set'; readonly value: unknown; readonly exact?: string }
  | { readonly kind: 'removed'; readonly verdict: 'remove' };

export interface Asked {
  readonly fault: SchemaFault;
  readonly value: unknown;
  /** The number as the station wrote it, if JavaScript cannot represent it. */
  readonly exact: string | undefined;
  /** RFC 3339: when the message was received. */
  readonly receivedAt: string;
}

const keep = (kind: RepairKind): Verdict => ({ kind, verdict: 'keep' });
const set = (kind: RepairKind, value: unknown): Verdict => ({ kind, verdict: 'set', value });
export const REMOVE: Verdict = { kind: 'removed', verdict: 'remove' };

/** Keyword of JSON schema → repair. */
export const REPAIRS: Readonly<Record<string, (asked: Asked) => Verdict>> = {
  type: retype,
  required: ({ fault, receivedAt }) => fillIn(fault, receivedAt),
  format: ({ fault, value, receivedAt }) => {
    if (!/date-time/.test(fault.description)) return keep('unknown-value');
    return readTime(value) === undefined ? set('time-unreadable', receivedAt) : keep('time');
  },
  enum: ({ fault, value }) => {
    if (typeof value !== 'string') return REMOVE;
    const meant = fault.allowed?.find((one) => String(one).toLowerCase() === value.trim().toLowerCase());
    return meant === undefined ? keep('unknown-value') : set('spelling', meant);
  },
  maxLength: ({ value }) =>
    typeof value === 'string' && value.length > LONGEST
      ? set('long-text', value.slice(0, LONGEST))
      : keep('long-text'),
  minLength: () => keep('out-of-range'),
  minimum: () => keep('out-of-range'),
  maximum: () => keep('out-of-range'),
  multipleOf: () => keep('out-of-range'),
  minItems: () => keep('missing'),
  maxItems: () => keep('out-of-range'),
};

function fillIn({ missing = {} }: SchemaFault, receivedAt: string): Verdict {
  const { type, format, $ref } = missing;
  if (format === 'date-time') return set('time-unreadable', receivedAt);
  if (type === 'array') return set('missing', []);
  if (type === 'object' || ($ref !== undefined && !$ref.endsWith('EnumType'))) return set('missing', {});
  return keep('missing');
}

/** A value of the wrong JSON type. */
function retype({ fault: { wanted, path }, value, exact }: Asked): Verdict {
  if (wanted === 'array' && value !== undefined) return set('one-for-list', [value]);
  if (Array.isArray(value)) return value.length === 1 ? set('list-for-one', value[0]) : REMOVE;
  switch (wanted) {
    case 'integer':
    case 'number':
      return numeric(value, path, wanted, exact);
    case 'boolean':
      return boolean(value);
    case 'string':
      if (typeof value === 'number') return set('number-as-text', exact ?? String(value));
      if (typeof value === 'boolean') return set('number-as-text', String(value));
      return path === '/data' ? set('object-as-text', JSON.stringify(value)) : REMOVE;
    case 'object': {
      const name = WRAPPED.get(path.slice(path.lastIndexOf('/') + 1));
      if (name === undefined || (typeof value !== 'string' && typeof value !== 'number')) return REMOVE;
      return set('text-as-object', { [name]: name === 'id' ? value : (exact ?? String(value)) });
    }
    default:
      return REMOVE;
  }
}

/** The whole text must be a number: `1,5` and `0x10` are not. */
function numeric(value: unknown, path: string, wanted: string, exact: string | undefined): Verdict {
  const text = exact ?? (typeof value === 'number' ? String(value) : value);
  const decimal = typeof text === 'string' ? readDecimal(text) : undefined;
  // Some stations use ids that are no numbers.
  if (
    decimal === undefined &&
    path === '/transactionId' &&
    typeof value === 'string' &&
    value.trim() !== ''
  ) {
    return keep('unknown-value');
  }
  if (decimal === undefined) {
    // The reader of meter values reports an unreadable sample; any other value is removed.
    return SAMPLE.exec(path)?.[2] === 'value' && (typeof value === 'string' || typeof value === 'number')
      ? keep('unknown-value')
      : REMOVE;
  }
  const written = writeDecimal(decimal);
  const number = Number(written);
  const whole = !written.includes('.');
  if (!whole && wanted === 'integer') {
    if (!METERS.has(path)) return REMOVE;
    if (typeof value === 'number') return keep('out-of-range');
  }
  const kind = typeof value === 'string' ? 'digits-as-text' : 'out-of-range';
  if (typeof value === 'number') return keep(kind);
  return String(number) === written
    ? set(kind, number)
    : { kind, verdict: 'set', value: number, exact: written };
}

function boolean(value: unknown): Verdict {
  if (value === 1 || value === '1' || /^true$/i.test(String(value))) return set('digits-as-text', true);
  if (value === 0 || value === '0' || /^false$/i.test(String(value))) return set('digits-as-text', false);
  return REMOVE;
}
