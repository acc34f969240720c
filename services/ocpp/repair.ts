/**
 * What can be understood of a payload that its schema refuses. Real firmware breaks the schemas every day, and a
 * CALLERROR helps nobody then: it uses up the attempts of a transaction message until its billing data is gone (1.6
 * §3.7.1, 2.x E13), locks a model out at its BootNotification, or hides its faults.
 *
 * Validation comes first, so a valid payload never gets here. Each fault of a payload is repaired by one row of the
 * table `REPAIRS`, by the kind of rule that is broken: it is tolerated as it is, replaced by the value that is meant, or
 * removed. Where a sample of a meter loses a part that changes its meaning, the whole sample goes. Only what the message
 * cannot do without (`ESSENTIAL`) is refused. Pure functions.
 */
import { readDecimal, writeDecimal } from './decimal.ts';
import type { Protocol } from './frame.ts';
import { everyFault, type SchemaFault } from './schema.ts';
import { readTime } from './time.ts';

/** What was repaired, as words of a metric. */
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

export interface Repaired {
  readonly payload: object;
  readonly kinds: ReadonlySet<RepairKind>;
  /** Kinds by JSON pointer. */
  readonly places: ReadonlyMap<string, RepairKind>;
  /** What was wrong, in sentences. */
  readonly faults: readonly string[];
  /** See Frame.exact; numbers that were written as text are in it too. */
  readonly exact: ReadonlyMap<string, string>;
}

/**
 * Without these a message says nothing that could be handled. Everything else may be missing. Missing objects and lists
 * become empty ones, so that a handler finds what its schema promises.
 */
const ESSENTIAL: Readonly<Record<string, readonly string[]>> = {
  Authorize: ['/idTag', '/idToken/idToken'],
  DiagnosticsStatusNotification: ['/status'],
  FirmwareStatusNotification: ['/status'],
  GetCertificateChainStatus: ['/certificateStatusRequests'],
  LogStatusNotification: ['/status'],
  NotifyPeriodicEventStream: ['/id'],
  NotifySettlement: ['/pspRef', '/settlementAmount'],
  PublishFirmwareStatusNotification: ['/status'],
  SecurityEventNotification: ['/type'],
  SignedFirmwareStatusNotification: ['/status'],
  StatusNotification: ['/connectorId', '/evseId', '/status', '/connectorStatus'],
  TransactionEvent: ['/eventType', '/transactionInfo/transactionId'],
  VatNumberValidation: ['/vatNumber'],
};
for (const report of ['NotifyReport', 'NotifyMonitoringReport', 'NotifyCustomerInformation'])
  Object.assign(ESSENTIAL, { [report]: ['/requestId'] });
for (const report of ['NotifyDisplayMessages', 'ReportChargingProfiles', 'ReportDERControl'])
  Object.assign(ESSENTIAL, { [report]: ['/requestId'] });

/** Integers of the schema that meters count in fractions: they are exact decimals here. */
const METERS: ReadonlySet<string> = new Set(['/meterStart', '/meterStop']);
/** Longest text that is stored; a longer one is cut. */
const LONGEST = 2000;
const SAMPLE = /^(\/(?:meterValue|transactionData)\/\d+\/sampledValue\/\d+)\/([^/]+)/;
/** Parts of a sample that say what its number is. Without one of them it would say something else. */
const MEANING: ReadonlySet<string> = new Set([
  ...['value', 'measurand', 'phase', 'context', 'format', 'location', 'unit', 'unitOfMeasure'],
]);
const TOKEN_TEXT = /\/(?:idToken|groupIdToken)\/idToken$/;
/** A text where one of these is meant: the field that it stands for. */
const WRAPPED: ReadonlyMap<string, string> = new Map([
  ['unitOfMeasure', 'unit'],
  ['idToken', 'idToken'],
  ['evse', 'id'],
  ['groupIdToken', 'idToken'],
]);
/** A repair may show what was hidden behind it. */
const ROUNDS = 10;

/** What becomes of a value. */
type Verdict =
  | { readonly kind: RepairKind; readonly verdict: 'keep' }
  | { readonly kind: RepairKind; readonly verdict: 'set'; readonly value: unknown; readonly exact?: string }
  | { readonly kind: 'removed'; readonly verdict: 'remove' };

interface Asked {
  readonly fault: SchemaFault;
  readonly value: unknown;
  /** The number as the station wrote it, where JavaScript cannot hold it. */
  readonly exact: string | undefined;
  /** RFC 3339: when the message was received. */
  readonly receivedAt: string;
}

const keep = (kind: RepairKind): Verdict => ({ kind, verdict: 'keep' });
const set = (kind: RepairKind, value: unknown): Verdict => ({ kind, verdict: 'set', value });
const REMOVE: Verdict = { kind: 'removed', verdict: 'remove' };

