/**
 * Exact decimals for energy: bills need them, because a binary fraction of kWh is no whole number of Wh. A decimal is
 * `digits` × 10^`exponent`. It has only the operations that billing needs.
 */

export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** A text that is a decimal number as a whole; not `1,5`, `1 500`, `0x10` or `1e400`. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE]([+-]?\d{1,3}))?$/;
/** The common case. */
const WHOLE = /^\d{1,15}$/;
/** Limits beyond any meter, for the numbers that are computed from a text. */
const LONGEST = 128;
const LARGEST_EXPONENT = 30;

/** Undefined unless the whole text is a number, of at most 128 characters. */
export function readDecimal(value: unknown): Decimal | undefined {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value.trim() : '';
  if (text.length > LONGEST) return undefined;
  if (WHOLE.test(text)) return { digits: BigInt(text), exponent: 0 };
  const match = DECIMAL.exec(text);
  if (match === null) return undefined;
  const exponent = Number(match[1] ?? 0);
  if (Math.abs(exponent) > LARGEST_EXPONENT) return undefined;
  const [mantissa = ''] = text.split(/[eE]/);
  const [whole = '', fraction = ''] = mantissa.replace('+', '').split('.');
  return { digits: BigInt(`${whole}${fraction}`), exponent: exponent - fraction.length };
}

/** times 10^`places` */
export function shift({ digits, exponent }: Decimal, places: number): Decimal {
  return { digits, exponent: exponent + places };
}

export function add(a: Decimal, b: Decimal): Decimal {
  const exponent = Math.min(a.exponent, b.exponent);
  return { digits: scaled(a, exponent) + scaled(b, exponent), exponent };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, { digits: -b.digits, exponent: b.exponent });
}

/** Negative, 0 or positive if a is less than, equal to or greater than b. */
export function compare(a: Decimal, b: Decimal): number {
  const exponent = Math.min(a.exponent, b.exponent);
  const [left, right] = [scaled(a, exponent), scaled(b, exponent)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Without exponent and without trailing zeros of the fraction: `1500`, `0.5`, `-3`. */
export function writeDecimal({ digits, exponent }: Decimal): string {
  const sign = digits < 0n ? '-' : '';
  const text = (digits < 0n ? -digits : digits).toString();
  if (exponent >= 0) return digits === 0n ? '0' : `${sign}${text}${'0'.repeat(exponent)}`;
  const padded = text.padStart(1 - exponent, '0');
  const fraction = padded.slice(exponent).replace(/0+$/, '');
  return `${sign}${padded.slice(0, exponent)}${fraction === '' ? '' : `.${fraction}`}`;
}

function scaled({ digits, exponent }: Decimal, to: number): bigint {
  return exponent === to ? digits : digits * 10n ** BigInt(exponent - to);
}
