/** Exact decimals of bills: energy is no binary fraction. The page computes only what it shows before a correction. */
export interface Decimal {
  readonly digits: bigint;
  /** Digits after the point. */
  readonly places: number;
}

const DECIMAL = /^-?\d{1,60}(?:\.\d{1,40})?$/;

/** @returns undefined for any other text */
export function readDecimal(text: string | undefined): Decimal | undefined {
  const given = text?.trim() ?? '';
  if (!DECIMAL.test(given)) return undefined;
  const [whole = '', fraction = ''] = given.split('.');
  return { digits: BigInt(`${whole}${fraction}`), places: fraction.length };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  const places = Math.max(a.places, b.places);
  const scaled = ({ digits, places: own }: Decimal) => digits * 10n ** BigInt(places - own);
  return { digits: scaled(a) - scaled(b), places };
}

/** Whether one is at least so many times the other; false with 0 or less, which is no multiple of anything. @param factor whole */
export function isFarFrom(a: Decimal, b: Decimal, factor: bigint): boolean {
  const places = Math.max(a.places, b.places);
  const [one, other] = [a, b].map(({ digits, places: own }) => digits * 10n ** BigInt(places - own));
  if (one === undefined || other === undefined || one <= 0n || other <= 0n) return false;
  return one >= other * factor || other >= one * factor;
}

/** Without trailing zeros of the fraction: `1500`, `0.5`, `-3`. */
export function writeDecimal({ digits, places }: Decimal): string {
  const isNegative = digits < 0n;
  const text = `${isNegative ? -digits : digits}`.padStart(places + 1, '0');
  const whole = text.slice(0, text.length - places);
  const fraction = text.slice(text.length - places).replace(/0+$/, '');
  return `${isNegative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Wh → kWh, exactly: `15230.5` → `15.2305 kWh`; a text that is no number stays. @returns undefined for '' */
export function exactEnergy(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  const value = readDecimal(text);
  if (value === undefined) return `${text} Wh`;
  return `${writeDecimal({ digits: value.digits, places: value.places + 3 })} kWh`;
}
