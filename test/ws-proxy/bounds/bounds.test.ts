/** Bounds at the sockets: each limit at work on real sockets, and that running proxies take new ones. */
import test from 'ava';
import { PATH } from '../../../services/contract.ts';
import { countedAddress } from '../../../services/access/counted-address.ts';
import { Connections } from '../../../services/station-server/forwarded/connections.ts';
import { SharedPart, SharedRate } from '../../../services/station-server/rates/shared-rate.ts';
import { REFUSAL_ADVICE } from '../../../services/ws-proxy/refusal-advice.ts';
import { startProgram } from '../../support/program.ts';
import { startRedis } from '../../support/redis-server.ts';
import { SettingsFolder } from '../../support/settings-folder.ts';
import { until } from '../../support/until.ts';
import { startEndpoint } from '../endpoint.ts';
import { OPCODE, RawStation, V16 } from '../raw-station.ts';

const from = (address: string) => [`X-Forwarded-For: ${address}`, ...V16];

test('two hundred stations behind one address connect, while its handshakes are limited (case 38)', async (t) => {
  const limits = { maxHandshakesPerAddress: 20 };
  await using endpoint = await startEndpoint(limits);
  const stations: RawStation[] = [];
  for (let i = 0; i < 200; i++) {
    const { station, answer } = await RawStation.open(endpoint.port, `/ocpp/CS${i}`);
    t.is(answer.status, 101);
    stations.push(station);
  }
  const silent: RawStation[] = [];
  for (let i = 0; i < 20; i++) silent.push(await RawStation.connect(endpoint.port));
  await using excess = await RawStation.connect(endpoint.port);
  await until(() => excess.ended, 'the excess connection to be dropped');
  t.deepEqual(
    endpoint.seen.filter((what) => what.startsWith('refused')),
    ['refused 429 address-connections'],
  );
  stations[0]?.send('[2,"1","Heartbeat",{}]');
  t.is(await stations[0]?.nextText(), '[3,"1",{}]', 'the connected notice nothing');
  await silent[0]?.[Symbol.asyncDispose]();
  await until(async () => {
    const { station, answer } = await RawStation.open(endpoint.port, '/ocpp/next').catch(() => none);
    await station?.[Symbol.asyncDispose]();
    return answer.status === 101;
  }, 'a place to be free again');
  for (const one of [...stations, ...silent]) await one[Symbol.asyncDispose]();
});

const none = { station: undefined, answer: { status: 0 } };

test('a limit on all connections of an address counts stations too, and an address is that of the client', async (t) => {
  await using endpoint = await startEndpoint({ maxConnectionsPerAddress: 2 }, {}, undefined, true, [
    '127.0.0.1',
  ]);
  const statusOf = async (id: string, address: string) => {
    const { station, answer } = await RawStation.open(endpoint.port, `/ocpp/${id}`, from(address));
    t.teardown(() => station[Symbol.asyncDispose]());
    return { status: answer.status, retryAfter: answer.headers.get('retry-after') };
  };
  t.is((await statusOf('CS1', '203.0.113.1')).status, 101);
  t.is((await statusOf('CS2', '203.0.113.1')).status, 101);
  const refused = await statusOf('CS3', '203.0.113.1');
  t.is(refused.status, 429);
  t.regex(refused.retryAfter ?? '', /^\d+$/);
  t.is((await statusOf('CS3', '203.0.113.2')).status, 101, 'another client of the same load balancer');
  t.is((await statusOf('CS4', '2001:db8::1')).status, 101);
  t.is((await statusOf('CS5', '2001:db8::2')).status, 101);
  t.is((await statusOf('CS6', '2001:db8::3')).status, 429, 'one network of 64 bits');
});

