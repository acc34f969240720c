import test from 'ava';
import { METRIC, PATH } from '../../services/contract.ts';
import { until } from '../support/until.ts';
import { OPCODE } from './raw-station.ts';
import { Started, startProxy } from './admin/started-proxy.ts';
import { ProbedGateway } from './endpoint.ts';

test('readiness requires the store until the first connection only', async (t) => {
  await using it = await startProxy({}, ({ gateway }) => (gateway.healthy = false));
  t.deepEqual(await it.ask(PATH.readiness), {
    status: 503,
    text: 'not connected to the message store yet\n',
  });
  t.is((await it.ask(PATH.liveness)).status, 200);
  it.gateway.healthy = true;
  t.is((await it.ask(PATH.readiness)).status, 200);
  it.gateway.healthy = false;
  t.is((await it.ask(PATH.readiness)).status, 200, 'or every proxy would leave its Service at once');
});

test('a proxy is not ready before it listens for stations', async (t) => {
  const gateway = new ProbedGateway();
  const firstLease = Promise.withResolvers<void>();
  const leaseRates = gateway.leaseRates.bind(gateway);
  gateway.leaseRates = async (...demand) => {
    await firstLease.promise;
    return await leaseRates(...demand);
  };
  await using it = new Started({}, gateway);
  const started = it.proxy.start();
  await until(() => it.proxy.adminPort !== undefined, 'the admin port');
  t.deepEqual(await it.ask(PATH.readiness), { status: 503, text: 'not listening for stations yet\n' });
  firstLease.resolve();
  await started;
  t.is((await it.ask(PATH.readiness)).status, 200);
});

test('queue gauges have no sample before the first reading and while the store is unavailable', async (t) => {
  await using it = await startProxy();
  const load = it.gateway.load.bind(it.gateway);
  const away = () => Promise.reject(new Error('the store is away'));
  it.gateway.load = away;
  t.is(await it.figure(METRIC.queueDepth), undefined);
  t.is(await it.figure(METRIC.proxySessions), 0);
  it.gateway.load = load;
  let sampledAt: number | undefined;
  while (sampledAt === undefined) sampledAt = await it.figure(METRIC.queueSampledAt);
  t.is(await it.figure(METRIC.queueDepth), 0);
  t.true(Math.abs(sampledAt - Date.now() / 1000) < 30);
  for (const unavailable of [away, () => new Promise<never>(() => undefined)]) {
    it.gateway.load = unavailable;
    await until(
      async () => (await it.figure(METRIC.queueSampledAt)) === undefined,
      'the sample to be removed',
    );
    t.is(await it.figure(METRIC.queueDepth), undefined);
    it.gateway.load = load;
    await until(async () => (await it.figure(METRIC.queueDepth)) === 0, 'the figures to be back');
  }
});

test('metrics count messages and never name a station', async (t) => {
  await using it = await startProxy();
  const { station } = await it.open('SECRET-STATION');
  await using _ = station;
  station.send('[2,"1","Heartbeat",{}]');
  await station.nextText();
  station.send('{}');
  station.send('[2,2,"Heartbeat",{}]');
  await station.nextText();
  await using _refused = (await it.open('%00')).station;
  await until(() => it.gateway.forwarded.length === 2, 'the frames');
  t.is(await it.figure(METRIC.proxySessions), 1);
  t.is(await it.figure(METRIC.proxyForwarded), 2);
  const { text } = await it.ask(PATH.metrics);
  t.true(text.includes('ocpp_proxy_frames_received_total{type="call"} 2'));
  t.true(text.includes('ocpp_proxy_frames_received_total{type="not-a-frame"} 1'));
  t.true(text.includes('ocpp_proxy_handshakes_refused_total{status="400",reason="identity"} 1'));
  t.true(text.includes('ocpp_proxy_unreadable_total{reason="not-a-frame"} 1'));
  t.true(text.includes('ocpp_proxy_texts_repaired_total{kind="message-id"} 1'));
  t.true(text.includes('process_cpu_seconds_total'));
  t.false(text.includes('SECRET-STATION'));
});

