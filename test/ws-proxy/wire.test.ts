import { connect } from 'node:net';
import test from 'ava';
import { startEndpoint } from './endpoint.ts';
import { until } from '../support/until.ts';
import { OPCODE, RawStation } from './raw-station.ts';

const subprotocol = (value: string) => `Sec-WebSocket-Protocol: ${value}`;
const V16 = [subprotocol('ocpp1.6')];

interface Handshake {
  readonly name: string;
  readonly target?: string;
  readonly headers?: readonly string[];
  /** HTTP status; for 101 the subprotocol, or `closed` where none is in common. */
  readonly expect: number | string;
}

const HANDSHAKES: readonly Handshake[] = [
  { name: 'one subprotocol', headers: V16, expect: 'ocpp1.6' },
  {
    name: 'the order of the station counts',
    headers: [subprotocol('ocpp1.6, ocpp2.0.1')],
    expect: 'ocpp1.6',
  },
  {
    name: 'white space around names',
    headers: [subprotocol(' \t ocpp2.0.1\t , ocpp1.6')],
    expect: 'ocpp2.0.1',
  },
  {
    name: 'unknown names are passed over',
    headers: [subprotocol('ocpp9.9,mqtt,ocpp2.1')],
    expect: 'ocpp2.1',
  },
  { name: 'a repeated header', headers: [subprotocol('soap'), subprotocol('ocpp1.6')], expect: 'ocpp1.6' },
  { name: 'the same name twice', headers: [subprotocol('ocpp1.6, ocpp1.6')], expect: 'ocpp1.6' },
  { name: 'no subprotocol', headers: [], expect: 'closed' },
  { name: 'only unknown subprotocols', headers: [subprotocol('ocpp1.5')], expect: 'closed' },
  { name: 'subprotocols are case-sensitive', headers: [subprotocol('OCPP1.6')], expect: 'closed' },
  { name: 'no identity', target: '/ocpp/', expect: 404 },
  { name: 'an empty segment before the identity', target: '/ocpp//CS1', expect: 'ocpp1.6' },
  { name: 'a slash behind the identity', target: '/ocpp/CS1/', expect: 'ocpp1.6' },
  { name: 'another path', target: '/chargers/CS1', expect: 404 },
  { name: 'a segment too many', target: '/ocpp/city/CS1', expect: 404 },
  { name: 'an identity with an encoded slash', target: '/ocpp/CS%2F1', expect: 'ocpp1.6' },
  { name: 'an identity that looks like a key', target: '/ocpp/a:b%7Bc%7D', expect: 'ocpp1.6' },
  { name: 'a query behind the identity', target: '/ocpp/CS1?token=x', expect: 'ocpp1.6' },
  { name: 'the parent folder', target: '/ocpp/..', expect: 400 },
  { name: 'a control character', target: '/ocpp/CS%0A1', expect: 400 },
  { name: 'a broken percent sign', target: '/ocpp/CS%G1', expect: 400 },
  { name: 'percent-encoded nonsense', target: '/ocpp/CS%ff', expect: 400 },
  { name: 'too long for 1.6', target: `/ocpp/${'x'.repeat(256)}`, expect: 400 },
  {
    name: 'too long for 2.x',
    target: `/ocpp/${'x'.repeat(49)}`,
    headers: [subprotocol('ocpp2.0.1')],
    expect: 400,
  },
  {
    name: 'braces in an identity of 2.x',
    target: '/ocpp/%7Bb%7D',
    headers: [subprotocol('ocpp2.1')],
    expect: 400,
  },
  { name: 'headers without end', headers: [...V16, `X: ${'x'.repeat(20_000)}`], expect: 431 },
];

for (const { name, target = '/ocpp/CS1', headers = V16, expect } of HANDSHAKES) {
  test(`handshake: ${name}`, async (t) => {
    await using endpoint = await startEndpoint();
    const { station, answer } = await RawStation.open(endpoint.port, target, headers);
    await using _ = station;
    if (typeof expect === 'number') {
      t.is(answer.status, expect);
      t.is(endpoint.server.size, 0);
      return;
    }
    t.is(answer.status, 101);
    if (expect === 'closed') {
      t.false(answer.headers.has('sec-websocket-protocol'));
      t.is(await station.closeCode(), 1002);
      t.is(endpoint.gateway.sinks.size, 0, 'no session was taken');
      t.is(endpoint.seen.filter((what) => what.startsWith('refused 101')).length, 1);
    } else {
      t.is(answer.headers.get('sec-websocket-protocol'), expect);
      station.send('[2,"1","Heartbeat",{}]');
      t.is(await station.nextText(), '[3,"1",{}]');
    }
  });
}

