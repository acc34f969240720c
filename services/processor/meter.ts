/**
 * Reads the energy register out of meter values: the one number that a transaction is billed by. And tells which
 * of them are kept whole.
 */

export interface Reading {
  readonly wattHours: number;
  /** As the station wrote it. */
  readonly at: string;
}

/** What the versions have in common: 1.6 writes values as text with a unit, 2.x as numbers with a multiplier. */
export interface MeterValue {
  readonly timestamp: string;
  readonly sampledValue: readonly Sample[];
}
interface Sample {
  readonly value: number | string;
  readonly measurand?: string;
  readonly phase?: string;
  readonly format?: string;
  /** 2.x; in 1.6 the format says SignedData. */
  readonly signedMeterValue?: object;
  readonly unit?: string;
  readonly unitOfMeasure?: { readonly unit?: string; readonly multiplier?: number };
}

/** Both are the default where a sample leaves them out (1.6 §7.43, 2.x Part 2 SampledValueType). */
const REGISTER = 'Energy.Active.Import.Register';
const UNIT = 'Wh';
const PER_UNIT: Readonly<Record<string, number>> = { Wh: 1, kWh: 1000 };

/** All readings of the register over all phases, in the order of the message. */
export function readings(values: readonly MeterValue[] = []): Reading[] {
  return values.flatMap(({ timestamp, sampledValue }) =>
    sampledValue.flatMap((sample) => {
      const wattHours = energyOf(sample);
      return wattHours === undefined ? [] : [{ wattHours, at: timestamp }];
    }),
  );
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

function energyOf({ value, measurand, phase, format, unit, unitOfMeasure }: Sample): number | undefined {
  if ((measurand ?? REGISTER) !== REGISTER || phase !== undefined || (format ?? 'Raw') !== 'Raw')
    return undefined;
  const factor = PER_UNIT[unit ?? unitOfMeasure?.unit ?? UNIT];
  if (factor === undefined) return undefined;
  const number = typeof value === 'string' ? Number.parseFloat(value) : value;
  const wattHours = number * factor * 10 ** (unitOfMeasure?.multiplier ?? 0);
  // Thousandths of a Wh: 1.1 kWh shall not come out as 1100.0000000000002 Wh.
  return Number.isFinite(wattHours) ? Math.round(wattHours * 1000) / 1000 : undefined;
}
