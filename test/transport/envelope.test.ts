/**
 * The wire in Redis, both ways, against recorded traffic of ocpp-go (chrisn-au/ocpp-go, commit d4f4704,
 * Redis 7.0); and keys made of what a station may call itself.
 */
import test from 'ava';
import * as fc from 'fast-check';
import { parseFrame, type Protocol } from '../../services/ocpp/frame.ts';
import {
  EnvelopeWriter,
  outboxResponse,
  readOutbox,
  readRequest,
  ocppGoResponse,
  splitCount,
  timeOf,
} from '../../services/transport/redis/queue/envelope.ts';
import { readMessage } from '../../services/transport/reading.ts';
import { escapeKey, Keys } from '../../services/transport/redis/keys.ts';

/** Entries of `ocpp:requests` as the proxy and the Redis client of ocpp-go wrote them. */
const OCPP_GO_REQUESTS = [
  '{"charge_point_id":"CP-001","message_type":2,"message_id":"b-1","action":"BootNotification","payload":[2,"b-1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}],"timestamp":"2026-01-01T00:00:01Z","ws_server_id":"ws-proxy-01"}',
  '{"charge_point_id":"CP-001","message_type":3,"message_id":"2297544902","payload":[3,"2297544902",{"status":"Accepted"}],"timestamp":"2026-01-01T00:00:05Z","ws_server_id":"ws-proxy-01"}',
  '{"charge_point_id":"CP-002","message_type":0,"message_id":"","payload":[2,"1422152047","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available"}],"timestamp":"2026-11-22T22:07:22.30873122Z","ws_server_id":""}',
];
/** Entries of `ocpp:responses:{id}` as the processor of ocpp-go wrote them. */
const OCPP_GO_ANSWERS = [
  '{"charge_point_id":"CP-001","message_type":3,"message_id":"h-1","payload":[3,"h-1",{"currentTime":"2026-01-01T00:00:00Z"}],"timestamp":"2026-11-22T22:06:50.172029956Z","ws_server_id":"redis-ocpp-server"}',
  '{"charge_point_id":"CP-001","message_type":4,"message_id":"d-1","payload":[4,"d-1","NotSupported","not here",{}],"timestamp":"2026-11-22T22:06:50.480704327Z","ws_server_id":"redis-ocpp-server"}',
];

const frameOf = (text: string, protocol: Protocol) => {
  const result = parseFrame(text, protocol);
  if (!result.ok) throw new Error(result.fault.reason);
  return result.frame;
};
const join = ({ head, body, tail }: { head: string; body: string; tail: string }) => head + body + tail;

test('entries of ocpp-go are understood, their loose forms included', (t) => {
  const read = OCPP_GO_REQUESTS.map((raw) => {
    const result = readRequest(raw);
    if (!result.ok) throw new Error(result.reason);
    const { stationId, frame, receivedAt, proxyId, epoch, sequence } = result.request;
    return [stationId, frame.type, frame.id, new Date(receivedAt).toISOString(), proxyId, epoch, sequence];
  });
  t.deepEqual(read, [
    ['CP-001', 2, 'b-1', '2026-01-01T00:00:01.000Z', 'ws-proxy-01', 0, 0],
    ['CP-001', 3, '2297544902', '2026-01-01T00:00:05.000Z', 'ws-proxy-01', 0, 0],
    ['CP-002', 2, '1422152047', '2026-11-22T22:07:22.308Z', '', 0, 0],
  ]);
});

test('our entries have the fields of ocpp-go with the same names, types and values, and ours beside them', (t) => {
  for (const raw of OCPP_GO_REQUESTS.slice(0, 2)) {
    const theirs = JSON.parse(raw) as Record<string, unknown>;
    const text = JSON.stringify(theirs['payload']);
    const writer = new EnvelopeWriter('CP-001', 'ws-proxy-01', 17, 'ocpp1.6');
    const receivedAt = Date.parse(String(theirs['timestamp']));
    const incoming = { frame: frameOf(text, 'ocpp1.6'), text, receivedAt, sequence: 4 };
    const { connection, sequence, protocol, ...ours } = JSON.parse(writer.write(incoming)) as Record<
      string,
      unknown
    >;
    t.deepEqual({ ...ours, timestamp: theirs['timestamp'] }, theirs);
    t.is(Date.parse(String(ours['timestamp'])), receivedAt);
    t.deepEqual([connection, sequence, protocol], [17, 4, 'ocpp1.6']);
  }
});

