/** Times and energies are read exactly: nothing is rounded, guessed, or read in part. */
import test from 'ava';
import * as fc from 'fast-check';
import { add, compare, readDecimal, shift, subtract, writeDecimal } from '../../services/ocpp/decimal.ts';
import { isPlausible, readTime, utc } from '../../services/ocpp/time.ts';

const TIMES: readonly [written: unknown, instant: string | undefined][] = [
  ['2026-11-28T10:00:00Z', '2026-11-28T10:00:00.000Z'],
  ['2026-11-28T10:00:00.123Z', '2026-11-28T10:00:00.123Z'],
  ['2026-11-28T10:00Z', '2026-11-28T10:00:00.000Z'],
  ['20261128T100000Z', '2026-11-28T10:00:00.000Z'],
  ['20261128T1000+0530', '2026-11-28T04:30:00.000Z'],
  ['2026-11-28T10:00:00+03', '2026-11-28T07:00:00.000Z'],
  ['2026-11-28T10:00:00-01:30', '2026-11-28T11:30:00.000Z'],
  ['2026-11-28T10:00:00', '2026-11-28T10:00:00.000Z'],
  ['2026-11-28 10:00:00,5', '2026-11-28T10:00:00.500Z'],
  ['2026-11-28t10:00:00z', '2026-11-28T10:00:00.000Z'],
  ['2026-11-28T10:00:60Z', '2026-11-28T10:01:00.000Z'],
  ['2026-11-28T24:00:00Z', '2026-11-29T00:00:00.000Z'],
  ['2028-02-29T00:00:00Z', '2028-02-29T00:00:00.000Z'],
  ['2026-11-28T10:00:00.123456789Z', '2026-11-28T10:00:00.123Z'],
  [' 2026-11-28T10:00:00Z ', '2026-11-28T10:00:00.000Z'],
  ['1795860000', '2026-11-28T10:00:00.000Z'],
  [1795860000000, '2026-11-28T10:00:00.000Z'],
  ...['', 'noon', '2026-13-01T00:00:00Z', '2026-02-29T00:00:00Z', '2026-02-30T00:00:00Z'].map(none),
  ...['2026-11-28T25:00:00Z', '2026-11-28T24:00:01Z', '2026-11-28T10:61:00Z', '28.11.2026 10:00'].map(none),
  ...['2026-11-28T10:00:00+24:00', '2026-11-28T10:00:00+03:60', '2026-11-28T10', '12345'].map(none),
  ...[null, undefined, {}, true, Number.NaN, Infinity].map(none),
];

function none(written: unknown): [unknown, undefined] {
  return [written, undefined];
}

for (const [written, instant] of TIMES) {
  test(`the time ${JSON.stringify(written)} ${String(written)} is ${instant ?? 'none'}`, (t) => {
    const read = readTime(written);
    t.is(read === undefined ? undefined : utc(read), instant);
  });
}

test('every instant is read back from each of its forms, in any zone of this process', (t) => {
  const instants = fc.date({
    min: new Date('2015-01-01T00:00:00Z'),
    max: new Date('2099-12-31T23:59:59Z'),
    noInvalidDate: true,
  });
  fc.assert(
    fc.property(instants, fc.integer({ min: -839, max: 839 }), (date, offset) => {
      const ms = date.getTime();
      const zone = `${offset < 0 ? '-' : '+'}${String(Math.trunc(Math.abs(offset) / 60)).padStart(2, '0')}:${String(Math.abs(offset) % 60).padStart(2, '0')}`;
      const local = new Date(ms + offset * 60_000).toISOString().replace('Z', zone);
      const basic = date.toISOString().replaceAll(/[-:]/g, '');
      return [date.toISOString(), local, basic].every((text) => readTime(text) === ms);
    }),
  );
  t.pass();
});

test('a clock is plausible from 2015 to tomorrow', (t) => {
  const now = Date.parse('2026-11-28T10:00:00Z');
  const at = (text: string) => isPlausible(Date.parse(text), now);
  t.deepEqual(
    ['1970-01-01T00:00:00Z', '2014-12-31T23:59:59Z', '2038-01-19T03:14:07Z', '2026-11-29T10:00:01Z'].filter(
      at,
    ),
    [],
  );
  t.true(['2015-01-01T00:00:00Z', '2026-11-29T10:00:00Z'].every(at));
});

const DECIMALS: readonly [written: unknown, wattHoursOfKwh: string | undefined][] = [
  ['1.1', '1100'],
  ['0.0001', '0.1'],
  ['12345678901234567890.123', '12345678901234567890123'],
  ['-0.5', '-500'],
  ['1e3', '1000000'],
  ['.5', '500'],
  ['5.', '5000'],
  [' 7 ', '7000'],
  [0.1, '100'],
  [0, '0'],
  ...['1,5', '1 500', '0x10', '1e400', '', '.', '-', 'NaN', '--5', '1.2.3', '9'.repeat(129)].map(none),
  ...[Infinity, Number.NaN, null, undefined, {}, '1e31'].map(none),
];

for (const [written, wattHours] of DECIMALS) {
  test(`${typeof written} ${String(written)} kWh is ${wattHours ?? 'no number'}`, (t) => {
    const read = readDecimal(written);
    t.is(read === undefined ? undefined : writeDecimal(shift(read, 3)), wattHours);
  });
}

test('sums, differences and order of decimals are those of whole numbers of any size', (t) => {
  const whole = fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n });
  const places = fc.integer({ min: 0, max: 9 });
  fc.assert(
    fc.property(whole, whole, places, places, (a, b, p, q) => {
      const text = (value: bigint, n: number) => writeDecimal({ digits: value, exponent: -n });
      const [x, y] = [readDecimal(text(a, p)), readDecimal(text(b, q))];
      if (x === undefined || y === undefined) return false;
      // Both in units of 10^-9.
      const [m, n] = [a * 10n ** BigInt(9 - p), b * 10n ** BigInt(9 - q)];
      const same = (value: { digits: bigint; exponent: number }, expected: bigint) =>
        writeDecimal(value) === text(expected, 9);
      return (
        same(add(x, y), m + n) &&
        same(subtract(x, y), m - n) &&
        Math.sign(compare(x, y)) === (m < n ? -1 : m > n ? 1 : 0)
      );
    }),
  );
  t.pass();
});
