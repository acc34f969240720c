import test from 'ava';
import * as fc from 'fast-check';
import { exactNumbers, withExactNumbers } from '../../services/ocpp/exact-numbers.ts';
import { type Frame, parseFrame } from '../../services/ocpp/frame.ts';

const frameOf = (text: string): Frame => {
  const read = parseFrame(text, 'ocpp2.1');
  if (!read.ok) throw new Error(read.fault.reason);
  return withExactNumbers(read.frame, text);
};
const exactOf = (text: string) => {
  const frame = frameOf(text);
  return 'exact' in frame ? [...(frame.exact ?? [])] : [];
};

test('a number that JavaScript cannot represent is kept as text, by its place in the payload', (t) => {
  t.deepEqual(
    exactOf(
      '[2,"12345678901234567890","StopTransaction",{"transactionId":9007199254740993,"meterStop":1e400,"n":-12345678901234567890,' +
        '"meterValue":[{"sampledValue":[{"value":1},{"value":0.1234567890123456789,"a/b~c":1.0e-400}]}]}]',
    ),
    [
      ['/transactionId', '9007199254740993'],
      ['/meterStop', '1e400'],
      ['/n', '-12345678901234567890'],
      ['/meterValue/0/sampledValue/1/value', '0.1234567890123456789'],
      ['/meterValue/0/sampledValue/1/a~1b~0c', '1.0e-400'],
    ],
  );
  t.deepEqual(exactOf('[6,"i","X",{"a":100000000000000000001}]'), [['/a', '100000000000000000001']]);
});

test('a number that JavaScript represents, in any form, or outside the payload is not listed', (t) => {
  for (const text of [
    '[2,"i","X",{"a":9007199254740992,"b":9007199254740994,"c":0.30000000000000004}]',
    '[2,"i","X",{"a":1.00000000000000000000,"b":100000000000000000000,"c":1e100,"d":0.000000000000000000001}]',
    '[2,"i","X",{"a":0.00000000000000000000,"b":-0.0e999,"c":1.7976931348623157e308,"d":5e-324}]',
    '[2,"i","X",{"a":"12345678901234567890","b":" 9007199254740993,","c":["x:1e400,"]}]',
    '[2,"98765432109876543210","X",{"98765432109876543210":"98765432109876543210"}]',
    '[3,"i",{"a":12345678901234567890}]',
    '[4,"i","N","",{"a":12345678901234567890}]',
  ]) {
    t.deepEqual(exactOf(text), [], text);
    t.false('exact' in frameOf(text));
  }
});

test('a number within a string is never listed, even beside one that is', (t) => {
  const text = '[2,"i","X",{"a":"9007199254740993","b":9007199254740993,"c":"{\\"d\\":9007199254740993}"}]';
  t.deepEqual(exactOf(text), [['/b', '9007199254740993']]);
});

/** A number as text, and whether its digits survive. */
const written = fc.oneof(
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
  fc.bigInt({ min: 2n ** 53n - 50n, max: 2n ** 53n + 50n }).map(String),
  fc.tuple(fc.nat(), fc.bigInt({ min: 0n, max: 10n ** 25n })).map(([whole, part]) => `${whole}.${part}`),
  fc.tuple(fc.integer(), fc.integer({ min: -500, max: 500 })).map(([n, e]) => `${n}e${e}`),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
);

test('exactly the numbers whose digits a JavaScript number loses are listed', (t) => {
  const lost = (text: string) => {
    const [digits, exponent] = digitsOf(text);
    const value = Number(text);
    if (!Number.isFinite(value)) return true;
    const [others, other] = digitsOf(String(value));
    return digits !== others || (digits !== '0' && exponent !== other);
  };
  fc.assert(
    fc.property(fc.array(written, { maxLength: 5 }), (numbers) => {
      const text = `[2,"i","X",{"n":[${numbers.join(',')}]}]`;
      const expected = numbers.flatMap((number, i) => (lost(number) ? [[`/n/${i}`, number]] : []));
      t.deepEqual(exactOf(text), expected as [string, string][]);
    }),
    { numRuns: 1000 },
  );
});

/** Digits and exponent by whole-number arithmetic, independent of the code. */
function digitsOf(text: string): [string, number] {
  const [, whole = '', fraction = '', exponent = '0'] =
    /^-?(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  let digits = BigInt(whole + fraction);
  let power = Number(exponent) - fraction.length;
  while (digits !== 0n && digits % 10n === 0n) {
    digits /= 10n;
    power++;
  }
  return [String(digits), digits === 0n ? 0 : power];
}

test('no text throws, and the longest take linear time', (t) => {
  const size = 256 * 1024;
  for (const text of [
    `[${'['.repeat(size)}12345678901234567890${']'.repeat(size)}]`,
    `["${'1e'.repeat(size / 2)}",12345678901234567890]`,
    `["${'1'.repeat(size)}",${'1'.repeat(size)}]`,
    `["${' 123456789012345'.repeat(size / 16)}"]`,
    `[1e${'1'.repeat(size)}]`,
    `["1e${'1'.repeat(size)}x"]`,
    `[0.${'0'.repeat(size)}1]`,
    `[${'10'.repeat(size / 2)}1]`,
  ]) {
    const before = performance.now();
    exactNumbers(text);
    withExactNumbers({ type: 2, id: 'i', action: 'X', payload: {} }, text);
    t.true(performance.now() - before < 2000, text.slice(0, 20));
  }
});
