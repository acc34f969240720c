import test from 'ava';
import * as fc from 'fast-check';
import { repairText, type TextRepair } from '../../services/ocpp/text-repair.ts';

/** text of a station → its meaning, and the kinds of repair */
const REPAIRED: readonly (readonly [string, unknown, readonly TextRepair[]])[] = [
  ['\uFEFF[1]', [1], ['trimmed-ends']],
  ['\r\n\0 [1]\0\0\u00A0', [1], ['trimmed-ends']],
  ['["a\u0001b\tc\n"]', ['a\u0001b\tc\n'], ['control-characters']],
  ['["\0"]', ['\0'], ['control-characters']],
  [String.raw`["\x41 \' \u12 \uD83D"]`, [String.raw`\x41 \' \u12 ` + '\uD83D'], ['bad-escapes']],
  [String.raw`["C:\temp\"]"]`, ['C:\temp"]'], []],
  ['[,{"a":1}]', [{ a: 1 }], ['stray-commas']],
  ['[1,,2 , ,3]', [1, 2, 3], ['stray-commas']],
  ['[1,{"a":[2,],},]', [1, { a: [2] }], ['stray-commas']],
  ['[{,"a":1}, , ]', [{ a: 1 }], ['stray-commas']],
  ['[",,",,"[,]"]', [',,', '[,]'], ['stray-commas']],
  ['[NaN,-NaN,Infinity,-inf,undefined,None,nil,NULL]', Array(8).fill(null), ['literals']],
  ['[True,FALSE,true,null]', [true, false, true, null], ['literals']],
  ['["NaN",True]', ['NaN', true], ['literals']],
  ['[+5,05,007,.5,5.,-.5,-05,+.5e-3,0.10]', [5, 5, 7, 0.5, 5, -0.5, -5, 0.0005, 0.1], ['numbers']],
  ['[00,1.e3,01E+2]', [0, 1000, 100], ['numbers']],
  [
    '\0[2,"\u0007",,"X",{"a":+1,"b":nan,"c":"\\q"}]',
    [2, '\u0007', 'X', { a: 1, b: null, c: '\\q' }],
    ['trimmed-ends', 'control-characters', 'stray-commas', 'numbers', 'literals', 'bad-escapes'],
  ],
];

test('a text that is almost a JSON array is repaired', (t) => {
  for (const [text, value, kinds] of REPAIRED) {
    const repaired = repairText(text);
    if (!repaired.ok) t.fail(`${text}: ${repaired.reason}`);
    else {
      t.deepEqual(JSON.parse(repaired.text), value, text);
      t.deepEqual(repaired.value, value, text);
      t.deepEqual(repaired.kinds, kinds, text);
    }
  }
});

test('numbers are repaired without rounding', (t) => {
  const repaired = repairText('[+012345678901234567890.10,.10e400]');
  t.is(repaired.ok && repaired.text, '[12345678901234567890.10,0.10e400]');
});

const REFUSED: readonly string[] = [
  '',
  '\0\0',
  '{}',
  'null',
  '[2,"1","X",{}',
  '[2,"1","X",{"a":[1]',
  '[2,"1","X",{"a":"]',
  '[2,"1","X",{"a":"]"',
  '[[1]',
  '[1]]',
  '[1][2]',
  '[1],',
  '[1] trailing]',
  '[2,"1","X",{}],"charge_point_id":"VICTIM","x":[]',
  '[2,"1","A",{}]\0[2,"2","B",{}]',
  '[1}',
  '[5+3]',
  '[1..5]',
  '[1.5.2]',
  '["a" "b"]',
  '[{} []]',
  '[1e]',
  '[-]',
  '[.]',
  '[0x10]',
  '[-True]',
  '[TrueFalse]',
  '[1,5 kWh]',
  '[{"a":}]',
  '[{"a":,"b":1}]',
  '[{a:1}]',
  "['a']",
  '[1 /* one */]',
  '[1,\u000B2]',
];

test('a truncated message, two messages in one text and unknown faults are refused', (t) => {
  for (const text of REFUSED) {
    const repaired = repairText(text);
    t.false(repaired.ok, text);
    if (!repaired.ok) t.not(repaired.reason, '');
  }
});

