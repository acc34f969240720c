/**
 * Reads the energy register (Energy.Active.Import.Register) from meter values: the number that a transaction is billed
 * by. Values are exact decimals in Wh. A sample of the register that cannot be read is a `problem`, never a zero and
 * never a part of a number.
 */
import { add, type Decimal, readDecimal, shift } from '../../ocpp/decimal.ts';
import { isPlausible, LONGEST_TIME, readTime } from '../../ocpp/time.ts';

/** Common to all versions: 1.6 writes values as text with a unit, 2.x as numbers with a multiplier. */
export interface MeterValue {
  /** A repaired message may lack it. */
  readonly timestamp?: string;
  readonly sampledValue: readonly Sample[];
}
interface Sample {
  readonly value: number | string;
  readonly context?: string;
  readonly measurand?: string;
  readonly phase?: string;
  readonly location?: string;
  readonly format?: string;
  /** 2.x; in 1.6 the format is SignedData. */
  readonly signedMeterValue?: object;
  readonly unit?: string;
  readonly unitOfMeasure?: { readonly unit?: string; readonly multiplier?: number };
}

/** The register of one moment. */
export interface Reading {
  /** Wh */
  readonly energy: Decimal;
  /** As the station wrote it, if it did. */
  readonly at: string | undefined;
  /** The phases that were added up, such as `L1 L2`; empty for a total, and for the sum of all three. */
  readonly phases: string;
  /** Its context is Transaction.Begin: the register at the start of the transaction. */
  readonly begin: boolean;
}

/** Why a sample of the register is no reading. */
export type MeterProblem = 'unit-unknown' | 'value-unreadable';

/** A point in time whose samples of the register are unreadable. */
export interface UnreadableRegister {
  readonly why: MeterProblem;
  readonly at: string | undefined;
}

export interface Metered {
  /** In the order of the message. */
  readonly readings: readonly Reading[];
  readonly problems: readonly UnreadableRegister[];
}

/** JSON pointer to a number → its text, for numbers that JavaScript cannot represent (ocpp/exact-numbers). */
export type ExactNumbers = ReadonlyMap<string, string>;

/** The defaults of a sample (1.6 §7.43, 2.x Part 2 SampledValueType). */
const REGISTER = 'Energy.Active.Import.Register';
const UNIT = 'Wh';
/** Lower-case unit → its power of ten of a Wh. */
const POWERS: ReadonlyMap<string, number> = new Map([
  ['wh', 0],
  ['kwh', 3],
]);
/** The default location (1.6 §7.43, 2.x Part 2 SampledValueType). */
const OUTLET = 'Outlet';
const PHASES: readonly (readonly string[])[] = [
  ['L1', 'L2', 'L3'],
  ['L1-N', 'L2-N', 'L3-N'],
];
const BEGIN = 'Transaction.Begin';

/** @param path JSON pointer to the list in its payload, for exact numbers */
export function readMeter(
  values: readonly MeterValue[] = [],
  path = '/meterValue',
  exact?: ExactNumbers,
): Metered {
  const readings: Reading[] = [];
  const problems: UnreadableRegister[] = [];
  for (const [at, samples] of moments(values, path, exact)) {
    for (const group of byContext(atOnePlace(samples))) {
      const reading = readingOf(group, at);
      if (typeof reading === 'object') readings.push(reading);
      else if (reading !== undefined) problems.push({ why: reading, at });
    }
  }
  return { readings, problems };
}

/** Meter values with a signed sample: they are evidence (calibration law), so the number alone is not enough. */
export function signed<Value extends MeterValue>(values: readonly Value[] = []): Value[] {
  return values.filter(({ sampledValue }) =>
    sampledValue.some(
      ({ format, signedMeterValue }) => format === 'SignedData' || signedMeterValue !== undefined,
    ),
  );
}

/** Splits into lists of at most `longest` characters of JSON; a longer value is a list of its own. */
export function inLists(values: readonly MeterValue[], longest: number): MeterValue[][] {
  const lists: MeterValue[][] = [];
  let length = Infinity;
  for (const value of values) {
    const more = JSON.stringify(value).length;
    if (length + more > longest) {
      lists.push([]);
      length = 0;
    }
    lists.at(-1)?.push(value);
    length += more;
  }
  return lists;
}

/**
 * Whether a reading is newer than one of another time: late readings must not set the register back. If one of the two
 * times is implausible, the later arrival counts. @param now ms since 1970
 */
export function isNewer(at: string | undefined, than: string | undefined, now: number): boolean {
  const [time, last] = [readTime(at), readTime(than)];
  if (time === undefined || last === undefined) return true;
  return !isPlausible(time, now) || !isPlausible(last, now) || time >= last;
}

/** Whether both times are plausible and the first is after the second. @param now ms since 1970 */
export function isAfter(at: string | undefined, than: string | undefined, now: number): boolean {
  const [time, last] = [readTime(at), readTime(than)];
  if (time === undefined || last === undefined) return false;
  return isPlausible(time, now) && isPlausible(last, now) && time > last;
}

/** The newest by the rule of isNewer; of equal times the last in the message. */
export function newest(readings: readonly Reading[], now: number): Reading | undefined {
  if (readings.length < 2) return readings[0];
  const after = readings.filter(({ begin }) => !begin);
  return newestOf(after.length > 0 ? after : readings, now);
}

