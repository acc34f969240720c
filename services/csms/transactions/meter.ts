/**
 * Reads the energy register (Energy.Active.Import.Register) out of meter values: the one number that a transaction is
 * billed by. Values are exact decimals in Wh. What is meant for the register and cannot be read is a `trouble`, never a
 * zero and never half a number.
 */
import { add, type Decimal, readDecimal, shift } from '../../ocpp/decimal.ts';
import { isPlausible, LONGEST_TIME, readTime } from '../../ocpp/time.ts';

/** What the versions have in common: 1.6 writes values as text with a unit, 2.x as numbers with a multiplier. */
export interface MeterValue {
  /** Left out by stations that are repaired. */
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
  /** 2.x; in 1.6 the format says SignedData. */
  readonly signedMeterValue?: object;
  readonly unit?: string;
  readonly unitOfMeasure?: { readonly unit?: string; readonly multiplier?: number };
}

/** The register of one moment. */
export interface Reading {
  /** Wh */
  readonly energy: Decimal;
  /** As the station wrote it; undefined where it did not. */
  readonly at: string | undefined;
  /** The phases that were added up, such as `L1 L2`; empty for a sample of the whole, and for the sum of all three. */
  readonly phases: string;
  /** The station says that it is the register at the start of the transaction. */
  readonly begin: boolean;
}

/** Why a sample of the register is no reading. */
export type MeterProblem = 'unit-unknown' | 'value-unreadable';

/** A moment of which no sample of the register could be read. */
export interface UnreadableRegister {
  readonly why: MeterProblem;
  readonly at: string | undefined;
}

export interface Metered {
  /** In the order of the message. */
  readonly readings: readonly Reading[];
  readonly problems: readonly UnreadableRegister[];
}

/** JSON pointer to a number → its text, for numbers that JavaScript cannot hold (ocpp/exact-numbers). */
export type ExactNumbers = ReadonlyMap<string, string>;

/** Both are the default where a sample leaves them out (1.6 §7.43, 2.x Part 2 SampledValueType). */
const REGISTER = 'Energy.Active.Import.Register';
const UNIT = 'Wh';
/** By unit without regard to case: its power of ten of a Wh. */
const POWERS: ReadonlyMap<string, number> = new Map([
  ['wh', 0],
  ['kwh', 3],
]);
/** Where it is measured: at the outlet if not said (1.6 §7.43, 2.x Part 2 SampledValueType). */
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
  const troubles: UnreadableRegister[] = [];
  for (const [at, samples] of moments(values, path, exact)) {
    for (const group of byContext(atOnePlace(samples))) {
      const reading = readingOf(group, at);
      if (typeof reading === 'object') readings.push(reading);
      else if (reading !== undefined) troubles.push({ why: reading, at });
    }
  }
  return { readings, problems: troubles };
}

/** Those with a sample that the meter has signed: evidence (calibration law), of which no number is enough. */
export function signed<Value extends MeterValue>(values: readonly Value[] = []): Value[] {
  return values.filter(({ sampledValue }) =>
    sampledValue.some(
      ({ format, signedMeterValue }) => format === 'SignedData' || signedMeterValue !== undefined,
    ),
  );
}

/** In lists of at most `longest` characters of JSON, unless one alone has more. */
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
 * Whether a reading counts after one of another time: a station that catches up does not turn the register back. Where
 * one of the two times cannot be right, the one that arrives later counts. @param now ms since 1970
 */
export function isNewer(at: string | undefined, than: string | undefined, now: number): boolean {
  const [time, last] = [readTime(at), readTime(than)];
  if (time === undefined || last === undefined) return true;
  return !isPlausible(time, now) || !isPlausible(last, now) || time >= last;
}

/** Whether both times can be right and the first is after the second. @param now ms since 1970 */
export function isAfter(at: string | undefined, than: string | undefined, now: number): boolean {
  const [time, last] = [readTime(at), readTime(than)];
  if (time === undefined || last === undefined) return false;
  return isPlausible(time, now) && isPlausible(last, now) && time > last;
}

/** The newest by the same rule; of equal times the later in the message. */
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

/** The first by time; of those whose time cannot be read the first in the message. */
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

/** The samples of the register by their time: some stations write a meter value for each phase. */
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

/** A text that is longer than any time is not kept. */
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
    // An empty text is what some write for what they leave out.
    if ((measurand || REGISTER) !== REGISTER || (format || 'Raw') !== 'Raw') continue;
    const energy = energyOf(sample, exact?.get(`${path}/${index}/value`) ?? value);
    found.push({ energy, phase: phase || undefined, context: context ?? '', location: location || OUTLET });
  }
  return found;
}

/** Those at the outlet, or at the first place that is named where none is there. */
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

/** Samples of different contexts are of different moments, such as Transaction.Begin and Transaction.End. */
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

/** A sample of the whole counts before the sum of the phases. */
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
  // All three are the whole.
  const phases = byPhase.size === 3 ? '' : [...byPhase.keys()].sort().join(' ');
  return { energy, at, phases, begin };
}
