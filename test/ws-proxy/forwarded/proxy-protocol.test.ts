/** The PROXY protocol before HTTP and TLS: what is read, from whom, and what happens to the rest. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import { type AddressInfo, connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import test from 'ava';
import { assert, constantFrom, integer, nat, oneof, property, tuple, uint8Array } from 'fast-check';
import { Connections } from '../../../services/station-server/forwarded/connections.ts';
import {
  acceptProxied,
  LOCAL_HEADER,
  parseProxyHeader,
} from '../../../services/station-server/forwarded/proxy-protocol.ts';
import { SelfTestSecret, testHandshake } from '../../../services/station-server/self-test.ts';
import type { StationServerLimits } from '../../../services/station-server/limits.ts';
import { certificateFolder, serverCertificate, tlsFiles } from '../../support/certificates.ts';
import { until } from '../../support/until.ts';
import { startEndpoint } from '../endpoint.ts';
import { RawStation, V16 } from '../raw-station.ts';

const SIGNATURE = LOCAL_HEADER.subarray(0, 12);

/** A header of version 2 with these bytes 13 and 14, and what follows the length. */
function header(command: number, family: number, variable: Buffer, length = variable.length): Buffer {
  const fixed = Buffer.from([command, family, length >> 8, length & 0xff]);
  return Buffer.concat([SIGNATURE, fixed, variable]);
}

const V4 = Buffer.from([203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x67, 0x23, 0x28]);
const V6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000005', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from([0x12, 0x67, 0x23, 0x28]),
]);
const MAPPED = Buffer.concat([Buffer.from('00000000000000000000ffffcb007109', 'hex'), V6.subarray(16)]);
const TLVS = Buffer.concat([V4, Buffer.from([0x04, 0, 200]), Buffer.alloc(200)]);

const HEADERS: readonly {
  readonly name: string;
  readonly data: Buffer;
  /** The address; '' for none; or a part of the reason. */
  readonly expect: string | RegExp;
}[] = [
  { name: 'TCP over IPv4', data: header(0x21, 0x11, V4), expect: '203.0.113.9' },
  { name: 'TCP over IPv6', data: header(0x21, 0x21, V6), expect: '2001:db8::5' },
  { name: 'IPv4 mapped to IPv6', data: header(0x21, 0x21, MAPPED), expect: '203.0.113.9' },
  { name: 'type-length-values', data: header(0x21, 0x11, TLVS), expect: '203.0.113.9' },
  { name: 'a health check', data: LOCAL_HEADER, expect: '' },
  { name: 'a health check with addresses', data: header(0x20, 0x11, V4), expect: '' },
  { name: 'an unspecified family', data: header(0x21, 0x00, Buffer.alloc(0)), expect: '' },
  { name: 'UDP', data: header(0x21, 0x12, V4), expect: /without a TCP address/ },
  { name: 'a Unix socket', data: header(0x21, 0x31, Buffer.alloc(216)), expect: /without a TCP address/ },
  { name: 'short addresses', data: header(0x21, 0x11, V4.subarray(0, 11)), expect: /without a TCP address/ },
  { name: 'short IPv6 addresses', data: header(0x21, 0x21, V4), expect: /without a TCP address/ },
  { name: 'an unknown command', data: header(0x22, 0x11, V4), expect: /unknown command 2/ },
  { name: 'version 3', data: header(0x31, 0x11, V4), expect: /version 3/ },
  { name: 'a length above the limit', data: header(0x21, 0x11, V4, 1025), expect: /of 1025 bytes/ },
  {
    name: 'version 1',
    data: Buffer.from('PROXY TCP4 203.0.113.9 10.0.0.1 4711 9000\r\n'),
    expect: /version 1/,
  },
  { name: 'HTTP', data: Buffer.from('GET /ocpp/CS1 HTTP/1.1\r\n'), expect: /no PROXY protocol header/ },
  { name: 'TLS', data: Buffer.from('160301', 'hex'), expect: /no PROXY protocol header/ },
];

