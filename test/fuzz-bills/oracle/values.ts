/**
 * How a careful human reads what a station wrote: whole numbers with all their digits, times in any form of ISO 8601, and
 * the energy register of a message. Written apart from the product, and nothing of the product is used.
 */
import { isObject, type Json, Literal } from '../draft.ts';

/** Energy in thousandths of a millionth of a Wh: no digit that a station writes is lost. */
export type Energy = bigint;
const PLACES = 9;

/** undefined unless the whole text is one number of a size that a meter can have. @param shift power of ten */
export function readEnergy(value: Json | undefined, shift = 0): Energy | undefined {
  const text = value instanceof Literal ? value.text : typeof value === 'number' ? `${value}` : value;
  if (typeof text !== 'string') return undefined;
  const match = /^([+-]?)(\d{1,30})(?:\.(\d{0,20}))?(?:[eE]([+-]?\d{1,2}))?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const places = PLACES + shift + Number(exponent) - fraction.length;
  const digits = BigInt(`${whole}${fraction}`);
  const size = places >= 0 ? digits * 10n ** BigInt(places) : digits / 10n ** BigInt(-places);
  return sign === '-' ? -size : size;
}

/** In Wh, for people. */
export function wattHours(energy: Energy | undefined): string {
  if (energy === undefined) return 'unknown';
  const digits = (energy < 0n ? -energy : energy).toString().padStart(PLACES + 1, '0');
  const fraction = digits.slice(-PLACES).replace(/0+$/, '');
  return `${energy < 0n ? '-' : ''}${digits.slice(0, -PLACES)}${fraction && `.${fraction}`}`;
}

/** ms since 1970; without zone it is UTC. */
export function readMoment(value: Json | undefined): number | undefined {
  if (typeof value !== 'string') return undefined;
  const pattern =
    /^(\d{4})-?(\d\d)-?(\d\d)(?:[tT ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?([zZ]|[+-]\d\d(?::?\d\d)?)?$/;
  const match = pattern.exec(value.trim());
  if (match === null) return undefined;
  const numbers = match.slice(1, 7).map((part) => Number(part ?? 0));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = numbers;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60)
    return undefined;
  const [, east = '+', hours = '0', minutes = '0'] = /^([+-])(\d\d):?(\d\d)?$/.exec(match[8] ?? '') ?? [];
  const offset = (Number(hours) * 60 + Number(minutes)) * (east === '-' ? -60_000 : 60_000);
  const fraction = Math.floor(Number(`0.${(match[7] ?? '0').slice(0, 9)}`) * 1000);
  return Date.UTC(year, month - 1, day, hour, minute, second, fraction) - offset;
}

/** A whole number as the station meant it, whatever its size. */
export function readId(value: Json | undefined): string | undefined {
  const text = value instanceof Literal ? value.text : typeof value === 'number' ? `${value}` : value;
  return typeof text === 'string' && /^-?\d+$/.test(text.trim()) ? text.trim() : undefined;
}

export function readText(value: Json | undefined): string | undefined {
  if (typeof value === 'number') return `${value}`;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A register that a message tells; `unit` and `value` say what of it cannot be understood. */
export type Register =
  | { readonly said: 'energy'; readonly energy: Energy }
  | { readonly said: 'unit' | 'value' };

/** One for each meter value that has a sample of the register. */
export function readRegisters(meterValue: Json | undefined): Register[] {
  return listOf(meterValue).flatMap((value) => {
    const samples = listOf(value['sampledValue']).filter(isRegister);
    const whole = samples.filter(({ phase }) => phase === undefined || phase === null).map(readSample);
    if (whole.length > 0) return whole.findLast(({ said }) => said === 'energy') ?? whole.slice(-1);
    const parts = samples.map(readSample);
    const broken = parts.find(({ said }) => said !== 'energy');
    if (broken !== undefined || parts.length === 0) return broken ?? [];
    const energy = parts.reduce((sum, part) => sum + (part.said === 'energy' ? part.energy : 0n), 0n);
    return { said: 'energy', energy } as const;
  });
}

function isRegister({ measurand }: { readonly [name: string]: Json }): boolean {
  return (measurand ?? 'Energy.Active.Import.Register') === 'Energy.Active.Import.Register';
}

const SHIFTS: ReadonlyMap<string, number> = new Map([
  ['wh', 0],
  ['kwh', 3],
]);

function readSample({ value, unit, unitOfMeasure }: { readonly [name: string]: Json }): Register {
  const measure = isObject(unitOfMeasure) ? unitOfMeasure : {};
  const word = unit ?? measure['unit'] ?? 'Wh';
  const shift = typeof word === 'string' ? SHIFTS.get(word.trim().toLowerCase()) : undefined;
  const multiplier = Number(measure['multiplier'] ?? 0);
  if (shift === undefined || !Number.isInteger(multiplier)) return { said: 'unit' };
  const energy = readEnergy(value, shift + multiplier);
  return energy === undefined ? { said: 'value' } : { said: 'energy', energy };
}

/** A list, or the one object in its place. */
function listOf(value: Json | undefined): readonly { readonly [name: string]: Json }[] {
  if (Array.isArray(value)) return (value as readonly Json[]).filter(isObject);
  return isObject(value) ? [value] : [];
}