/** Keyword of JSON schema → what is done about it. */
const REPAIRS: Readonly<Record<string, (asked: Asked) => Verdict>> = {
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

/** undefined: something is missing or unreadable that the message cannot do without. */
export function repair(
  protocol: Protocol,
  action: string,
  payload: unknown,
  receivedAt: string,
  exact: ReadonlyMap<string, string> = new Map(),
): Repaired | undefined {
  const faults = everyFault(protocol, action, payload);
  const work = new Work(ESSENTIAL[action] ?? [], withoutNull(payload), receivedAt, new Map(exact));
  if (faults.some(({ path }) => valueAt(payload, path) === null)) work.places.set('', 'null');
  // Own properties are no fault of `everyFault`: where there is none, they were the only one.
  if (faults.length === 0) work.places.set('', 'own-fields');
  for (let round = 0; round < ROUNDS; round++) {
    const open = everyFault(protocol, action, work.payload).filter(({ path }) => !work.kept.has(path));
    if (open.length === 0) {
      const sentences = faults.map(({ description }) => description);
      return {
        payload: work.payload,
        places: work.places,
        kinds: new Set(work.places.values()),
        faults: sentences.length === 0 ? ['the payload has properties of its own'] : sentences,
        exact: work.exact,
      };
    }
    if (!open.every((fault) => work.mend(fault))) return undefined;
    work.compact();
  }
  return undefined;
}

/** A payload while it is repaired. */
class Work {
  readonly places = new Map<string, RepairKind>();
  /** Places of faults that are left as they are. */
  readonly kept = new Set<string>();
  readonly exact: Map<string, string>;
  readonly #essential: readonly string[];
  readonly #receivedAt: string;
  payload: object;
  #removed = false;

  constructor(essential: readonly string[], payload: object, receivedAt: string, exact: Map<string, string>) {
    this.#essential = essential;
    this.payload = payload;
    this.#receivedAt = receivedAt;
    this.exact = exact;
  }

  /** @returns false where it cannot be mended, and is essential */
  mend(fault: SchemaFault): boolean {
    const { path, keyword } = fault;
    if (path.includes('/customData')) return this.#keep(path, 'own-fields');
    const value = valueAt(this.payload, path);
    const asked = { fault, value, receivedAt: this.#receivedAt, exact: this.exact.get(path) };
    const verdict = REPAIRS[keyword]?.(asked) ?? REMOVE;
    const absent = keyword === 'required' || keyword === 'minItems';
    const useless = absent || verdict.verdict === 'remove' || path === '/eventType';
    if (useless && verdict.kind !== 'spelling' && this.#essential.includes(path)) return false;
    const sample = SAMPLE.exec(path);
    // A sample without its value is none, nor is a token without its text.
    if (absent && sample?.[2] === 'value') return this.#remove(sample[1] ?? path);
    if (useless && TOKEN_TEXT.test(path)) return this.#remove(path.slice(0, path.lastIndexOf('/')));
    if (verdict.verdict === 'keep') return this.#keep(path, verdict.kind);
    if (verdict.verdict === 'remove') return this.#remove(targetOf(path));
    if (verdict.exact === undefined) this.exact.delete(path);
    else this.exact.set(path, verdict.exact);
    put(this.payload, path, verdict.value);
    this.places.set(path, verdict.kind);
    return true;
  }

  /** Takes out what was removed. Elements behind it move up, and are looked at again. */
  compact(): void {
    if (!this.#removed) return;
    this.#removed = false;
    this.payload = withoutNull(this.payload);
    this.kept.clear();
  }

  #keep(path: string, kind: RepairKind): boolean {
    this.kept.add(path);
    this.places.set(path, kind);
    return true;
  }

  #remove(path: string): boolean {
    if (path === '') return false;
    this.#removed = true;
    put(this.payload, path, undefined);
    this.places.set(path, 'removed');
    return true;
  }
}

/** What goes with a part that cannot be read: the sample whose meaning it is part of, else the part alone. */
function targetOf(path: string): string {
  const sample = SAMPLE.exec(path);
  return sample !== null && MEANING.has(sample[2] ?? '') ? (sample[1] ?? path) : path;
}

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

/** The whole text is a number, or it is none: `1,5` and `0x10` are not. */
function numeric(value: unknown, path: string, wanted: string, exact: string | undefined): Verdict {
  const text = exact ?? (typeof value === 'number' ? String(value) : value);
  const decimal = typeof text === 'string' ? readDecimal(text) : undefined;
  if (decimal === undefined) {
    // Where it is the value of a sample, the meter reading reports it; elsewhere there is nothing to read.
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

/** A copy without null, which some write for what they leave out. */
function withoutNull(payload: unknown): object {
  const copy = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.filter((one) => one !== null && one !== undefined).map(copy);
    if (!isRecord(value)) return value;
    const there = Object.entries(value).filter(([, one]) => one !== null && one !== undefined);
    return Object.fromEntries(there.map(([name, one]) => [name, copy(one)]));
  };
  return copy(payload) as object;
}

function valueAt(payload: unknown, path: string): unknown {
  let at = payload;
  for (const name of path.split('/').slice(1)) at = isRecord(at) ? at[unescaped(name)] : undefined;
  return at;
}

/** Elements become undefined for now: the places of the others are named by faults that are still to come. */
function put(payload: object, path: string, value: unknown): void {
  const split = path.lastIndexOf('/');
  const holder = valueAt(payload, path.slice(0, split));
  if (isRecord(holder)) holder[unescaped(path.slice(split + 1))] = value;
}

/** RFC 6901 */
function unescaped(name: string): string {
  return name.includes('~') ? name.replaceAll('~1', '/').replaceAll('~0', '~') : name;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