/** Strings that a wrong repair would damage. */
const content = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...'\0\n\t\u001F"\\/,[]{}:+-.05euxNaN\'é\u2028\uD83D\uFEFF '.split('')),
    fc.string({ maxLength: 1 }),
  ),
  maxLength: 12,
});
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    content,
    fc.constantFrom(true, false, null),
    fc.integer(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(content, tie('value'), { maxKeys: 4 }),
  ),
})).value;
const arrays = fc.array(json, { maxLength: 5 });

test('a valid array is unchanged', (t) => {
  fc.assert(
    fc.property(arrays, (value) => {
      const text = JSON.stringify(value);
      t.like(repairText(text), { ok: true, text, kinds: [] });
    }),
  );
});

test('a repaired text is always exactly one JSON array', (t) => {
  const piece = fc.constantFrom(
    ...'[]{},:"\\+-.0e15'.split(''),
    'NaN',
    'True',
    'null',
    '"a"',
    '\0',
    '\n',
    '\\x',
    ' ',
    '\uFEFF',
  );
  const texts = fc.oneof(
    fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 20 }).map((pieces) => `[${pieces.join('')}]`),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const repaired = repairText(text);
      if (!repaired.ok) return;
      t.true(Array.isArray(JSON.parse(repaired.text)));
      t.deepEqual(repaired.value, JSON.parse(repaired.text));
    }),
    { numRuns: 3000 },
  );
});

/** A value as faulty firmware writes it: only faults that change no meaning. */
function sloppy(value: unknown, next: () => number): string {
  const commas = () => [',', ', ,', ',,\n'][next() % 3] ?? ',';
  const end = () => [',', '', ' , '][next() % 3] ?? '';
  if (typeof value === 'string') {
    // Skips pairs of backslashes: no escape follows them.
    return JSON.stringify(value).replace(/\\(?:\\|u00[01][0-9a-f]|[bfnrt])/g, (escape) =>
      next() % 2 === 0 || escape === '\\\\' ? escape : (JSON.parse(`"${escape}"`) as string),
    );
  }
  if (typeof value === 'number' && Number.isInteger(value)) {
    const zeros = '0'.repeat(next() % 3);
    return value < 0
      ? `-${zeros}${-value}`
      : `${next() % 2 === 0 ? '+' : ''}${zeros}${value}${next() % 2 === 0 ? '.' : ''}`;
  }
  if (value === null) return ['null', 'NaN', '-inf', 'None', 'undefined'][next() % 5] ?? 'null';
  if (typeof value === 'boolean') return next() % 2 === 0 ? String(value) : String(value).toUpperCase();
  if (Array.isArray(value))
    return `[${value.map((one) => sloppy(one, next)).join(commas())}${value.length > 0 ? end() : ''}]`;
  const entries = Object.entries(value as object).map(
    ([key, one]) => `${sloppy(key, next)}:${sloppy(one, next)}`,
  );
  return `{${entries.join(commas())}${entries.length > 0 ? end() : ''}}`;
}

test('a repair loses or changes no content of a string', (t) => {
  fc.assert(
    fc.property(arrays, fc.array(fc.nat(), { minLength: 1, maxLength: 20 }), (value, choices) => {
      let turn = 0;
      const text = sloppy(value, () => choices[turn++ % choices.length] ?? 0);
      const repaired = repairText(`\0${text} \uFEFF`);
      const meant: unknown = JSON.parse(JSON.stringify(value));
      t.deepEqual(repaired.ok ? repaired.value : repaired.reason, meant as never, text);
    }),
    { numRuns: 500 },
  );
});

test('the longest messages are repaired, or refused, in linear time', (t) => {
  const size = 256 * 1024;
  const half = size / 2;
  for (const text of [
    `[${'"\u0001",'.repeat(size / 4)}]`,
    `["${'\\'.repeat(size)}"]`,
    `[${','.repeat(size)}]`,
    `[${'0'.repeat(size)}]`,
    `[${'a'.repeat(size)}]`,
    `[${'1e'.repeat(half)}]`,
    `${'['.repeat(half)},${']'.repeat(half)}`,
    `[${' '.repeat(size)}`,
    `${'\0'.repeat(size)}]`,
  ]) {
    const before = performance.now();
    repairText(text);
    t.true(performance.now() - before < 2000, text.slice(0, 10));
  }
});