test('handshake: a key that is none gets 400 and takes no session from the station', async (t) => {
  await using endpoint = await startEndpoint();
  await using station = await RawStation.connect(endpoint.port);
  station.socket.write(
    'GET /ocpp/CS1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      'Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n',
  );
  const answer = await station.httpAnswer();
  t.is(answer.status, 400);
  t.is(endpoint.gateway.sinks.size, 0);
  t.deepEqual(endpoint.seen, ['refused 400 bad-handshake /ocpp/CS1']);
});

test('handshake: a station that names no subprotocol is served with the default one, if there is any', async (t) => {
  await using endpoint = await startEndpoint({}, { defaultProtocol: 'ocpp1.6' });
  for (const headers of [[], [subprotocol('')]]) {
    const { station, answer } = await RawStation.open(endpoint.port, '/ocpp/CS1', headers);
    await using _ = station;
    t.is(answer.status, 101);
    t.false(answer.headers.has('sec-websocket-protocol'));
    station.send('[2,"1","Heartbeat",{}]');
    t.is(await station.nextText(), '[3,"1",{}]');
    t.is(endpoint.gateway.protocols.at(-1), 'ocpp1.6');
  }
  const { station, answer } = await RawStation.open(endpoint.port, '/ocpp/CS1', [subprotocol('ocpp1.5')]);
  await using _ = station;
  t.is(answer.status, 101);
  t.is(await station.closeCode(), 1002, 'one that names unknown ones only is closed all the same');
  t.deepEqual(
    endpoint.seen.filter((what) => what.startsWith('refused')),
    ['refused 101 unknown-subprotocol /ocpp/CS1'],
  );
});