test('answers for a proxy of ocpp-go are byte for byte those of ocpp-go, except the time', (t) => {
  const now = Date.parse('2026-11-22T22:06:50.172Z');
  const ours = [
    ocppGoResponse(
      'CP-001',
      'h-1',
      { kind: 'result', payload: { currentTime: '2026-01-01T00:00:00Z' } },
      now,
    ),
    ocppGoResponse('CP-001', 'd-1', { kind: 'error', code: 'NotSupported', description: 'not here' }, now),
  ];
  const withoutTime = (text: string) => text.replace(/"timestamp":"[^"]*"/, '"timestamp":""');
  t.deepEqual(ours.map(join).map(withoutTime), OCPP_GO_ANSWERS.map(withoutTime));
});

test('what is no envelope says why, and never throws', (t) => {
  for (const raw of ['', 'x', 'null', '1', '[2,"1","Heartbeat",{}]', '{}', '{"charge_point_id":7}']) {
    t.false(readRequest(raw).ok, raw);
  }
  t.false(readRequest('{"charge_point_id":"X","payload":[9,"1"]}').ok);
});

test('a frame cannot break out of its envelope', (t) => {
  t.false(parseFrame('[2,"1","X",{}],"charge_point_id":"VICTIM","x":[]', 'ocpp1.6').ok);
  const writer = new EnvelopeWriter('a"},{"charge_point_id":"VICTIM', 'p', 1, 'ocpp1.6');
  const text = '[2,"\\"],\\"charge_point_id\\":\\"VICTIM","x\\",\\"y",{"charge_point_id":"VICTIM"}]';
  const written = writer.write({ frame: frameOf(text, 'ocpp1.6'), text, receivedAt: 0, sequence: 1 });
  const result = readRequest(written);
  t.true(result.ok);
  t.is(result.ok && result.request.stationId, 'a"},{"charge_point_id":"VICTIM');
});

test('whatever a station sends, repaired or not, stays within its envelope', (t) => {
  const frame = fc
    .tuple(
      fc.constantFrom(2, 3, 4),
      fc.string({ maxLength: 5 }),
      fc.string({ maxLength: 3 }),
      fc.object({ maxDepth: 1 }),
    )
    .map((parts) => JSON.stringify(parts));
  const pieces = fc.constantFrom(
    ...'[]{},:"\\'.split(''),
    '\0',
    '\u0001',
    '17',
    'null',
    'NaN',
    '],"charge_point_id":"V","x":[',
  );
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 2 }), fc.option(pieces, { nil: '' })), {
    maxLength: 3,
  });
  let repaired = 0;
  fc.assert(
    fc.property(frame, edits, (text, changes) => {
      let sent = text;
      for (const [place, dropped, added] of changes) {
        const at = place % (sent.length + 1);
        sent = sent.slice(0, at) + added + sent.slice(at + dropped);
      }
      const { read, facts, text: raw } = readMessage(Buffer.from(sent), 'ocpp1.6', true);
      if (!read.ok) return;
      if (facts?.repaired !== undefined) repaired++;
      const incoming = { frame: read.frame, text: read.text ?? raw, receivedAt: 1, sequence: 1, ...facts };
      const result = readRequest(new EnvelopeWriter('CP', 'p', 5, 'ocpp1.6').write(incoming));
      if (!result.ok) throw new Error(result.reason);
      t.like(result.request, { stationId: 'CP', epoch: 5, sequence: 1 });
      t.deepEqual(result.request.repaired, facts?.repaired);
      if (read.writtenId === undefined) t.is(result.request.frame.id, read.frame.id);
    }),
    { numRuns: 3000 },
  );
  t.true(repaired > 50, `${repaired} were repaired`);
});

test('any frame comes out of its envelope as it went in', (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 36 });
  fc.assert(
    fc.property(
      text.filter(Boolean),
      text.filter(Boolean),
      text.filter(Boolean),
      fc.object(),
      (station, id, action, payload) => {
        const raw = JSON.stringify([2, id, action, payload]);
        const incoming = { frame: frameOf(raw, 'ocpp2.1'), text: raw, receivedAt: 1000, sequence: 3 };
        const result = readRequest(new EnvelopeWriter(station, 'p', 5, 'ocpp2.1').write(incoming));
        if (!result.ok) throw new Error(result.reason);
        const { frame, ...rest } = result.request;
        t.deepEqual(frame, incoming.frame);
        t.like(rest, {
          stationId: station,
          epoch: 5,
          sequence: 3,
          protocol: 'ocpp2.1',
          receivedAt: 1000,
        });
      },
    ),
    { numRuns: 200 },
  );
});

