/** Mutations of the text of a message: its bytes, its JSON, and its OCPP-J frame. */
import type { Chance } from '../chaos/random.ts';

export type TextMutation = readonly [name: string, change: (text: string, chance: Chance) => string | Buffer];

/** The elements of a frame changed; a text that is no array stays as it is. */
function elements(change: (parts: unknown[], chance: Chance) => void): TextMutation[1] {
  return (text, chance) => {
    try {
      const parts = JSON.parse(text) as unknown;
      if (!Array.isArray(parts)) return text;
      change(parts, chance);
      return JSON.stringify(parts);
    } catch {
      // An earlier mutation has made it no JSON, or nested it too deeply for JSON.stringify.
      return text;
    }
  };
}

const nested = (depth: number, open: string, shut: string) => open.repeat(depth) + shut.repeat(depth);
const place = (text: string, chance: Chance) => chance.between(0, text.length);
const spliced = (text: string, at: number, inserted: string, removed = 0) =>
  text.slice(0, at) + inserted + text.slice(at + removed);

/** Characters of a text; more than a server accepts. */
export const LONGEST = 400_000;

/** Values where another type is expected. */
const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  7,
  2.5,
  1e308,
  '',
  ' ',
  '0',
  'text',
  [],
  [[]],
  {},
  { '': {} },
  '\u0000',
  '\ud800',
  'ü€😀',
  '__proto__',
  'x'.repeat(300),
];
const TYPES: readonly unknown[] = [0, 1, 2, 3, 4, 5, 6, 7, 99, -2, 1e9, '2', '3', '6', null, true, [2]];
const IDS: readonly unknown[] = [
  '',
  ' ',
  '-1',
  'i'.repeat(36),
  'i'.repeat(37),
  'i'.repeat(255),
  'i'.repeat(256),
  'i'.repeat(10_000),
  'a:b{c}%2F',
  '"\\"',
  '\u0000',
  '\u2028',
  '\ud800',
  '😀'.repeat(18),
  0,
  17,
  -0.5,
  9_007_199_254_740_993n.toString(),
  null,
  false,
  {},
  ['id'],
];
const ACTIONS: readonly unknown[] = [
  '',
  'heartbeat',
  'HEARTBEAT',
  'Heartbeat ',
  'NoSuchAction',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'A'.repeat(5000),
  'Heart\u0000beat',
  '../Heartbeat',
  null,
  1,
  [],
  {},
];
/** Numbers as text, which JSON.stringify would not write. */
const NUMBERS = [
  '1e400',
  '-1e400',
  '-0',
  '1e-400',
  '00',
  '01',
  '.5',
  '5.',
  '+1',
  '0x1F',
  'NaN',
  'Infinity',
  '9007199254740993',
  `1${'0'.repeat(400)}`,
  `0.${'1'.repeat(400)}`,
];
const PIECES = [
  ',',
  ':',
  '"',
  '[',
  ']',
  '{',
  '}',
  '\\',
  '\n',
  '\0',
  '\uFEFF',
  '//',
  "'",
  '\\u12',
  '\u2028',
  '  ',
];

/** A member of the payload, anywhere in it; undefined if it has none. */
function memberOf(
  value: unknown,
  chance: Chance,
): { owner: Record<string, unknown>; name: string } | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const owner = value as Record<string, unknown>;
  const names = Object.keys(owner);
  if (names.length === 0) return undefined;
  const name = chance.one(names);
  return (chance.happens(0.6) ? memberOf(owner[name], chance) : undefined) ?? { owner, name };
}

const inPayload = (change: (owner: Record<string, unknown>, name: string, chance: Chance) => void) =>
  elements((parts, chance) => {
    const member = memberOf(parts.at(-1), chance);
    if (member !== undefined) change(member.owner, member.name, chance);
  });