test('handshake: a request that asks for no upgrade gets 426, and is told from a probe', async (t) => {
  await using endpoint = await startEndpoint();
  const ask = async (...headers: string[]) => {
    await using station = await RawStation.connect(endpoint.port);
    station.socket.write(['GET /ocpp/CS1 HTTP/1.1', 'Host: x', ...headers, '', ''].join('\r\n'));
    return (await station.httpAnswer()).status;
  };
  t.is(await ask(), 426);
  t.deepEqual(endpoint.seen, []);
  t.is(await ask('Upgrade: websocket', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', ...V16), 426);
  t.is(await ask('Connection: keep-alive', 'Upgrade: websocket'), 426);
  t.deepEqual(endpoint.seen, Array(2).fill('refused 426 no-upgrade /ocpp/CS1'));
});

test('handshake: a peer that sends nothing, or half a request, is dropped', async (t) => {
  await using endpoint = await startEndpoint({ handshakeTimeoutMs: 200 });
  await using silent = await RawStation.connect(endpoint.port);
  await using half = await RawStation.connect(endpoint.port);
  half.socket.write('GET /ocpp/CS1 HTTP/1.1\r\nHost:');
  await until(() => silent.ended && half.ended, 'both to be dropped');
  t.deepEqual(endpoint.seen, Array(2).fill('refused 408 request-timeout'));
});

test('handshake: requests that the HTTP parser refuses are reported with their target', async (t) => {
  const cases = [
    {
      send: `GET /ocpp/CS1 HTTP/1.1\r\nX: ${'x'.repeat(9000)}\r\n\r\n`,
      expect: '431 headers-too-large /ocpp/CS1',
    },
    { send: 'GET /ocpp/CS1 HTTP/1.1\r\nHost x\r\n\r\n', expect: '400 bad-request /ocpp/CS1' },
    { send: '\x16\x03\x01 a TLS ClientHello', expect: '400 bad-request' },
  ];
  await using endpoint = await startEndpoint();
  for (const { send, expect } of cases) {
    await using station = await RawStation.connect(endpoint.port);
    station.socket.write(send);
    t.is((await station.httpAnswer()).status, Number(expect.slice(0, 3)));
    t.is(endpoint.seen.at(-1), `refused ${expect}`);
  }
  await using broken = await RawStation.connect(endpoint.port);
  broken.socket.write('GET /ocpp/CS1 HTTP/1.1\r\nHost:');
  broken.socket.resetAndDestroy();
  await using next = (await RawStation.open(endpoint.port, '/ocpp/CS2')).station;
  next.send('[2,"1","Heartbeat",{}]');
  await next.nextText();
  t.is(
    endpoint.seen.filter((what) => what.startsWith('refused')).length,
    cases.length,
    'a reset is no refusal',
  );
});

test('handshake: a proxy that cannot take the station says when to come again', async (t) => {
  const cases = [
    { status: 503, admission: { maxSessions: 1 }, prepare: () => undefined },
    { status: 429, admission: { connectsPerSecond: 1 }, prepare: () => undefined },
    {
      status: 503,
      admission: {},
      prepare: (it: Awaited<ReturnType<typeof startEndpoint>>) => void (it.gateway.healthy = false),
    },
    {
      status: 503,
      admission: {},
      prepare: (it: Awaited<ReturnType<typeof startEndpoint>>) =>
        void (it.gateway.opening = Promise.reject(new Error('registration refused'))),
    },
    {
      status: 503,
      admission: {},
      prepare: (it: Awaited<ReturnType<typeof startEndpoint>>) =>
        void (it.gateway.opening = new Promise(() => undefined)),
    },
  ];
  for (const { status, admission, prepare } of cases) {
    await using endpoint = await startEndpoint({ openTimeoutMs: 300 }, admission);
    const first = await RawStation.open(endpoint.port, '/ocpp/CS1');
    await using _first = first.station;
    t.is(first.answer.status, 101);
    prepare(endpoint);
    const second = await RawStation.open(endpoint.port, '/ocpp/CS2');
    await using _second = second.station;
    t.is(second.answer.status, status);
    t.true(Number(second.answer.headers.get('retry-after')) >= 5);
    first.station.send('[2,"1","Heartbeat",{}]');
    t.is(await first.station.nextText(), '[3,"1",{}]', 'who is connected stays served');
  }
});

interface BadFrame {
  readonly name: string;
  readonly protocol?: string;
  readonly send: string | ((station: RawStation) => void);
  /** The answer, nothing, or the code of the Close. */
  readonly expect: string | number | undefined;
  /** Tolerant proxies understand it: see UNDERSTOOD. */
  readonly strictOnly?: true;
  /** Why it is kept for a person; undefined where it is no text of OCPP-J at all. */
  readonly kept: string | undefined;
}

const text = (station: RawStation, payload: Buffer | string) =>
  station.frame(OPCODE.text, Buffer.from(payload));
const BREAK_OUT = '[2,"1","X",{}],"charge_point_id":"VICTIM","x":[]';

const BAD_FRAMES: readonly BadFrame[] = [
  { name: 'malformed JSON, 1.6', kept: 'not-json', send: '[2,"1","X",', expect: undefined },
  {
    name: 'malformed JSON, 2.x',
    kept: 'not-json',
    protocol: 'ocpp2.0.1',
    send: '[2,"1","X",',
    expect: '[4,"-1","RpcFrameworkError"',
  },
  { name: 'an object', kept: 'not-a-frame', send: '{"a":1}', expect: undefined },
  { name: 'null', kept: 'not-a-frame', send: 'null', expect: undefined },
  {
    name: 'null, 2.1',
    kept: 'not-a-frame',
    protocol: 'ocpp2.1',
    send: 'null',
    expect: '[4,"-1","RpcFrameworkError"',
  },
  { name: 'an empty text', kept: 'not-json', send: '', expect: undefined },
  {
    name: 'nested 10 000 deep',
    kept: 'not-a-frame',
    send: '['.repeat(10_000) + ']'.repeat(10_000),
    expect: undefined,
  },
  {
    name: 'nested deep in a payload',
    kept: 'not-json',
    send: `[2,"1","X",${'['.repeat(1e5)}`,
    expect: undefined,
  },
  {
    name: 'a CALL without payload',
    kept: 'bad-shape',
    strictOnly: true,
    send: '[2,"1","X"]',
    expect: '[4,"1","FormationViolation"',
  },
  {
    name: 'a CALL without payload, 2.x',
    kept: 'bad-shape',
    strictOnly: true,
    protocol: 'ocpp2.0.1',
    send: '[2,"1","X"]',
    expect: '[4,"1","RpcFrameworkError"',
  },
  {
    name: 'an id of 37 characters',
    kept: 'bad-id',
    strictOnly: true,
    send: `[2,"${'i'.repeat(37)}","X",{}]`,
    expect: undefined,
  },
  { name: 'a bad CALLRESULT is not answered', kept: 'bad-shape', send: '[3,"1","text"]', expect: undefined },
  {
    name: 'a bad CALLRESULT, 2.0.1',
    kept: 'bad-shape',
    protocol: 'ocpp2.0.1',
    send: '[3,"1"]',
    expect: undefined,
  },
  {
    name: 'an answer that nobody waits for',
    kept: undefined,
    send: '[3,"nobody",{}]',
    expect: undefined,
  },
  { name: 'type 5 in 1.6', kept: 'unknown-type', send: '[5,"1","GenericError","",{}]', expect: undefined },
  {
    name: 'type 6 in 1.6',
    kept: 'unknown-type',
    send: '[6,"1","NotifyPeriodicEventStream",{}]',
    expect: undefined,
  },
  { name: 'type 7 in 1.6', kept: 'unknown-type', send: '[7,"1","X",{}]', expect: undefined },
  {
    name: 'type 7 in 2.1',
    kept: 'unknown-type',
    protocol: 'ocpp2.1',
    send: '[7,"1","X",{}]',
    expect: '[4,"1","MessageTypeNotSupported"',
  },
  { name: 'a frame that breaks out of its envelope', kept: 'not-json', send: BREAK_OUT, expect: undefined },
  {
    name: 'two frames in one text',
    kept: 'not-json',
    send: '[2,"1","A",{}][2,"2","B",{}]',
    expect: undefined,
  },
  {
    name: 'a binary message',
    kept: 'binary',
    send: (it) => it.frame(OPCODE.binary, Buffer.from('[]')),
    expect: 1003,
  },
  {
    name: 'invalid UTF-8',
    kept: undefined,
    strictOnly: true,
    send: (it) => text(it, Buffer.from([0x5b, 0xff, 0x5d])),
    expect: 1007,
  },
  { name: '10 MB', kept: undefined, send: (it) => text(it, Buffer.alloc(10_000_000, 0x20)), expect: 1009 },
  {
    name: 'fragments without end',
    kept: undefined,
    send(it) {
      it.frame(OPCODE.text, Buffer.from('['), false);
      for (let i = 0; i < 2000; i += 1) it.frame(OPCODE.continuation, Buffer.from(' '), false);
    },
    expect: 1008,
  },
  {
    name: 'a compressed frame, never agreed on',
    kept: undefined,
    send: (it) => it.frame(0x41, Buffer.from('x')),
    expect: 1002,
  },
  {
    name: 'an unmasked frame',
    kept: undefined,
    send: (it) => void it.socket.write(Buffer.from([0x81, 0x02, 0x5b, 0x5d])),
    expect: 1002,
  },
  {
    name: 'an opcode that does not exist',
    kept: undefined,
    send: (it) => it.frame(5, Buffer.from('x')),
    expect: 1002,
  },
];

const BAD_FRAMES_BY_MODE = ['Strict', 'Tolerant'].flatMap((mode) =>
  BAD_FRAMES.filter(({ strictOnly }) => mode === 'Strict' || strictOnly !== true).map(
    (frame) => [mode, frame] as const,
  ),
);

for (const [mode, { name, protocol = 'ocpp1.6', send, expect, kept }] of BAD_FRAMES_BY_MODE) {
  test(`bad frame, ${mode}: ${name}`, async (t) => {
    await using endpoint = await startEndpoint({}, {}, undefined, mode === 'Tolerant');
    const { gateway, seen } = endpoint;
    const opened = await RawStation.open(endpoint.port, '/ocpp/CS1', [subprotocol(protocol)]);
    await using station = opened.station;
    if (typeof send === 'string') station.send(send);
    else send(station);
    if (typeof expect === 'number') {
      t.is(await station.closeCode(), expect);
      await until(() => endpoint.server.sockets.size === 0, 'the socket to be forgotten');
    } else {
      // A message that must be answered by silence is followed by one that must not.
      station.send('[2,"alive","Heartbeat",{}]');
      if (expect !== undefined) t.true((await station.nextText()).startsWith(expect));
      t.is(await station.nextText(), '[3,"alive",{}]');
    }
    t.deepEqual(
      gateway.forwarded.map(({ frame }) => frame.id).filter((id) => id !== 'alive'),
      [],
      'nothing of it reached the gateway',
    );
    t.deepEqual(
      seen.filter((what) => /^(?:unreadable|repaired)/.test(what)),
      kept === undefined ? [] : [`unreadable ${kept}`],
    );
    const texts = gateway.unreadable.map(({ stationId, text: it }) => [stationId, it]);
    const whole = typeof send === 'string' ? send.slice(0, 4096) : '[]';
    t.deepEqual(texts, kept === undefined ? [] : [['CS1', whole]]);
  });
}

interface Understood {
  readonly name: string;
  readonly protocol?: string;
  readonly send: string | Buffer;
  /** What reaches the gateway. */
  readonly text: string;
  readonly answer: string;
  readonly kinds: readonly string[];
}

const LONG_ID = 'i'.repeat(43);

const UNDERSTOOD: readonly Understood[] = [
  {
    name: 'an id that is a number',
    send: '[2, 17 ,"Heartbeat",{"a":12345678901234567890}]',
    text: '[2,"17","Heartbeat",{"a":12345678901234567890}]',
    answer: '[3,17,{}]',
    kinds: ['message-id'],
  },
  {
    name: 'an id that no JavaScript number holds',
    send: '[2,98765432109876543210,"Heartbeat",{}]',
    text: '[2,"98765432109876543210","Heartbeat",{}]',
    answer: '[3,98765432109876543210,{}]',
    kinds: ['message-id'],
  },
  {
    name: 'an id that is null',
    send: '[2,null,"Heartbeat",{}]',
    text: '[2,"null","Heartbeat",{}]',
    answer: '[3,null,{}]',
    kinds: ['message-id'],
  },
  {
    name: 'an empty id',
    send: '[2,"","Heartbeat",{}]',
    text: String.raw`[2,"\"\"","Heartbeat",{}]`,
    answer: '[3,"",{}]',
    kinds: ['message-id'],
  },
  {
    name: 'an id of 43 characters',
    send: `[2,"${LONG_ID}","Heartbeat", {}]`,
    text: `[2,"${LONG_ID}","Heartbeat", {}]`,
    answer: `[3,"${LONG_ID}",{}]`,
    kinds: ['message-id-length'],
  },
  {
    name: 'a payload that is null',
    send: '[2,"a","Heartbeat",null]',
    text: '[2,"a","Heartbeat",{}]',
    answer: '[3,"a",{}]',
    kinds: ['payload'],
  },
  {
    name: 'a payload that is left out, 2.x',
    protocol: 'ocpp2.0.1',
    send: '["2","a","Heartbeat"]',
    text: '[2,"a","Heartbeat",{}]',
    answer: '[3,"a",{}]',
    kinds: ['message-type', 'payload'],
  },
  {
    name: 'elements too many that are null',
    send: '[2,"a","Heartbeat",{},null,null]',
    text: '[2,"a","Heartbeat",{}]',
    answer: '[3,"a",{}]',
    kinds: ['trailing-elements'],
  },
  {
    name: 'almost JSON',
    send: '\uFEFF[,2,"a","Heartbeat",{"x":"\u0001",}]\0',
    text: String.raw`[2,"a","Heartbeat",{"x":"\u0001"}]`,
    answer: '[3,"a",{}]',
    kinds: ['trimmed-ends', 'stray-commas', 'control-characters'],
  },
  {
    name: 'almost JSON, and an id that is a number',
    send: '[2,+07,"Heartbeat",{"x":NaN}]',
    text: '[2,"7","Heartbeat",{"x":null}]',
    answer: '[3,7,{}]',
    kinds: ['numbers', 'literals', 'message-id'],
  },
  {
    name: 'bytes that are not UTF-8',
    send: Buffer.from('[2,"a","Heartbeat",{"x":"Caf\u00E9 \u00DF"}]', 'latin1'),
    text: '[2,"a","Heartbeat",{"x":"Caf\uFFFD \uFFFD"}]',
    answer: '[3,"a",{}]',
    kinds: ['utf-8'],
  },
];

for (const { name, protocol = 'ocpp1.6', send, text: read, answer, kinds } of UNDERSTOOD) {
  test(`understood: ${name}`, async (t) => {
    await using endpoint = await startEndpoint();
    const { gateway, seen } = endpoint;
    const opened = await RawStation.open(endpoint.port, '/ocpp/CS1', [subprotocol(protocol)]);
    await using station = opened.station;
    station.frame(OPCODE.text, Buffer.from(send));
    t.is(await station.nextText(), answer);
    const [forwarded] = gateway.forwarded;
    t.is(forwarded?.text, read);
    t.deepEqual(JSON.parse(read)[1], forwarded?.frame.id);
    t.deepEqual(forwarded?.repaired, { raw: send.toString('latin1'), kinds });
    t.deepEqual(
      seen.filter((what) => /^(?:unreadable|repaired)/.test(what)),
      [`repaired ${kinds.join(' ')}`],
    );
    station.send('[2,"b","Heartbeat",{}]');
    t.is(await station.nextText(), '[3,"b",{}]', 'the next id is written as usual');
    t.is(gateway.forwarded[1]?.repaired, undefined);
  });
}

test('each held CALL is answered with its own id as it was written; an error repeats it too', async (t) => {
  await using endpoint = await startEndpoint();
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  for (const id of ['1', '"2"', 'null', '"4"']) station.send(`[2,${id},"Authorize",{}]`);
  station.send('[2,5,7,{}]');
  t.is((await station.nextText()).slice(0, 29), '[4,5,"FormationViolation","th');
  for (const id of ['1', '2', 'null', '4']) {
    await until(() => gateway.forwarded.at(-1)?.frame.id === id, `CALL ${id}`);
    gateway.answer('CS1', id);
  }
  const heard = [];
  for (let i = 0; i < 4; i++) heard.push(await station.nextText());
  t.deepEqual(heard, ['[3,1,{}]', '[3,"2",{}]', '[3,null,{}]', '[3,"4",{}]']);
});

test('what the last BootNotification was answered goes with each frame behind it', async (t) => {
  await using endpoint = await startEndpoint();
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  const boot = async (id: string, text: string) => {
    station.send(`[2,"${id}","BootNotification",{}]`);
    station.send(`[2,"${id}+","Heartbeat",{}]`);
    await until(() => gateway.forwarded.at(-1)?.frame.id === id, 'the boot');
    gateway.sinks.get('CS1')?.deliver({ type: text.startsWith('[4') ? 4 : 3, messageId: id, text });
    t.is(await station.nextText(), text);
    t.is(await station.nextText(), `[3,"${id}+",{}]`);
  };
  station.send('[2,"0","Heartbeat",{}]');
  await station.nextText();
  await boot('a', '[3,"a",{"status":"Pending","interval":5}]');
  await boot('b', '[3,"b",{"status":"Accepted"}]');
  await boot('c', '[4,"c","InternalError","",{}]');
  await boot('d', '[3,"d",{"status":"Rejected"}]');
  t.deepEqual(
    gateway.forwarded.map(({ frame, registration }) => [frame.id, registration]),
    [
      ['0', undefined],
      ['a', undefined],
      ['a+', 'Pending'],
      ['b', 'Pending'],
      ['b+', 'Accepted'],
      ['c', 'Accepted'],
      ['c+', 'Accepted'],
      ['d', 'Accepted'],
      ['d+', 'Rejected'],
    ],
  );
});

test('a frame reaches the gateway as the station wrote it, fragments put together', async (t) => {
  await using endpoint = await startEndpoint();
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  const written = ' [ 2 , "a\\u0031" , "Heartbeat" , { "n" : 1.0e2 } ]\n';
  station.frame(OPCODE.text, Buffer.from(written.slice(0, 7)), false);
  station.frame(OPCODE.ping, Buffer.from('amid'));
  station.frame(OPCODE.continuation, Buffer.from(written.slice(7, 8)), false);
  station.frame(OPCODE.continuation, Buffer.from(written.slice(8)));
  t.is(await station.nextText(), '[3,"a1",{}]');
  t.is(endpoint.gateway.forwarded[0]?.text, written);
});

test('a second CALL is held until the first is answered, then follows in order', async (t) => {
  await using endpoint = await startEndpoint();
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1', [subprotocol('ocpp2.1')]);
  await using _ = station;
  for (const id of ['1', '2', '3']) station.send(`[2,"${id}","Authorize",{}]`);
  station.send('[6,"s","NotifyPeriodicEventStream",{}]');
  const ids = () => gateway.forwarded.map(({ frame, sequence }) => `${frame.id}:${sequence}`);
  await until(() => ids().includes('s:1'), 'the SEND, which waits for nothing');
  t.deepEqual(ids(), ['1:1', 's:1']);
  gateway.answer('CS1', '2');
  gateway.answer('CS1', '1');
  t.is(await station.nextText(), '[3,"1",{}]', 'an answer to a CALL that is not open is not written');
  gateway.answer('CS1', '2');
  t.is(await station.nextText(), '[3,"2",{}]');
  t.deepEqual(ids(), ['1:1', 's:1', '2:2', '3:3']);
});

test('a station that floods is paused, not answered with errors, and loses nothing', async (t) => {
  await using endpoint = await startEndpoint({ maxHeldBytes: 4096 });
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  const filler = 'x'.repeat(1000);
  const count = 300;
  for (let i = 0; i < count; i += 1) station.send(`[2,"${i}","MeterValues",{"x":"${filler}"}]`);
  for (let i = 0; i < count; i += 1) {
    await until(() => gateway.forwarded.length > i, `CALL ${i}`);
    gateway.answer('CS1', String(i));
    t.is(await station.nextText(), `[3,"${i}",{}]`);
  }
});

test('a CALL of the CSMS crosses one of the station; its answer goes through, a second one does not', async (t) => {
  await using endpoint = await startEndpoint();
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  station.send('[2,"1","Authorize",{}]');
  await until(() => gateway.forwarded.length === 1, 'the CALL');
  gateway.sinks.get('CS1')?.deliver({ type: 2, messageId: 'c', text: '[2,"c","Reset",{}]' });
  t.is(await station.nextText(), '[2,"c","Reset",{}]');
  station.send('[3,"c",{"status":"Accepted"}]');
  station.send('[3,"c",{"status":"Rejected"}]');
  await until(() => endpoint.seen.includes('dropped unknown-answer'), 'the second answer');
  t.deepEqual(
    gateway.forwarded.map(({ text: it }) => it),
    ['[2,"1","Authorize",{}]', '[3,"c",{"status":"Accepted"}]'],
  );
});

test('a CALL that nobody answers is given up after the call time-out, and the next one follows', async (t) => {
  const peer = { callTimeout: 100, maxHeld: 65_536, maxQueued: 16 };
  await using endpoint = await startEndpoint({ peer, pingIntervalMs: 200 });
  const { gateway } = endpoint;
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1');
  await using _ = station;
  station.send('[2,"1","Authorize",{}]');
  station.send('[2,"2","Authorize",{}]');
  await until(() => gateway.forwarded.length === 2, 'the second CALL');
  gateway.answer('CS1', '1');
  gateway.answer('CS1', '2');
  t.is(await station.nextText(), '[3,"2",{}]', 'the late answer is not written');
});

test('a half-open peer is dropped by ping, a living idle one is not', async (t) => {
  await using endpoint = await startEndpoint({ pingIntervalMs: 100 });
  const [living, dead] = await Promise.all([
    RawStation.open(endpoint.port, '/ocpp/living'),
    RawStation.open(endpoint.port, '/ocpp/dead'),
  ]);
  await using _living = living.station;
  await using _dead = dead.station;
  dead.station.alive = false;
  t.is(await dead.station.closeCode(), 1006);
  await until(() => endpoint.seen.includes('closed silent'), 'the socket to be cut');
  t.false(living.station.ended);
  living.station.send('[2,"1","Heartbeat",{}]');
  t.is(await living.station.nextText(), '[3,"1",{}]');
});

test('a station that reads nothing is cut before it costs memory', async (t) => {
  await using endpoint = await startEndpoint({ maxUnreadBytes: 64 * 1024 });
  const { station } = await RawStation.open(endpoint.port, '/ocpp/CS1', [subprotocol('ocpp2.1')]);
  await using _ = station;
  station.socket.pause();
  const sink = endpoint.gateway.sinks.get('CS1');
  const frame = `[6,"1","X",{"x":"${'x'.repeat(60_000)}"}]`;
  await until(() => {
    sink?.deliver({ type: 6, messageId: '1', text: frame });
    return endpoint.seen.includes('closed slow-reader');
  }, 'the socket to be cut');
  t.is(endpoint.server.sockets.size, 0);
});

test('a take-over closes the old socket, whose frames and goodbye disturb nobody', async (t) => {
  await using endpoint = await startEndpoint();
  const { gateway } = endpoint;
  const old = (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  await using _old = old;
  old.alive = false;
  const young = (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  await using _young = young;
  t.is(await old.closeCode(), 1012);
  old.send('[2,"late","Heartbeat",{}]');
  await until(() => endpoint.seen.includes('dropped revoked'), 'the frame of the old connection');
  old.socket.destroy();
  await until(() => gateway.ended.includes(1), 'the old connection to end');
  young.send('[2,"1","Heartbeat",{}]');
  t.is(await young.nextText(), '[3,"1",{}]');
  t.deepEqual(
    gateway.forwarded.map(({ frame, epoch }) => `${frame.id}:${epoch}`),
    ['1:2'],
  );
});

test('an old socket that is half open is cut in time, and told from one that lives (case 1)', async (t) => {
  await using endpoint = await startEndpoint({ probeTimeoutMs: 100, pingIntervalMs: 400 });
  const open = async () => (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  await using halfOpen = await open();
  halfOpen.alive = false;
  await using living = await open();
  await until(() => endpoint.codes.length === 1, 'the half-open socket to be cut');
  await using _third = await open();
  await until(() => endpoint.codes.length === 2, 'the living one to say goodbye');
  t.deepEqual(endpoint.codes, [1006, 1012]);
  t.deepEqual(
    endpoint.seen.filter((what) => /^closed|^duplicate/.test(what)),
    ['closed replaced', 'duplicate CS1', 'closed replaced'],
  );
  t.is(await living.closeCode(), 1012);
});

test('what a station sends before its session is open is kept', async (t) => {
  await using endpoint = await startEndpoint();
  let open: () => void = () => undefined;
  endpoint.gateway.opening = new Promise((resolve) => {
    open = resolve;
  });
  await using station = await RawStation.connect(endpoint.port);
  const answer = station.handshake('/ocpp/CS1', V16);
  // A station that does not wait for the end of the handshake breaks the rules, and is served all the same.
  station.send('[2,"1","Heartbeat",{}]');
  await until(() => endpoint.server.size === 1, 'the handshake');
  open();
  t.is((await answer).status, 101);
  t.is(await station.nextText(), '[3,"1",{}]');
});

test('a peer that leaves amid its handshake leaves no session behind', async (t) => {
  await using endpoint = await startEndpoint();
  let open: () => void = () => undefined;
  endpoint.gateway.opening = new Promise((resolve) => {
    open = resolve;
  });
  const socket = connect(endpoint.port, '127.0.0.1');
  socket.write(
    'GET /ocpp/CS1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ' +
      'dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n',
  );
  await until(() => endpoint.server.size === 1, 'the handshake');
  socket.resetAndDestroy();
  await until(() => socket.closed, 'the reset');
  open();
  await until(() => endpoint.gateway.ended.length === 1, 'the session to end');
  await until(() => endpoint.server.size === 0, 'the socket to be forgotten');
  t.pass();
});
