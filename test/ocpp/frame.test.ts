import test from 'ava';
import * as fc from 'fast-check';
import { errorCode, faultAnswer } from '../../services/ocpp/errors.ts';
import {
  formatFrame,
  type Frame,
  MAX_DESCRIPTION,
  MessageType,
  parseFrame,
  PROTOCOLS,
  type Protocol,
} from '../../services/ocpp/frame.ts';

const id = fc.string({ minLength: 1, maxLength: 36 });
/** What JSON can carry: -0 comes back as 0. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const payload = fc.dictionary(fc.string(), json).map((value) => JSON.parse(JSON.stringify(value)) as object);
const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    type: fc.constantFrom(MessageType.Call, MessageType.Send),
    id,
    action: fc.string({ minLength: 1 }),
    payload,
  }),
  fc.record({ type: fc.constant(MessageType.CallResult), id, payload }),
  fc.record({
    type: fc.constantFrom(MessageType.CallError, MessageType.CallResultError),
    id,
    code: fc.string(),
    description: fc.string({ maxLength: MAX_DESCRIPTION }),
    details: payload,
  }),
);

test('every frame is read back as written in 2.1, in older versions all but types 5 and 6', (t) => {
  fc.assert(
    fc.property(frames, fc.constantFrom(...PROTOCOLS), (frame, protocol) => {
      const read = parseFrame(formatFrame(frame), protocol);
      if (protocol === 'ocpp2.1' || frame.type <= MessageType.CallError) {
        t.deepEqual(read, { ok: true, frame });
      } else {
        t.like(read, { ok: false, fault: { kind: 'unknown-type', messageId: frame.id, type: frame.type } });
      }
    }),
  );
});

test('no text makes the reader throw, and it accepts only one JSON array of a known type', (t) => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.array(json, { maxLength: 6 }).map((value) => JSON.stringify(value)),
    fc.tuple(fc.integer({ min: 1, max: 8 }), json, json, json).map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(texts, fc.constantFrom(...PROTOCOLS), (text, protocol) => {
      const read = parseFrame(text, protocol);
      if (!read.ok) return t.not(read.fault.reason, '');
      const [type, id] = JSON.parse(text) as unknown[];
      return t.deepEqual([read.frame.type, read.frame.id], [type, id]);
    }),
  );
});

const DEEP = `[2,"i","A",${'['.repeat(10_000)}${']'.repeat(10_000)}]`;

/** text → the response `id code` per version (1.6, 2.0.1, 2.1); '' for none. */
const FAULTS: readonly (readonly [string, readonly [string, string, string]])[] = [
  ['', ['', '-1 RpcFrameworkError', '-1 RpcFrameworkError']],
  ['null', ['', '-1 RpcFrameworkError', '-1 RpcFrameworkError']],
  ['{}', ['', '-1 RpcFrameworkError', '-1 RpcFrameworkError']],
  ['[]', ['', '-1 RpcFrameworkError', '-1 RpcFrameworkError']],
  ['[2,"1","X",{}],"charge_point_id":"VICTIM","x":[]', ['', '-1 RpcFrameworkError', '-1 RpcFrameworkError']],
  ['[2,"1","X",{}][]', ['', '-1 RpcFrameworkError', '-1 RpcFrameworkError']],
  ['["2","1","X",{}]', ['', '-1 RpcFrameworkError', '-1 RpcFrameworkError']],
  ['[2,7,"X",{}]', ['', '-1 RpcFrameworkError', '-1 RpcFrameworkError']],
  ['[2,"","X",{}]', ['', '-1 RpcFrameworkError', '-1 RpcFrameworkError']],
  [`[2,"${'i'.repeat(37)}","X",{}]`, ['', '-1 RpcFrameworkError', '-1 RpcFrameworkError']],
  ['[2,"i","X"]', ['i FormationViolation', 'i RpcFrameworkError', 'i RpcFrameworkError']],
  ['[2,"i","X",{},1]', ['i FormationViolation', 'i RpcFrameworkError', 'i RpcFrameworkError']],
  ['[2,"i",1,{}]', ['i FormationViolation', 'i RpcFrameworkError', 'i RpcFrameworkError']],
  ['[2,"i","X",null]', ['i FormationViolation', 'i RpcFrameworkError', 'i RpcFrameworkError']],
  [DEEP, ['i FormationViolation', 'i RpcFrameworkError', 'i RpcFrameworkError']],
  ['[3,"i",[]]', ['', '', '']],
  ['[3,7,{}]', ['', '', '']],
  ['[4,"i",1]', ['', '', '']],
  ['[6,"i","X",null]', ['', '', '']],
  ['[7,"i","X",{}]', ['', 'i MessageTypeNotSupported', 'i MessageTypeNotSupported']],
  ['[1.5,"i","X",{}]', ['', 'i MessageTypeNotSupported', 'i MessageTypeNotSupported']],
];

test('a text that is no frame is answered by the rule of its version, or not at all', (t) => {
  const versions: readonly Protocol[] = ['ocpp1.6', 'ocpp2.0.1', 'ocpp2.1'];
  for (const [text, answers] of FAULTS) {
    for (const [index, protocol] of versions.entries()) {
      const read = parseFrame(text, protocol);
      if (read.ok) return t.fail(`${text} was read as a frame`);
      const answer = faultAnswer(protocol, read.fault);
      const shown = answer === undefined ? '' : `${answer.id} ${answer.code}`;
      t.is(shown, answers[index] ?? '', `${protocol} ${text.slice(0, 60)}`);
    }
  }
  return undefined;
});

test('an error without description and details is read, a long description is cut', (t) => {
  t.deepEqual(parseFrame('[4,"i","GenericError"]', 'ocpp1.6'), {
    ok: true,
    frame: { type: 4, id: 'i', code: 'GenericError', description: '', details: {} },
  });
  const long = { type: MessageType.CallError, id: 'i', code: 'X', description: 'd'.repeat(300), details: {} };
  t.is((JSON.parse(formatFrame(long)) as string[])[3]?.length, MAX_DESCRIPTION);
});

test('each version spells the error codes its own way', (t) => {
  const spellings = (['FormatViolation', 'OccurrenceConstraintViolation', 'NotImplemented'] as const).map(
    (reason) => [errorCode('ocpp1.6', reason), errorCode('ocpp2.0.1', reason), errorCode('ocpp2.1', reason)],
  );
  t.deepEqual(spellings, [
    ['FormationViolation', 'FormatViolation', 'FormatViolation'],
    ['OccurenceConstraintViolation', 'OccurrenceConstraintViolation', 'OccurrenceConstraintViolation'],
    ['NotImplemented', 'NotImplemented', 'NotImplemented'],
  ]);
});