export const TEXT_MUTATIONS: readonly TextMutation[] = [
  ['nothing', (text) => text],
  [
    'flipped bits',
    (text, chance) => {
      const bytes = Buffer.from(text);
      for (let i = chance.between(1, 4); i > 0 && bytes.length > 0; i--) {
        const at = chance.between(0, bytes.length - 1);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << chance.between(0, 7));
      }
      return bytes;
    },
  ],
  ['truncated', (text, chance) => text.slice(0, place(text, chance))],
  ['without its beginning', (text, chance) => text.slice(place(text, chance))],
  ['a piece inserted', (text, chance) => spliced(text, place(text, chance), chance.one(PIECES))],
  ['a piece removed', (text, chance) => spliced(text, place(text, chance), '', chance.between(1, 8))],
  [
    'a piece repeated',
    (text, chance) => {
      const at = place(text, chance);
      return spliced(text, at, text.slice(at, at + chance.between(1, 20)).repeat(chance.between(1, 5)));
    },
  ],
  ['twice', (text) => text + text],
  ['two messages in a list', (text) => `[${text},${text}]`],
  ['broken out of an envelope', (text) => `${text},"charge_point_id":"VICTIM","x":[]`],
  [
    'random bytes',
    (_, chance) => Buffer.from(Array.from({ length: chance.between(0, 200) }, () => chance.between(0, 255))),
  ],
  [
    'invalid UTF-8',
    (text, chance) => {
      const at = place(text, chance);
      const bad = chance.one(['ff', 'c0af', 'eda080', 'f8888080', 'e282', '80']);
      return Buffer.concat([
        Buffer.from(text.slice(0, at)),
        Buffer.from(bad, 'hex'),
        Buffer.from(text.slice(at)),
      ]);
    },
  ],
  [
    'a scalar',
    (_, chance) => chance.one(['null', '1', '"text"', 'true', '{}', '[]', '', ' ', '[null]', '[2]', '[[2]]']),
  ],
  ['nested 10 000 deep', (_, chance) => chance.one([nested(10_000, '[', ']'), nested(10_000, '{"a":', '}')])],
  [
    'a payload nested deep',
    (text, chance) => {
      const depth = chance.one([40, 500, 10_000, 30_000]);
      const deep = chance.one([nested(depth, '[', ']'), `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`]);
      return text.replace(/\{.*\}/s, () => `{"vendorId":"x","data":${deep}}`);
    },
  ],
  [
    'deep and never closed',
    (_, chance) => `[2,"d","DataTransfer",${'['.repeat(chance.one([50, 10_000, 100_000]))}`,
  ],
  ['another type', elements((parts, chance) => void (parts[0] = chance.one(TYPES)))],
  ['another id', elements((parts, chance) => void (parts[1] = chance.one(IDS)))],
  ['another action', elements((parts, chance) => void (parts[2] = chance.one(ACTIONS)))],
  ['another payload', elements((parts, chance) => void (parts[parts.length - 1] = chance.one(ODD)))],
  [
    'an element too few',
    elements((parts, chance) => void parts.splice(chance.between(0, parts.length - 1), 1)),
  ],
  [
    'an element too many',
    elements((parts, chance) => void parts.splice(chance.between(0, parts.length), 0, chance.one(ODD))),
  ],
  ['elements in another order', elements((parts, chance) => void parts.sort(() => chance.next() - 0.5))],
  ['an odd value', inPayload((owner, name, chance) => void (owner[name] = chance.one(ODD)))],
  ['a member too few', inPayload((owner, name) => void delete owner[name])],
  [
    'a member too many',
    inPayload((owner, _, chance) => void (owner[`x${chance.between(0, 9)}`] = chance.one(ODD))),
  ],
  [
    'a long value',
    inPayload(
      (owner, name, chance) => void (owner[name] = 'y'.repeat(chance.one([51, 1000, 20_000, 200_000]))),
    ),
  ],
  [
    'a long list',
    inPayload((owner, name, chance) => {
      const most = LONGEST / (JSON.stringify(owner[name]) ?? '').length;
      owner[name] = Array(Math.ceil(Math.min(most, chance.one([100, 5000])))).fill(owner[name]);
    }),
  ],
  [
    'many members',
    inPayload((owner, name, chance) => {
      owner[name] = Object.fromEntries(
        Array.from({ length: chance.one([50, 3000]) }, (_, i) => [`m${i}`, i]),
      );
    }),
  ],
  ['an odd number', (text, chance) => text.replace(/:-?\d+(\.\d+)?/, () => `:${chance.one(NUMBERS)}`)],
  [
    'names of the prototype',
    (text) => text.replace('{', '{"__proto__":{"a":1},"constructor":{"prototype":1},'),
  ],
  ['a member twice', (text) => text.replace(/\{("[^"]+":[^,{}[\]]+)/, '{$1,$1')],
  ['single quotes', (text) => text.replaceAll('"', "'")],
  ['a comma at the end', (text) => text.replace(/\}\]$/, ',},]')],
  [
    'white space',
    (text, chance) => text.replaceAll(',', () => chance.one([' , ', '\t,\r\n', ',', '\u00a0,'])),
  ],
  ['a byte order mark', (text) => `\uFEFF${text}`],
  ['escaped characters', (text) => text.replace(/[A-Za-z]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)],
];
