/** The curves of a running transaction: what is known of its register and power over time. Pure. */
import { payloadIn, type RecordedFrame } from '../live/frames.ts';

/** A reading of a meter. */
export interface Reading {
  /** Seconds since 1970, as the station wrote it. */
  readonly at: number;
  /** Register; Wh. */
  readonly energy?: number;
  /** W */
  readonly power?: number;
}

/** Of one transaction. */
export type Curve = readonly Reading[];

/** Readings of a curve: a day at one a minute, and more. */
const KEPT = 3000;

/** With another reading, in the order of time; a reading of a known time completes it. */
export function withReading(curve: Curve, reading: Reading): Curve {
  const place = curve.findLastIndex(({ at }) => at <= reading.at);
  const before = curve[place];
  if (before?.at === reading.at) {
    const both = { ...before, ...reading };
    if (both.energy === before.energy && both.power === before.power) return curve;
    return curve.with(place, both);
  }
  return curve.toSpliced(place + 1, 0, reading).slice(-KEPT);
}

/** What a transaction of the API says of its register. */
export function readingOf({
  lastMeter,
  lastMeterAt,
}: {
  readonly lastMeter?: string;
  readonly lastMeterAt?: string;
}): Reading | undefined {
  const at = secondsOf(lastMeterAt);
  const energy = numberOf(lastMeter);
  return at === undefined || energy === undefined ? undefined : { at, energy };
}

export interface FrameReadings {
  readonly transaction: string;
  readonly readings: readonly Reading[];
}

interface SampledValue {
  readonly value?: unknown;
  readonly measurand?: string;
  readonly phase?: string;
  readonly location?: string;
  /** 1.6 */
  readonly unit?: string;
  /** 2.x */
  readonly unitOfMeasure?: { readonly unit?: string; readonly multiplier?: number };
}

interface MeterPayload {
  readonly transactionId?: number | string;
  readonly transactionInfo?: { readonly transactionId?: string };
  readonly meterValue?: readonly {
    readonly timestamp?: string;
    readonly sampledValue?: readonly SampledValue[];
  }[];
}

/** What a recorded frame says of the meter of a transaction; undefined for any other frame. */
export function readingsIn(frame: RecordedFrame): FrameReadings | undefined {
  const { direction, type, action } = frame;
  if (direction !== 'in' || type !== 'call' || (action !== 'MeterValues' && action !== 'TransactionEvent'))
    return undefined;
  const payload = payloadIn(frame);
  if (typeof payload !== 'object' || payload === null) return undefined;
  const { transactionId, transactionInfo, meterValue } = payload as MeterPayload;
  const transaction = transactionInfo?.transactionId ?? transactionId;
  if (transaction === undefined || !Array.isArray(meterValue)) return undefined;
  const readings = (meterValue as NonNullable<MeterPayload['meterValue']>).flatMap(
    ({ timestamp, sampledValue }) => {
      const at = secondsOf(timestamp);
      if (at === undefined || !Array.isArray(sampledValue)) return [];
      const values = sampledValue as readonly SampledValue[];
      const energy = sumOf(values, 'Energy.Active.Import.Register', 'Wh');
      const power = sumOf(values, 'Power.Active.Import', 'W');
      if (energy === undefined && power === undefined) return [];
      return [{ at, ...(energy !== undefined && { energy }), ...(power !== undefined && { power }) }];
    },
  );
  return { transaction: String(transaction), readings };
}

/** The value of all phases: as the station sums it, or as a sum of those that it sends one by one. In the unit. */
function sumOf(values: readonly SampledValue[], measurand: string, unit: 'Wh' | 'W'): number | undefined {
  const found = values.filter(
    (one) =>
      (one.measurand ?? 'Energy.Active.Import.Register') === measurand &&
      (one.location ?? 'Outlet') === 'Outlet',
  );
  const whole = found.find(({ phase }) => phase === undefined);
  // Voltages between phases have no power of their own.
  const parts = whole === undefined ? found.filter(({ phase }) => /^L\d(?:-N)?$/.test(phase ?? '')) : [whole];
  const numbers = parts.map((one) => scaled(one, unit));
  return numbers.length === 0 || numbers.includes(undefined)
    ? undefined
    : numbers.reduce((sum: number, one) => sum + (one ?? 0), 0);
}

function scaled({ value, unit, unitOfMeasure }: SampledValue, wanted: 'Wh' | 'W'): number | undefined {
  const number = numberOf(value);
  if (number === undefined) return undefined;
  const given = unitOfMeasure?.unit ?? unit ?? wanted;
  if (given !== wanted && given !== `k${wanted}`) return undefined;
  return number * (given === wanted ? 1 : 1000) * 10 ** (unitOfMeasure?.multiplier ?? 0);
}

/** Points of a chart: seconds and kWh. */
export const energyPoints = (curve: Curve): (readonly [number, number])[] =>
  curve.flatMap(({ at, energy }) => (energy === undefined ? [] : [[at, energy / 1000] as const]));

/** Points of a chart: seconds and kW. Without power of the station, the average between two readings of the register. */
export function powerPoints(curve: Curve): {
  readonly points: readonly (readonly [number, number])[];
  readonly isMeasured: boolean;
} {
  const measured = curve.flatMap(({ at, power }) =>
    power === undefined ? [] : [[at, power / 1000] as const],
  );
  if (measured.length > 0) return { points: measured, isMeasured: true };
  const registers = energyPoints(curve);
  const points = registers.flatMap(([at, kWh], place): (readonly [number, number])[] => {
    const before = registers[place - 1];
    if (before === undefined || at <= before[0]) return [];
    return [[at, ((kWh - before[1]) * 3600) / (at - before[0])]];
  });
  return { points, isMeasured: false };
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

function secondsOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : ms / 1000;
}