test('an address is remembered while it has a connection, and no longer', (t) => {
  const connections = new Connections({
    maxConnections: 100_000,
    maxConnectionsPerAddress: 3,
    maxHandshakesPerAddress: 2,
  });
  const sockets = new Map<string, () => void>();
  const enter = (name: string, remoteAddress: string) => {
    const tcp = {
      remoteAddress,
      once: (_: string, closed: () => void) => sockets.set(name, closed.bind(tcp)),
    };
    const connection = connections.enter(tcp as never);
    return connection !== undefined && { connection, fits: connections.count(connection, remoteAddress) };
  };
  for (let i = 0; i < 10_000; i++) enter(`${i}`, `198.51.${i >> 8}.${i & 0xff}`);
  t.is(connections.addresses, 10_000);
  for (const close of sockets.values()) close();
  t.deepEqual([connections.addresses, connections.size], [0, 0]);

  const opened = ['a', 'b', 'c'].map((name) => {
    const entered = enter(name, '192.0.2.1');
    if (entered === false) return t.fail();
    connections.opened(entered.connection);
    connections.opened(entered.connection);
    return entered.fits;
  });
  t.deepEqual(opened, [true, true, true], 'stations do not count as handshakes');
  t.like(enter('d', '192.0.2.1'), { fits: false }, 'the fourth of all');
  for (const name of ['a', 'b', 'c', 'd']) sockets.get(name)?.();
  t.is(connections.addresses, 0);
  t.is(countedAddress('192.0.2.1'), '192.0.2.1');
});

test('above the rate of the process, sockets that send more than an equal part wait, and no other', (t) => {
  const RATE = 100;
  const total = new SharedRate();
  const senders = Array.from({ length: 10 }, (_, i) => ({
    part: new SharedPart(),
    /** Messages per second: one that floods, and nine that are below an equal part. */
    wants: i === 0 ? 1000 : 6,
    sent: 0,
    heldUntil: 0,
    waits: 0,
  }));
  const SECONDS = 60;
  for (let now = 1_000_000; now < 1_000_000 + SECONDS * 1000; now += 1) {
    for (const sender of senders) {
      if (now < sender.heldUntil || now % (1000 / sender.wants) >= 1) continue;
      sender.sent += 1;
      sender.heldUntil = total.count(sender.part, RATE, now);
      if (sender.heldUntil > 0) sender.waits += 1;
    }
  }
  const [flooding, ...others] = senders;
  t.true(others.every(({ waits }) => waits === 0));
  t.true((flooding?.waits ?? 0) > 0);
  const all = senders.reduce((sum, { sent }) => sum + sent, 0) / SECONDS;
  t.true(all > RATE * 0.9 && all < RATE * 1.1, `${all} messages a second`);
});

test('above the rate of the process, equal senders get equal parts', (t) => {
  const total = new SharedRate();
  const senders = Array.from({ length: 20 }, () => ({ part: new SharedPart(), sent: 0, heldUntil: 0 }));
  for (let now = 0; now < 100_000; now += 5) {
    for (const sender of senders) {
      if (now < sender.heldUntil) continue;
      sender.sent += 1;
      sender.heldUntil = total.count(sender.part, 100, now);
    }
  }
  const counts = senders.map(({ sent }) => sent);
  const all = counts.reduce((sum, one) => sum + one, 0);
  t.true(all < 100 * 100 * 1.1, `${all} messages in 100 s`);
  t.true(Math.max(...counts) < 1.3 * Math.min(...counts), counts.join());
});

