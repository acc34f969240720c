/**
 * What can be understood of a transaction message that its schema refuses.
 *
 * A CALLERROR uses up the station's attempts to send such a message, and then its billing data is gone (1.6 §3.7.1,
 * 2.x E13). So only a fault in what a transaction is billed by is answered with one. Any other is
 * - tolerated where nobody is misled by it: an unknown enum value, a text or number beyond its limit, a value that
 *   is a number instead of text or the other way round;
 * - removed where what is left keeps its meaning: a whole sample, never a part of it, as a sample without its
 *   unit or phase would say something else.
 */
import { everyFault, type SchemaFault } from './schema.ts';
import type { Protocol } from './frame.ts';

/** Without these, valid, nothing is understood. */
const ESSENTIAL: Readonly<Record<string, readonly string[]>> = {
  StartTransaction: ['/connectorId', '/idTag', '/meterStart', '/timestamp'],
  StopTransaction: ['/transactionId', '/meterStop', '/timestamp'],
  MeterValues: ['/connectorId', '/evseId', '/transactionId', '/meterValue'],
  TransactionEvent: [
    '/eventType',
    '/seqNo',
    '/timestamp',
    '/transactionInfo',
    '/transactionInfo/transactionId',
  ],
};

/** Meters count in whole Wh; firmware writes 1500.0, 1500.4 and "1500". */
const METERS: ReadonlySet<string> = new Set(['/meterStart', '/meterStop']);
/** Texts beyond their limit are kept up to this one; inside meter values only the message has a limit. */
const LONGEST = 255;
const IN_METER_VALUES = /^\/(?:meterValue|transactionData)\//;
const SAMPLE_VALUE = /\/sampledValue\/\d+\/value$/;
/** Required, and not needed here: why an event was sent, and when a value was read. */
const MAY_BE_MISSING = /^\/triggerReason$|^\/(?:meterValue|transactionData)\/\d+\/timestamp$/;
/** A removed sample may leave its meter value empty, and that the whole list. */
const ROUNDS = 4;

export interface Salvaged {
  readonly payload: object;
  /** What was wrong with it, in sentences. */
  readonly faults: readonly string[];
}

/** undefined: nothing that could be billed is left. */
export function salvage(protocol: Protocol, action: string, payload: unknown): Salvaged | undefined {
  let left = plain(payload);
  const essential = ESSENTIAL[action] ?? [];
  const first = everyFault(protocol, action, payload);
  for (let round = 0; round < ROUNDS; round++) {
    const faults = everyFault(protocol, action, left);
    const grave = faults.filter((fault) => !isTolerable(fault, essential, valueAt(left, fault.path)));
    if (grave.length === 0) return { payload: left, faults: first.map(({ description }) => description) };
    for (const fault of grave) {
      const target = targetOf(fault);
      const value = METERS.has(target) ? wholeNumber(valueAt(left, target)) : undefined;
      if (value === undefined && (target === '' || essential.includes(target))) return undefined;
      put(left, target, value);
    }
    left = plain(left);
  }
  return undefined;
}

function isTolerable({ keyword, path }: SchemaFault, essential: readonly string[], value: unknown): boolean {
  const short = typeof value === 'number' || (typeof value === 'string' && value.length <= LONGEST);
  switch (keyword) {
    case 'minimum':
    case 'maximum':
    case 'multipleOf':
      return true;
    case 'maxLength':
      return short || IN_METER_VALUES.test(path);
    case 'enum':
    case 'format':
      return short && !essential.includes(path);
    case 'type':
      return short && SAMPLE_VALUE.test(path);
    case 'required':
      return MAY_BE_MISSING.test(path);
    default:
      return false;
  }
}

/** What goes when this is wrong: the sample or other element that it is part of, else the field itself. */
function targetOf({ keyword, path }: SchemaFault): string {
  const element = /^.*\/\d+(?=\/|$)/.exec(path)?.[0];
  if (element !== undefined && element !== path) return element;
  return keyword === 'required' ? path.slice(0, path.lastIndexOf('/')) : path;
}

/** A copy without vendors' own data, and without null, which some write for what they leave out. */
function plain(payload: unknown): object {
  return JSON.parse(JSON.stringify(payload), (key, value: unknown) => {
    if (value === null || key === 'customData') return undefined;
    return Array.isArray(value) ? value.filter((one) => one !== undefined) : value;
  }) as object;
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? Math.round(number) : undefined;
}

function valueAt(payload: unknown, path: string): unknown {
  let at = payload;
  for (const name of path.split('/').slice(1)) at = isRecord(at) ? at[name] : undefined;
  return at;
}

/** Elements become undefined for now: the places of the others are named by faults that are still to come. */
function put(payload: object, path: string, value: unknown): void {
  const split = path.lastIndexOf('/');
  const holder = valueAt(payload, path.slice(0, split));
  if (isRecord(holder)) holder[path.slice(split + 1)] = value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