test('what is known of a frame goes beside it, and costs no byte where nothing is', (t) => {
  const text = '[2,"17","StopTransaction",{"transactionId":9007199254740993,"x":"12345678901234567890"}]';
  const incoming = { frame: frameOf(text, 'ocpp1.6'), text, receivedAt: 1000, sequence: 3 };
  const writer = new EnvelopeWriter('CP', 'p', 5, 'ocpp1.6');
  const plain = writer.write(incoming);
  const raw = '[2,17,"StopTransaction",{"timestamp":"2020-01-01T00:00:00Z","raw":1}],"charge_point_id":"V"';
  const repaired = { raw, kinds: ['message-id', 'utf-8'] };
  const full = writer.write({ ...incoming, registration: 'Pending', repaired });
  t.true(plain.endsWith(',"sequence":3}'));
  t.true(full.startsWith(plain.slice(0, -1)));
  const read = (entry: string) => {
    const result = readRequest(entry);
    if (!result.ok) throw new Error(result.reason);
    return result.request;
  };
  t.like(read(full), { stationId: 'CP', sequence: 3, registration: 'Pending', repaired });
  t.false('repaired' in read(plain) || 'registration' in read(plain));
  t.is(timeOf(full), 1000, 'a time in the text of the station is not taken for that of the entry');
  const { frame } = read(full);
  t.deepEqual('exact' in frame && [...(frame.exact ?? [])], [['/transactionId', '9007199254740993']]);
  t.like(read(full.replace('"Pending"', '"Unheard"')), { stationId: 'CP' });
  t.false('registration' in read(full.replace('"Pending"', '"Unheard"')), 'of a version that knows more');
});

test('what a proxy forwards of a sloppy frame is read: long ids, answers that say nothing', (t) => {
  const id = 'i'.repeat(255);
  for (const [text, frame] of [
    [`[2,"${id}","X",{}]`, { type: 2, id, action: 'X', payload: {} }],
    ['[3,"i"]', { type: 3, id: 'i', payload: null }],
    ['[3,"i",[]]', { type: 3, id: 'i', payload: [] }],
    ['[4,"i",null]', { type: 4, id: 'i', code: '', description: '', details: {} }],
  ] as const) {
    const writer = new EnvelopeWriter('CP', 'p', 5, 'ocpp1.6');
    const result = readRequest(writer.write({ frame, text, receivedAt: 0, sequence: 0 }));
    t.deepEqual(result.ok && result.request.frame, frame);
  }
  t.false(readRequest(`{"charge_point_id":"X","payload":[2,"${id}i","X",{}]}`).ok);
});

test('an answer comes out of the outbox as it went in, whatever its id', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 36 }), (id) => {
      const entry = readOutbox(join(outboxResponse(7, id, { kind: 'result', payload: { a: '\n' } })));
      t.deepEqual(entry && { ...entry, text: JSON.parse(entry.text) as unknown }, {
        epoch: 7,
        type: 3,
        messageId: id,
        text: [3, id, { a: '\n' }],
      });
    }),
  );
  t.is(readOutbox('rubbish'), undefined);
});

test('a reclaimed entry holds its delivery count; the time of an entry is found without parsing it', (t) => {
  t.deepEqual(splitCount('3\n{"a":1}'), { entry: '{"a":1}', count: 3 });
  t.deepEqual(splitCount('{"a":1}'), { entry: '{"a":1}', count: 1 });
  t.is(timeOf(OCPP_GO_REQUESTS[0] ?? ''), Date.parse('2026-01-01T00:00:01Z'));
  t.is(timeOf('rubbish'), undefined);
});

test('two names never make one key, and no hash tag, blank or line break gets into one', (t) => {
  const name = fc.string({
    unit: fc.constantFrom('a', '%', '2', '5', '{', '}', ':', 'é', ' ', '\n', '\uD800', '\uDFFF'),
  });
  fc.assert(
    fc.property(name, name, (one, other) => {
      t.is(escapeKey(one) === escapeKey(other), one === other);
      t.notRegex(escapeKey(one), /[{}\s]/);
    }),
    { numRuns: 2000 },
  );
  t.is(escapeKey('CP-1_a*=:+|@.'), 'CP-1_a*=:+|@.', 'identifierString stays as it is');
  t.is(new Keys('{o}:x').session('é{1}'), '{o}:x:session:%C3%A9%7B1%7D');
});
