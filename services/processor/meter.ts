/**
 * Reads the energy register (Energy.Active.Import.Register) out of meter values: the one number that a transaction is
 * billed by. Values are exact decimals in Wh. What is meant for the register and cannot be read is a `trouble`, never a
 * zero and never half a number.
 */
import { add, type Decimal, readDecimal, shift } from '../ocpp/decimal.ts';
import { isPlausible, readTime } from '../ocpp/time.ts';

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
export type Trouble = 'unit-unknown' | 'value-unreadable';

export interface Metered {
  /** In the order of the message. */
  readonly readings: readonly Reading[];
  /** Of samples of a moment of which no other sample could be read. */
  readonly troubles: readonly Trouble[];
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
  const troubles: Trouble[] = [];
  for (const [index, value] of values.entries()) {
    const samples = registerSamples(value, `${path}/${index}/sampledValue`, exact);
    for (const group of byContext(samples)) {
      const reading = readingOf(group, value.timestamp);
      if (typeof reading === 'object') readings.push(reading);
      else if (reading !== undefined) troubles.push(reading);
    }
  }
  return { readings, troubles };
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

/** The newest of the readings by the same rule; of equal times the later in the message. */
export function newest(readings: readonly Reading[], now: number): Reading | undefined {
  const after = readings.filter(({ begin }) => !begin);
  const all = after.length > 0 ? after : readings;
  return all.reduce<Reading | undefined>(
    (best, one) => (best === undefined || isNewer(one.at, best.at, now) ? one : best),
    undefined,
  );
}

interface RegisterSample {
  readonly energy: Decimal | Trouble;
  readonly phase: string | undefined;
  readonly context: string;
}

/** The samples of the register at one place: the outlet, or the first place that is named where none is there. */
function registerSamples(
  { sampledValue }: MeterValue,
  path: string,
  exact: ExactNumbers | undefined,
): RegisterSample[] {
  const found: (RegisterSample & { readonly location: string })[] = [];
  for (const [index, sample] of sampledValue.entries()) {
    const { value, measurand, phase, format, context, location } = sample;
    if ((measurand ?? REGISTER) !== REGISTER || (format ?? 'Raw') !== 'Raw') continue;
    const energy = energyOf(sample, exact?.get(`${path}/${index}/value`) ?? value);
    found.push({ energy, phase, context: context ?? '', location: location ?? OUTLET });
  }
  if (found.length < 2) return found;
  const place = found.some(({ location }) => location === OUTLET) ? OUTLET : found[0]?.location;
  return found.filter(({ location }) => location === place);
}

function energyOf({ unit, unitOfMeasure }: Sample, value: number | string): Decimal | Trouble {
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
): Reading | Trouble | undefined {
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

function sumOf(parts: readonly RegisterSample[], at: string | undefined, begin: boolean): Reading | Trouble {
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
