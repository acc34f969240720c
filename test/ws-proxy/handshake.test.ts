/** Handshakes as raw bytes: what is admitted, refused, and answered how. */
import test from 'ava';
import { startEndpoint } from './endpoint.ts';
import { until } from '../support/until.ts';
import { RawStation, subprotocol, V16 } from './raw-station.ts';

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
    name: 'the order of the station decides',
    headers: [subprotocol('ocpp1.6, ocpp2.0.1')],
    expect: 'ocpp1.6',
  },
  {
    name: 'white space around names',
    headers: [subprotocol(' \t ocpp2.0.1\t , ocpp1.6')],
    expect: 'ocpp2.0.1',
  },
  {
    name: 'unknown names are skipped',
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

test('handshake: an invalid key, another version of WebSocket or another method gets 400 and opens no session', async (t) => {
  await using endpoint = await startEndpoint();
  const valid = { method: 'GET', key: 'dGhlIHNhbXBsZSBub25jZQ==', version: '13' };
  for (const wrong of [{ key: 'short' }, { version: '8' }, { version: '14' }, { method: 'POST' }]) {
    const { method, key, version } = { ...valid, ...wrong };
    await using station = await RawStation.connect(endpoint.port);
    station.socket.write(
      `${method} /ocpp/CS1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: ${version}\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n`,
    );
    const answer = await station.httpAnswer();
    t.is(answer.status, 400, JSON.stringify(wrong));
    t.is(answer.headers.get('sec-websocket-version'), '13');
    t.is(endpoint.seen.at(-1), 'refused 400 bad-handshake /ocpp/CS1');
  }
  t.is(endpoint.gateway.sinks.size, 0);
});

test('handshake: a station that names no subprotocol is served with the default one, if one is set', async (t) => {
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

test('handshake: a request without an upgrade gets 426; only an intended handshake is reported', async (t) => {
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

test('handshake: a peer that sends nothing, or half a request, gets 408', async (t) => {
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

test('handshake: a temporary refusal has Retry-After', async (t) => {
  const cases = [
    { status: 503, admission: { maxSessions: 1 }, prepare: () => undefined },
    { status: 429, admission: { connectsPerSecond: 0.05 }, prepare: () => undefined },
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
    t.is(await first.station.nextText(), '[3,"1",{}]', 'connected stations are still served');
  }
});
