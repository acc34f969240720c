/** Mutated frames and handshakes from two seeds on real programs, and proof that the oracle finds wrong behaviour. */
import test from 'ava';
import { PROTOCOLS, type Protocol } from '../../services/ocpp/frame.ts';
import { inputOf } from './input.ts';
import { expectedAnswer, faultOfAnswer } from './oracle.ts';
import { judge, type Rules } from './play.ts';
import { runFuzz } from './run.ts';
import { frameOf, OPCODE, readClient } from './web-socket.ts';

const STRICT: Rules = { maxMessageBytes: 262_144, maxFragments: 1024, checksUtf8: true, tolerant: false };
const TOLERANT: Rules = { ...STRICT, checksUtf8: false, tolerant: true };
const MASK = Buffer.from([1, 2, 3, 4]);
const sent = (text: string | Buffer, opcode: number = OPCODE.text) =>
  frameOf(opcode, Buffer.from(text), { mask: MASK });

for (const seed of [1, 2]) {
  test.serial(
    `10 000 inputs of seed ${seed}: each is handled correctly, and neighbours lose nothing`,
    async (t) => {
      t.timeout(300_000);
      const { findings, damage, targets } = await runFuzz({
        seed,
        count: 10_000,
        memoryShare: 1.1,
        restSeconds: 15,
      });
      const repeated = findings.map(
        ({ number, before, name, what }) =>
          `${name}: ${what}; repeat it: npm run fuzz -- --seed ${seed} --inputs ${[...before, number].join()}`,
      );
      t.deepEqual(repeated, []);
      t.deepEqual(damage, []);
      for (const { target, isMemoryJudged, busy, memory } of targets) {
        t.true(busy.answered > 0, `the neighbours of ${target} were served`);
        const isBack = memory.rested.every(
          (bytes, index) => bytes < (memory.warm[index] ?? 0) * MEMORY_SHARE,
        );
        t.true(isBack || !isMemoryJudged, `${target} keeps its memory: ${JSON.stringify(memory)}`);
      }
    },
  );
}

/** A heap that has not been collected for a while; a leak of each input would be more. */
const MEMORY_SHARE = 1.5;

test('an input is its seed and number', (t) => {
  for (let number = 0; number < 200; number++) t.deepEqual(inputOf(7, number), inputOf(7, number));
  t.notDeepEqual(inputOf(7, 3), inputOf(8, 3));
});

test('the inputs are of every kind: most leave the connection open, others end it for every reason', (t) => {
  const ends = new Map<string, number>();
  const names = new Set<string>();
  for (let number = 0; number < 6000; number++) {
    const input = inputOf(3, number);
    names.add(input.kind === 'handshake' ? `handshake: ${input.name}` : input.name);
    if (input.kind === 'handshake') continue;
    const { end } = readClient(Buffer.concat(input.packets), STRICT);
    const word = typeof end === 'string' ? end : end.join();
    ends.set(word, (ends.get(word) ?? 0) + 1);
  }
  for (const end of ['open', 'unfinished', '1000', '1002', '1003', '1005', '1007', '1008', '1009']) {
    t.true((ends.get(end) ?? 0) > 0, end);
  }
  t.true((ends.get('open') ?? 0) > 3000);
  t.true([...names].filter((name) => name.startsWith('handshake')).length > 45);
  t.true([...names].filter((name) => name.startsWith('frames')).length > 30);
});

/** Bytes of a client → the codes of a correct Close, or what state the connection is in. */
const STREAMS: readonly (readonly [name: string, bytes: Buffer, end: unknown])[] = [
  ['nothing', Buffer.alloc(0), 'open'],
  ['a text', sent('[]'), 'open'],
  ['half a head', sent('[]').subarray(0, 1), 'unfinished'],
  ['half a payload', sent('[]').subarray(0, 7), 'unfinished'],
  ['a first fragment', frameOf(OPCODE.text, Buffer.from('['), { fin: false, mask: MASK }), 'unfinished'],
  [
    'a text within a text',
    Buffer.concat([frameOf(OPCODE.text, Buffer.from('['), { fin: false, mask: MASK }), sent('[]')]),
    [1002],
  ],
  ['no mask', frameOf(OPCODE.text, Buffer.from('[]')), [1002]],
  ['a reserved bit', frameOf(OPCODE.text, Buffer.from('[]'), { reserved: 4, mask: MASK }), [1002]],
  ['binary', sent('[]', OPCODE.binary), [1003]],
  ['a continuation of nothing', sent('[]', OPCODE.continuation), [1002]],
  ['not UTF-8', sent(Buffer.from([0x5b, 0xff])), [1007]],
  ['too long', sent(Buffer.alloc(262_145)), [1009]],
  [
    'a length of 63 bits',
    frameOf(OPCODE.text, Buffer.alloc(0), { claimed: 2n ** 62n, mask: MASK }),
    [1002, 1009],
  ],
  ['a Close', sent(Buffer.from([0x03, 0xe8]), OPCODE.close), [1000]],
  ['a Close without code', sent('', OPCODE.close), [1005]],
  ['a Close with a code that does not exist', sent(Buffer.from([0, 1]), OPCODE.close), [1002]],
  ['a Close with one byte', sent('x', OPCODE.close), [1002]],
];