test('above the rate of the process a socket that floods is not read, its messages arrive later, the others are served', async (t) => {
  await using endpoint = await startEndpoint({ messagesPerSecondOfAll: 100, messagesPerSecond: 100_000 });
  await using flooding = (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  await using other = (await RawStation.open(endpoint.port, '/ocpp/CS2')).station;
  for (let i = 0; i < 400; i++) flooding.frame(OPCODE.ping, Buffer.from('x'));
  await until(() => endpoint.seen.includes('paused total'), 'the socket to be paused');
  other.send('[2,"1","Heartbeat",{}]');
  t.is(await other.nextText(), '[3,"1",{}]');
  flooding.send('[2,"2","Heartbeat",{}]');
  t.is(await flooding.nextText(), '[3,"2",{}]', 'nothing is lost');
  t.false(endpoint.seen.includes('paused flood'));
});

test('a station that sends pings and reads no answer is cut, whatever its rate', async (t) => {
  await using endpoint = await startEndpoint({ messagesPerSecond: 1_000_000 });
  await using station = (await RawStation.open(endpoint.port, '/ocpp/CS1')).station;
  station.socket.pause();
  await until(() => {
    for (let i = 0; i < 1000; i++) station.frame(OPCODE.ping, Buffer.alloc(125));
    return endpoint.seen.includes('closed slow-reader');
  }, 'the end of the connection');
  t.is(endpoint.server.sockets.size, 0);
});

test('a payload that nests deeper than OCPP needs gets an error response, and touches no neighbour (case 29)', async (t) => {
  await using redis = await startRedis();
  const environment = { REDIS_ADDR: redis.addr, OCPP_DRAIN_PROPAGATION: '0s' };
  await using proxy = await startProgram('ws-proxy', environment);
  await using processor = await startProgram('processor', environment);
  await using station = (await RawStation.open(proxy.stationPort, '/ocpp/CS1')).station;
  await using other = (await RawStation.open(proxy.stationPort, '/ocpp/CS2')).station;
  for (const depth of [10_000, 100_000]) {
    const nested = '['.repeat(depth) + ']'.repeat(depth);
    station.send(`[2,"deep","DataTransfer",{"vendorId":"v","data":${nested}}]`);
    t.regex(
      await station.nextText(),
      /^\[4,"deep","(FormationViolation|TypeConstraintViolation)"/,
      `${depth}`,
    );
  }
  for (const one of [station, other]) {
    one.send('[2,"next","Heartbeat",{}]');
    t.regex(await one.nextText(), /^\[3,"next",/);
  }
  t.is((await processor.ask(PATH.liveness)).status, 200);
});

test('every refusal says what to do', (t) => {
  for (const [code, advice] of Object.entries(REFUSAL_ADVICE)) t.regex(advice, /^[a-z].{10,}[^.]$/, code);
});

test('a running proxy takes new limits: headers, time, reconnects, trusted networks; the log says what to do', async (t) => {
  await using redis = await startRedis();
  await using folder = await SettingsFolder.make({
    OCPP_RECONNECT_BURST: '2',
    OCPP_MAX_HEADER_BYTES: '1024',
  });
  await using proxy = await startProgram('ws-proxy', {
    REDIS_ADDR: redis.addr,
    OCPP_SETTINGS_FOLDER: folder.path,
    OCPP_DRAIN_PROPAGATION: '0s',
  });
  const statusOf = async (id: string, ...headers: string[]) => {
    const { station, answer } = await RawStation.open(proxy.stationPort, `/ocpp/${id}`, [...headers, ...V16]);
    await station[Symbol.asyncDispose]();
    return answer.status;
  };
  const long = `X-Long: ${'x'.repeat(2000)}`;
  t.is(await statusOf('CS1', long), 431);
  t.deepEqual([await statusOf('CS2'), await statusOf('CS2'), await statusOf('CS2')], [101, 101, 429]);
  await until(() => proxy.log.includes('"code":"flapping"'), 'the log line');
  t.regex(
    proxy.log,
    /"stationId":"CS2","status":429,"code":"flapping".*"remoteAddress":"127\.0\.0\.1","listener":"\d+","advice":"find out why/,
  );

  await folder.replace({
    OCPP_RECONNECT_BURST: '50',
    OCPP_RECONNECTS_PER_MINUTE: '60000',
    OCPP_MAX_HEADER_BYTES: '8192',
    OCPP_HANDSHAKE_TIMEOUT: '1s',
    OCPP_TRUSTED_NETWORKS: '127.0.0.0/8',
    LOG_LEVEL: 'debug',
  });
  const applied = /OCPP_TRUSTED_NETWORKS: .*-> 127\.0\.0\.0\/8/;
  await until(() => applied.test(proxy.log), 'the settings to be applied');
  t.is(await statusOf('CS3', long), 101);
  for (let i = 0; i < 20; i++) t.is(await statusOf('CS2'), 101, `connect ${i}`);
  t.is(await statusOf('CS4', 'X-Forwarded-For: 203.0.113.9'), 101);
  await until(() => /"stationId":"CS4".*"remoteAddress":"203\.0\.113\.9"/.test(proxy.log), 'its address');
  await using silent = await RawStation.connect(proxy.stationPort);
  await until(() => silent.ended, 'the end of a connection that sends nothing');
  const { text } = await proxy.ask(PATH.metrics);
  t.regex(text, /ocpp_proxy_handshakes_refused_total\{status="408",reason="request-timeout"\} 1/);
  t.regex(text, /ocpp_proxy_handshakes_refused_total\{status="431",reason="headers-too-large"\} 1/);

  await folder.replace({ OCPP_TRUSTED_NETWORKS: '127.0.0.0/8,128.0.0.0/1' });
  await until(() => proxy.log.includes('it would trust clients'), 'the refusal of the setting');
  t.is(await statusOf('CS5', 'X-Forwarded-For: 203.0.113.10'), 101);
  await until(
    () => /"stationId":"CS5".*"remoteAddress":"203\.0\.113\.10"/.test(proxy.log),
    'the last good value',
  );
});