test('a message of the maximum size is accepted; a larger one closes the socket with 1009', async (t) => {
  const frame = (size: number) => '[2,"1","Heartbeat",{}]'.padEnd(size, ' ');
  for (const [settings, maximum] of [
    [{}, 256 * 1024],
    [{ maxMessageBytes: 65_536 }, 65_536],
    [{ maxMessageBytes: 1_048_576 }, 1_048_576],
  ] as const) {
    await using it = await startProxy(settings);
    const { station } = await it.open('CS1');
    await using _ = station;
    station.send(frame(maximum));
    t.is(await station.nextText(), '[3,"1",{}]');
    station.send(frame(maximum + 1));
    t.is(await station.closeCode(), 1009);
  }
});

test('a Strict proxy repairs nothing, answers as the version says, and keeps unreadable texts', async (t) => {
  await using it = await startProxy({ validation: 'Strict' });
  const { station } = await it.open('CS1');
  await using _ = station;
  station.send('[2,17,"Heartbeat",{}]');
  station.send('[2,"a","Heartbeat",null]');
  t.regex(await station.nextText(), /^\[4,"a","FormationViolation"/);
  station.send('\0[2,"b","Heartbeat",{}]');
  station.send('[2,"c","Heartbeat",{}]');
  t.is(await station.nextText(), '[3,"c",{}]');
  t.deepEqual(
    it.gateway.unreadable.map(({ reason, text }) => [text, reason]),
    [
      ['[2,17,"Heartbeat",{}]', 'the message id is not a string of 1 to 36 characters'],
      ['[2,"a","Heartbeat",null]', 'the payload is not a JSON object'],
      ['\0[2,"b","Heartbeat",{}]', 'the message is not valid JSON'],
    ],
  );
});

test('a drain closes every station with 1012, none with an open CALL, and accepts frames until the Close', async (t) => {
  await using it = await startProxy({ drainPropagation: 2000, drainRate: 100 });
  const { gateway } = it;
  const stations = await Promise.all(
    Array.from({ length: 30 }, async (_, i) => (await it.open(`CS${i}`)).station),
  );
  const [waiting, slow, ...idle] = stations;
  if (waiting === undefined || slow === undefined) throw new Error('no stations');
  slow.alive = false;
  waiting.send('[2,"open","Authorize",{}]');
  await until(() => gateway.forwarded.length === 1, 'the CALL');

  const stopped = it.stop();
  t.is((await it.ask(PATH.readiness)).status, 503);
  const late = await it.open('LATE');
  t.is(late.answer.status, 101, 'endpoints have not propagated yet: new stations are served');
  late.station.send('[2,"1","Heartbeat",{}]');
  t.is(await late.station.nextText(), '[3,"1",{}]');

  const codes = await Promise.all([slow, late.station, ...idle].map((station) => station.closeCode()));
  t.deepEqual([...new Set(codes)], [1012]);
  const refused = await it.open('TOO-LATE');
  t.is(refused.answer.status, 503);
  t.true(Number(refused.answer.headers.get('retry-after')) > 0);

  slow.send('[2,"crossing","StopTransaction",{}]');
  await until(() => gateway.forwarded.some(({ frame }) => frame.id === 'crossing'), 'the crossing frame');
  slow.frame(OPCODE.close, Buffer.from([0x03, 0xf4]));

  t.false(waiting.ended);
  t.false(waiting.toldToGo, 'not closed while its CALL is open');
  gateway.answer('CS0', 'open');
  t.is(await waiting.nextText(), '[3,"open",{}]');
  t.is(await waiting.closeCode(), 1012);
  await stopped;
  t.is(gateway.ended.length, 31, 'every session was ended');
  await Promise.all([...stations, late.station, refused.station].map((it) => it[Symbol.asyncDispose]()));
});

test('at the drain deadline the remaining sockets are closed and counted as forced', async (t) => {
  await using it = await startProxy({ drainDeadline: 300 });
  const { station } = await it.open('CS1');
  await using _ = station;
  station.send('[2,"open","Authorize",{}]');
  await until(() => it.gateway.forwarded.length === 1, 'the CALL');
  station.alive = false;
  const stopped = it.stop();
  t.is(await station.closeCode(), 1012);
  t.is(await it.figure('ocpp_proxy_drain_forced_total'), 1);
  t.is(await it.figure('ocpp_proxy_draining'), 1);
  station.frame(OPCODE.close, Buffer.from([0x03, 0xf4]));
  await stopped;
});