test('the oracle knows how each stream of bytes must end', (t) => {
  for (const [name, bytes, end] of STREAMS) t.deepEqual(readClient(bytes, STRICT).end, end, name);
});

test('the oracle requires the answers that each version defines, and no others', (t) => {
  const cases: readonly (readonly [text: string, protocol: Protocol, expected: unknown])[] = [
    ['[2,"a","Heartbeat",{}]', 'ocpp1.6', { isRequired: true, id: 'a' }],
    ['[2,"a","Heartbeat"]', 'ocpp1.6', { isRequired: true, id: 'a', codes: ['FormationViolation'] }],
    ['[2,7,"Heartbeat",{}]', 'ocpp1.6', undefined],
    [
      '[2,7,"Heartbeat",{}]',
      'ocpp2.1',
      { isRequired: true, id: '-1', codes: ['RpcFrameworkError', 'FormatViolation'] },
    ],
    ['[3,"a",{}]', 'ocpp2.0.1', undefined],
    ['[5,"a","x","",{}]', 'ocpp2.1', undefined],
    ['[6,"a","x",{}]', 'ocpp2.1', undefined],
    ['[7,"a","x",{}]', 'ocpp1.6', undefined],
    ['[7,"a","x",{}]', 'ocpp2.0.1', { isRequired: true, id: 'a', codes: ['MessageTypeNotSupported'] }],
    ['no JSON', 'ocpp1.6', undefined],
  ];
  for (const [text, protocol, expected] of cases)
    t.deepEqual(expectedAnswer(text, protocol, false), expected, text);
  t.deepEqual(expectedAnswer('[2,7,"Heartbeat",{}]', 'ocpp1.6', true), { isRequired: false, id: 7 });
  t.is(expectedAnswer('["3","a",{}]', 'ocpp1.6', true), undefined);
});

test('an answer that is wrong in itself is found, whatever it answers', (t) => {
  for (const wrong of [
    'no JSON',
    '{}',
    '[3]',
    '[3,"a",[]]',
    '[3,"a",{},1]',
    '[2,"a","Reset",{}]',
    '[4,"a","GenericError"]',
    '[4,"a","Generic","",{}]',
    '[4,"a","InternalError","",{}]',
    `[4,"a","GenericError","${'x'.repeat(256)}",{}]`,
  ]) {
    for (const protocol of PROTOCOLS)
      t.is(typeof faultOfAnswer(wrong, protocol), 'string', `${protocol} ${wrong}`);
  }
  const spelling = (code: string, protocol: Protocol) => faultOfAnswer(`[4,"a","${code}","",{}]`, protocol);
  t.is(spelling('FormationViolation', 'ocpp1.6'), undefined);
  t.is(typeof spelling('FormatViolation', 'ocpp1.6'), 'string');
  t.is(typeof spelling('FormationViolation', 'ocpp2.1'), 'string');
  t.is(typeof spelling('MessageTypeNotSupported', 'ocpp1.6'), 'string');
});

test('a missing answer, a second one, one to another id and a wrong pong are found', (t) => {
  const bytes = Buffer.concat([sent('[2,"a","Heartbeat",{}]'), sent('p', OPCODE.ping)]);
  const client = readClient(bytes, STRICT);
  const right = '[3,"a",{"currentTime":"x"}]';
  const finding = (texts: string[], pongs = ['p'], rules = STRICT, isWhole = true) =>
    judge(
      { texts, pongs: pongs.map((one) => Buffer.from(one)), fault: undefined },
      client,
      'ocpp1.6',
      rules,
      isWhole,
    );
  for (const rules of [STRICT, TOLERANT]) {
    t.is(finding([right], ['p'], rules), undefined);
    t.regex(finding([], ['p'], rules) ?? '', /no answer/);
    t.regex(finding([right, right], ['p'], rules) ?? '', /answer to nothing/);
    t.regex(finding([right.replace('a', 'b')], ['p'], rules) ?? '', /answer to nothing/);
    t.regex(finding([right], [], rules) ?? '', /pongs/);
    t.regex(finding([right], ['q'], rules) ?? '', /pongs/);
  }
  t.is(finding([], [], STRICT, false), undefined, 'what a Close cut off');
});
