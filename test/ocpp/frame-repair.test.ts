import test from 'ava';
import * as fc from 'fast-check';
import { type Frame, parseFrame, PROTOCOLS } from '../../services/ocpp/frame.ts';
import { readForwarded, readText } from '../../services/ocpp/frame-repair.ts';
import { elementsOf, withMessageId } from '../../services/ocpp/frame-text.ts';
import { Peer } from '../../services/ocpp/peer.ts';

const json = fc.jsonValue();
const spaces = fc.constantFrom('', ' ', '\n\t');

test('the elements of an array are found as they were written', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(json, spaces, spaces)), spaces, (parts, around) => {
      const texts = parts.map(([value]) => JSON.stringify(value));
      const array = parts.map(([, before, after], i) => `${before}${texts[i]}${after}`).join(',');
      t.deepEqual(elementsOf(`${around}[${around}${array}${around}]${around}`), texts);
    }),
  );
  t.deepEqual(elementsOf('[ 17 , 1.0e2, "a\\"],[", {"a":[1,2]} ,12345678901234567890]'), [
    '17',
    '1.0e2',
    '"a\\"],["',
    '{"a":[1,2]}',
    '12345678901234567890',
  ]);
});

test('a response gets the original spelling of its id, and nothing else changes', (t) => {
  fc.assert(
    fc.property(fc.string(), fc.object(), (id, payload) => {
      const text = JSON.stringify([3, id, payload]);
      t.is(withMessageId(text, '017'), `[3,017,${JSON.stringify(payload)}]`);
    }),
  );
});

test('a valid frame is read unchanged in both modes', (t) => {
  const texts = fc.oneof(
    fc.json(),
    fc.array(json, { maxLength: 6 }).map((value) => JSON.stringify(value)),
    fc
      .tuple(fc.integer({ min: 1, max: 7 }), fc.string({ maxLength: 40 }), fc.string(), fc.object())
      .map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(texts, fc.constantFrom(...PROTOCOLS), (text, protocol) => {
      const strict = parseFrame(text, protocol);
      if (strict.ok) {
        t.deepEqual(readText(text, protocol, true), strict);
        t.deepEqual(readText(text, protocol, false), strict);
      } else {
        const read = readText(text, protocol, false);
        t.deepEqual(read.ok ? read.malformed : read.fault, strict.fault);
      }
    }),
  );
});

/** Elements as firmware writes them, in any order. */
const element = fc.oneof(
  fc.constantFrom(
    '2',
    '"2"',
    '3',
    '4',
    '"4"',
    '5',
    '6',
    '17',
    '1e400',
    'null',
    '""',
    '"X"',
    '{}',
    '[]',
    '{"a":1e400}',
  ),
  fc.constant(`"${'i'.repeat(100)}"`),
  json.map((value) => JSON.stringify(value)),
);

test('a processor reads the same frame that a proxy repaired and forwarded', (t) => {
  const texts = fc.array(element, { maxLength: 6 }).map((elements) => `[${elements.join(' ,')}]`);
  fc.assert(
    fc.property(texts, fc.constantFrom(...PROTOCOLS), fc.boolean(), (text, protocol, tolerant) => {
      const read = readText(text, protocol, tolerant);
      if (!read.ok) return;
      const forwarded = read.text ?? text;
      const again = readForwarded(JSON.parse(forwarded), protocol);
      // A malformed response belongs to a CALL of ours only if its id is a text.
      if (read.malformed !== undefined && read.writtenId !== undefined) t.true(again.ok);
      else t.deepEqual(again, { ok: true, frame: read.frame });
    }),
    { numRuns: 2000 },
  );
});