export function newestOf<Dated extends { readonly at: string | undefined }>(
  all: readonly Dated[],
  now: number,
): Dated | undefined {
  if (all.length < 2) return all[0];
  return all.reduce<Dated | undefined>(
    (best, one) => (best === undefined || isNewer(one.at, best.at, now) ? one : best),
    undefined,
  );
}

/** The oldest by time; of readings with unreadable times the first in the message. */
export function oldest(readings: readonly Reading[]): Reading | undefined {
  const timeOf = ({ at }: Reading) => readTime(at) ?? Infinity;
  return readings.reduce<Reading | undefined>(
    (best, one) => (best === undefined || timeOf(one) < timeOf(best) ? one : best),
    undefined,
  );
}

interface RegisterSample {
  readonly energy: Decimal | MeterProblem;
  readonly phase: string | undefined;
  readonly context: string;
  readonly location: string;
}

type Moment = readonly [at: string | undefined, samples: readonly RegisterSample[]];

/** The samples of the register by time: some stations write a meter value per phase. */
function moments(
  values: readonly MeterValue[],
  path: string,
  exact: ExactNumbers | undefined,
): Iterable<Moment> {
  const [first, ...others] = values;
  if (first === undefined) return [];
  if (others.length === 0) return [[timeOf(first), registerSamples(first, `${path}/0/sampledValue`, exact)]];
  const found = new Map<string | undefined, RegisterSample[]>();
  for (const [index, value] of values.entries()) {
    const at = timeOf(value);
    const samples = registerSamples(value, `${path}/${index}/sampledValue`, exact);
    const known = found.get(at);
    if (known === undefined) found.set(at, samples);
    else known.push(...samples);
  }
  return found;
}

/** A text that is longer than any time is dropped. */
function timeOf({ timestamp }: MeterValue): string | undefined {
  return timestamp !== undefined && timestamp.length > LONGEST_TIME ? undefined : timestamp;
}

function registerSamples(
  { sampledValue }: MeterValue,
  path: string,
  exact: ExactNumbers | undefined,
): RegisterSample[] {
  const found: RegisterSample[] = [];
  for (const [index, sample] of sampledValue.entries()) {
    const { value, measurand, phase, format, context, location } = sample;
    // Some stations write an empty text for an omitted field.
    if ((measurand || REGISTER) !== REGISTER || (format || 'Raw') !== 'Raw') continue;
    const energy = energyOf(sample, exact?.get(`${path}/${index}/value`) ?? value);
    found.push({ energy, phase: phase || undefined, context: context ?? '', location: location || OUTLET });
  }
  return found;
}

/** The samples at the outlet, or at the first named location if there are none. */
function atOnePlace(samples: readonly RegisterSample[]): readonly RegisterSample[] {
  if (samples.length < 2) return samples;
  const place = samples.some(({ location }) => location === OUTLET) ? OUTLET : samples[0]?.location;
  return samples.filter(({ location }) => location === place);
}

function energyOf({ unit, unitOfMeasure }: Sample, value: number | string): Decimal | MeterProblem {
  const power = POWERS.get((unit ?? unitOfMeasure?.unit ?? UNIT).toLowerCase());
  if (power === undefined) return 'unit-unknown';
  const multiplier = unitOfMeasure?.multiplier ?? 0;
  const number = readDecimal(value);
  if (number === undefined || !Number.isInteger(multiplier) || Math.abs(multiplier) > 20)
    return 'value-unreadable';
  return shift(number, power + multiplier);
}

/** Samples of different contexts, such as Transaction.Begin and Transaction.End, belong to different times. */
function byContext(samples: readonly RegisterSample[]): readonly (readonly RegisterSample[])[] {
  if (samples.length < 2) return samples.length === 0 ? [] : [samples];
  const groups = new Map<string, RegisterSample[]>();
  for (const sample of samples) {
    const group = groups.get(sample.context);
    if (group === undefined) groups.set(sample.context, [sample]);
    else group.push(sample);
  }
  return [...groups.values()];
}

/** A sample of the total takes precedence over the sum of the phases. */
function readingOf(
  samples: readonly RegisterSample[],
  at: string | undefined,
): Reading | MeterProblem | undefined {
  const begin = samples[0]?.context === BEGIN;
  const whole = samples.filter(({ phase }) => phase === undefined);
  const readable = whole.findLast(({ energy }) => typeof energy === 'object');
  if (typeof readable?.energy === 'object') return { energy: readable.energy, at, phases: '', begin };
  if (typeof whole[0]?.energy === 'string') return whole[0].energy;
  for (const names of PHASES) {
    const parts = samples.filter(({ phase }) => phase !== undefined && names.includes(phase));
    if (parts.length === 0) continue;
    return sumOf(parts, at, begin);
  }
  return undefined;
}

function sumOf(
  parts: readonly RegisterSample[],
  at: string | undefined,
  begin: boolean,
): Reading | MeterProblem {
  const byPhase = new Map<string, Decimal>();
  for (const { phase = '', energy } of parts) {
    if (typeof energy === 'string') return energy;
    byPhase.set(phase, energy);
  }
  const energy = [...byPhase.values()].reduce((sum, one) => add(sum, one));
  // All three make the total.
  const phases = byPhase.size === 3 ? '' : [...byPhase.keys()].sort().join(' ');
  return { energy, at, phases, begin };
}