for (const { name, data, expect } of HEADERS) {
  test(`a header: ${name}`, (t) => {
    const got = parseProxyHeader(Buffer.concat([data, Buffer.from('GET /')]));
    if (expect instanceof RegExp) {
      t.regex(got.kind === 'wrong' ? got.reason : '', expect);
      return;
    }
    const address = expect === '' ? {} : { address: expect };
    t.deepEqual(got, { kind: 'complete', length: data.length, ...address });
    for (let length = 0; length < data.length; length++) {
      t.deepEqual(parseProxyHeader(data.subarray(0, length)), { kind: 'incomplete' }, `${length} bytes`);
    }
  });
}

test('any bytes are a header, the beginning of one, or refused; an address is one', (t) => {
  const headers = HEADERS.map(({ data }) => data);
  const mutated = tuple(constantFrom(...headers), nat(), integer({ min: 0, max: 255 })).map(
    ([data, at, byte]) => {
      const copy = Buffer.from(data);
      copy[at % copy.length] = byte;
      return copy;
    },
  );
  const bytes = uint8Array({ maxLength: 300 }).map((data) => Buffer.from(data));
  assert(
    property(oneof(mutated, bytes), (data) => {
      const got = parseProxyHeader(data);
      if (got.kind !== 'complete') return got.kind === 'incomplete' ? data.length < 1040 : got.reason !== '';
      return got.length <= data.length && (got.address === undefined || isIP(got.address) !== 0);
    }),
    { numRuns: 20_000 },
  );
  t.pass();
});

const LISTENER = [{ port: 0, path: '/ocpp', proxyProtocol: true }] as const;
const CLIENT = header(0x21, 0x11, V4);
const behind = (limits: Partial<StationServerLimits> = {}, networks: readonly string[] = ['127.0.0.1']) =>
  startEndpoint(limits, {}, LISTENER, true, networks);

const REQUEST = [
  'GET /ocpp/CS1 HTTP/1.1',
  'Host: x',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  ...V16,
  '',
  '',
].join('\r\n');