/** text → the frame, or the message id of the fault; the text that is forwarded; the kinds of repair */
const SHAPES: readonly (readonly [string, Frame | string | undefined, string?, ...string[]])[] = [
  ['[2,true,"X",{}]', undefined],
  ['[2,{},"X",{}]', undefined],
  [`[2,"${'i'.repeat(256)}","X",{}]`, undefined],
  [`[2,${'1'.repeat(256)},"X",{}]`, undefined],
  ['[2]', undefined],
  ['["x","i","X",{}]', undefined],
  ['[2,"i","X",{},1]', 'i'],
  ['[2,"i","X",[]]', 'i'],
  ['[2,"i",null,{}]', 'i'],
  ['[2,"i",{}]', 'i'],
  ['[2,17,5,{}]', '17'],
  ['[7,"i","X",{}]', 'i'],
  ['[6,5,"X"]', { type: 6, id: '5', action: 'X', payload: {} }, '[6,"5","X",{}]', 'message-id', 'payload'],
  ['[3,"i",{"a":1},null]', { type: 3, id: 'i', payload: { a: 1 } }, '[3,"i",{"a":1}]', 'trailing-elements'],
  ['[3,"i",{"a":1},{}]', { type: 3, id: 'i', payload: { a: 1 } }, '[3,"i",{"a":1}]', 'trailing-elements'],
  [
    '[4,"i","N",null,{"a":1.50}]',
    { type: 4, id: 'i', code: 'N', description: '', details: { a: 1.5 } },
    '[4,"i","N","",{"a":1.50}]',
    'error-fields',
  ],
  [
    '[4,"i","N",null,null]',
    { type: 4, id: 'i', code: 'N', description: '', details: {} },
    '[4,"i","N","",{}]',
    'error-fields',
  ],
  [
    '[4,"i","N",{"a":1}]',
    { type: 4, id: 'i', code: 'N', description: '', details: { a: 1 } },
    '[4,"i","N","",{"a":1}]',
    'error-fields',
  ],
  [
    '[5,"i","N",404]',
    { type: 5, id: 'i', code: 'N', description: '', details: {} },
    '[5,"i","N","",{}]',
    'error-fields',
  ],
];

test('the shape of a frame is repaired only as far as it can be understood', (t) => {
  for (const [text, expected, forwarded, ...repairs] of SHAPES) {
    const read = readText(text, 'ocpp2.1', true);
    if (!read.ok) t.is(read.fault.messageId, expected as string, text);
    else
      t.deepEqual(
        read as object,
        { ok: true, frame: expected, text: forwarded, repairs, ...idOf(text) },
        text,
      );
  }
});

const idOf = (text: string) => (text.startsWith('[6,5') ? { writtenId: '5' } : {});

test('a response without usable parts is malformed', (t) => {
  for (const tolerant of [true, false]) {
    for (const text of [
      '[3,"i"]',
      '[3,"i",null]',
      '[3,"i",[]]',
      '[3,"i","text"]',
      '[4,"i"]',
      '[4,"i",null]',
      '[4,"i",404,"",{}]',
    ]) {
      const read = readText(text, 'ocpp1.6', tolerant);
      t.like(read, { ok: true, malformed: { kind: 'bad-shape' }, frame: { id: 'i' } }, text);
    }
    t.false(readText('[5,"i"]', 'ocpp2.1', tolerant).ok, 'no CALL waits for it');
    t.false(readText('[3]', 'ocpp2.1', tolerant).ok);
  }
});

test('a malformed response in a repaired text is forwarded as the text that parsed', (t) => {
  const read = readText('[3,"i",,]\0', 'ocpp1.6', true);
  t.like(read, { ok: true, text: '[3,"i"]', frame: { type: 3, id: 'i', payload: null } });
});

test('the response to a CALL, also a held one, repeats its id as the station wrote it', (t) => {
  const peer = new Peer();
  const receive = (text: string) => {
    const read = readText(text, 'ocpp1.6', true);
    if (!read.ok) throw new Error(read.fault.reason);
    return peer.receive(read.frame, read.text ?? text, 0, read);
  };
  const answer = (messageId: string) =>
    peer.deliver({ type: 3, messageId, text: JSON.stringify([3, messageId, { a: 1 }]) }, 0);
  receive('[2,1.50,"X",{}]');
  receive('[2,"b","X",{}]');
  receive('[2,"","X",{}]');
  t.is(answer('1.50').write?.text, '[3,1.50,{"a":1}]');
  t.is(answer('b').write?.text, '[3,"b",{"a":1}]');
  t.is(answer('""').write?.text, '[3,"",{"a":1}]');
});