test('the session has the address in the header, however the bytes arrive', async (t) => {
  const together = Buffer.concat([CLIENT, Buffer.from(REQUEST)]);
  const ways: readonly (readonly Buffer[])[] = [
    [together],
    [CLIENT, Buffer.from(REQUEST)],
    [together.subarray(0, 5), together.subarray(5, 20), together.subarray(20, 40), together.subarray(40)],
  ];
  for (const parts of ways) {
    await using endpoint = await behind();
    await using station = await RawStation.connect(endpoint.port);
    for (const part of parts) {
      station.socket.write(part);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    t.is((await station.httpAnswer()).status, 101);
    station.send('[2,"1","Heartbeat",{}]');
    t.is(await station.nextText(), '[3,"1",{}]');
    t.deepEqual(endpoint.addresses, ['opened 203.0.113.9']);
  }
});

test('a frame behind the handshake, and more than a socket buffers, arrive in order', async (t) => {
  await using endpoint = await behind();
  await using station = await RawStation.connect(endpoint.port);
  station.socket.write(Buffer.concat([CLIENT, Buffer.from(REQUEST)]));
  const long = 'x'.repeat(200_000);
  station.send(`[2,"1","DataTransfer",{"vendorId":"v","data":"${long}"}]`);
  t.is((await station.httpAnswer()).status, 101);
  await until(() => endpoint.gateway.forwarded.length === 1, 'the long message');
  t.is(endpoint.gateway.forwarded[0]?.text.includes(long), true);
});

test('a health check keeps its own address, and so does the self-test of a process that no network trusts', async (t) => {
  await using endpoint = await behind();
  await using station = await RawStation.connect(endpoint.port);
  station.socket.write(Buffer.concat([LOCAL_HEADER, Buffer.from(REQUEST)]));
  t.is((await station.httpAnswer()).status, 101);
  t.deepEqual(endpoint.addresses, ['opened 127.0.0.1']);
  for (const networks of [['127.0.0.1'], []]) {
    await using other = await behind({}, networks);
    const secret = new SelfTestSecret();
    const { port } = other;
    const options = {
      host: '127.0.0.1',
      path: '/ocpp',
      protocol: 'ocpp1.6',
      secret,
      timeoutMs: 5000,
    } as const;
    // The endpoint does not know the secret: it is a station for it.
    t.is(await testHandshake({ ...options, port, proxyProtocol: true }), undefined);
    t.regex((await testHandshake({ ...options, port })) ?? '', /127\.0\.0\.1/, 'without the header');
    t.deepEqual(other.addresses, ['opened 127.0.0.1', 'proxy-protocol 127.0.0.1']);
  }
});

test('the clients of a load balancer of HTTP behind one of TCP have the forwarded address', async (t) => {
  await using endpoint = await behind({}, ['127.0.0.1', '203.0.113.0/24']);
  await using station = await RawStation.connect(endpoint.port);
  station.socket.write(CLIENT);
  t.is(
    (await station.handshake('/ocpp/CS1', ['X-Forwarded-For: 1.1.1.1, 198.51.100.3', ...V16])).status,
    101,
  );
  await using direct = await behind({}, ['127.0.0.1']);
  await using liar = await RawStation.connect(direct.port);
  liar.socket.write(CLIENT);
  t.is((await liar.handshake('/ocpp/CS1', ['X-Forwarded-For: 198.51.100.3', ...V16])).status, 101);
  t.deepEqual([endpoint.addresses, direct.addresses], [['opened 198.51.100.3'], ['opened 203.0.113.9']]);
});

const DROPPED: readonly {
  readonly name: string;
  readonly networks?: readonly string[];
  readonly send?: Buffer | string;
  readonly expect: string;
}[] = [
  { name: 'no header', send: REQUEST, expect: 'refused 400 proxy-protocol' },
  {
    name: 'a header of version 1',
    send: 'PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n',
    expect: 'refused 400 proxy-protocol',
  },
  {
    name: 'a header that is never complete',
    send: CLIENT.subarray(0, 14),
    expect: 'refused 400 proxy-protocol',
  },
  { name: 'nothing', expect: 'refused 400 proxy-protocol' },
  {
    name: 'a header of an address outside of the trusted networks',
    networks: ['10.0.0.0/8'],
    send: Buffer.concat([CLIENT, Buffer.from(REQUEST)]),
    expect: 'refused 403 untrusted',
  },
];

for (const { name, networks, send, expect } of DROPPED) {
  test(`a connection is dropped and counted, and the next one served: ${name}`, async (t) => {
    await using endpoint = await behind({ handshakeTimeoutMs: 300 }, networks);
    await using station = await RawStation.connect(endpoint.port);
    if (send !== undefined) station.socket.write(send);
    await until(() => station.ended, 'the end of the connection');
    t.deepEqual(endpoint.seen, [expect]);
    if (networks !== undefined) return;
    await using next = await RawStation.connect(endpoint.port);
    next.socket.write(CLIENT);
    t.is((await next.handshake('/ocpp/CS1', V16)).status, 101);
  });
}

test('a connection that closes or resets without a byte is no refusal; one that ends within its header is', async (t) => {
  await using endpoint = await behind();
  await using closed = await RawStation.connect(endpoint.port);
  closed.socket.end();
  await until(() => closed.ended, 'its end');
  await using reset = await RawStation.connect(endpoint.port);
  reset.socket.resetAndDestroy();
  await using half = await RawStation.connect(endpoint.port);
  half.socket.end(CLIENT.subarray(0, 9));
  await until(() => half.ended, 'its end');
  t.deepEqual(endpoint.seen, ['refused 400 proxy-protocol']);
});

test('a server that stops does not wait for headers', async (t) => {
  const endpoint = await behind({ handshakeTimeoutMs: 60_000 });
  await using silent = await RawStation.connect(endpoint.port);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await endpoint[Symbol.asyncDispose]();
  await until(() => silent.ended, 'the end of the connection');
  t.deepEqual(endpoint.seen, []);
});

test('a listener that expects no header refuses one as a bad request', async (t) => {
  await using endpoint = await startEndpoint({}, {}, undefined, true, ['127.0.0.1']);
  await using station = await RawStation.connect(endpoint.port);
  station.socket.write(CLIENT);
  t.is((await station.handshake('/ocpp/CS1', V16)).status, 400);
  t.deepEqual(endpoint.seen, ['refused 400 bad-request']);
});

test('the header precedes TLS: the TLS socket has the address of the TCP connection', async (t) => {
  const { key, certificate: cert } = await serverCertificate();
  const limits = { maxConnections: 10, maxConnectionsPerAddress: 0, maxHandshakesPerAddress: 0 };
  const connections = new Connections(limits);
  const server = createServer({ key, cert }, (request, response) => {
    response.end(connections.of(request.socket).address);
  });
  acceptProxied(server, {
    timeoutMs: () => 5000,
    admit: (tcp) => connections.enter(tcp, { removals: 0 }) !== undefined,
    identified(tcp, address = '') {
      connections.of(tcp).address = address;
      return true;
    },
    failed: () => undefined,
  });
  const early: string[] = [];
  server.on('secureConnection', (tls: Socket) => {
    early.push(connections.of(tls).address);
    connections.secured(tls);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const tcp = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(tcp, 'connect');
  // The ClientHello follows in the same packet.
  tcp.cork();
  tcp.write(CLIENT);
  const tls = connectTls({ socket: tcp, rejectUnauthorized: false });
  process.nextTick(() => tcp.uncork());
  await once(tls, 'secureConnect');
  tls.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const chunks: Buffer[] = [];
  for await (const chunk of tls) chunks.push(chunk as Buffer);
  t.regex(Buffer.concat(chunks).toString(), /203\.0\.113\.9$/m);
  t.deepEqual(early, ['203.0.113.9']);
  await until(() => connections.size === 0, 'the connection to be forgotten');
  server.close();
});

test('a listener with certificates behind a load balancer of TCP: the session has the address, the self-test passes', async (t) => {
  await using folder = await certificateFolder(tlsFiles(await serverCertificate()));
  const tls = { certificateFolders: [folder.path] };
  const listener = { port: 0, path: '/ocpp', securityProfile: 2, tls, proxyProtocol: true } as const;
  const limits = { maxHandshakesPerAddress: 3 };
  await using endpoint = await startEndpoint(limits, {}, [listener], true, ['127.0.0.1']);
  const clients: Socket[] = [];
  const open = async (id: string) => {
    const tcp = connect(endpoint.port, '127.0.0.1');
    tcp.write(CLIENT);
    const socket = connectTls({ socket: tcp, rejectUnauthorized: false });
    clients.push(tcp);
    await once(socket, 'secureConnect');
    socket.write(REQUEST.replace('CS1', id));
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.toString('latin1').split(' ')[1];
  };
  for (let i = 0; i < 5; i++) t.is(await open(`CS${i}`), '101', 'connected stations leave their places');
  t.deepEqual(endpoint.addresses, Array(5).fill('opened 203.0.113.9'));

  const secret = new SelfTestSecret();
  const { port } = endpoint;
  const options = { host: '127.0.0.1', path: '/ocpp', protocol: 'ocpp1.6', secret, timeoutMs: 5000 } as const;
  t.is(await testHandshake({ ...options, port, isSecure: true, proxyProtocol: true }), undefined);

  // TLS handshakes that are not complete count for the client, and their failure names it.
  const silent = await Promise.all(
    [1, 2, 3, 4].map(async () => {
      const station = await RawStation.connect(port);
      station.socket.write(CLIENT);
      return station;
    }),
  );
  await until(() => silent.filter(({ ended }) => ended).length === 1, 'one too many to be dropped');
  t.is(endpoint.addresses.at(-1), 'address-connections 203.0.113.9');
  for (const station of silent) await station[Symbol.asyncDispose]();
  await until(async () => (await open('CS9').catch(() => '')) === '101', 'places to be free again');
  await using plain = await RawStation.connect(port);
  plain.socket.write(Buffer.concat([CLIENT, Buffer.from(REQUEST)]));
  await until(() => endpoint.addresses.at(-1) === 'tls 203.0.113.9', 'the failed TLS handshake');
  for (const tcp of clients) tcp.destroy();
});
