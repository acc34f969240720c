/** The ws-proxy as a process of its own on a real Redis, with a processor of the test's behind it. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { PATH } from '../../services/contract.ts';
import { createTransport } from '../../services/library/transport-factory.ts';
import type { Outcome, Transport } from '../../services/transport/transport.ts';
import { freePort } from '../support/free-port.ts';
import { Program, startProgram } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';
import { RawStation } from './raw-station.ts';

const SILENCE: Outcome = { writes: [], events: [] };

/** Answers Heartbeats at once, and other CALLs when their release has come. */
async function startProcessor(addr: string, released: Promise<void>): Promise<Transport> {
  const transport = createTransport({
    kind: 'redis',
    name: 'test-processor',
    redis: { addr, db: 0, clientTimeoutMs: 10_000 },
    channelPrefix: 'ocpp',
  });
  transport.onError(() => undefined);
  transport.onMessage(async ({ frame }) => {
    if (!('action' in frame)) return SILENCE;
    if (frame.action !== 'Heartbeat') await released;
    return { ...SILENCE, answer: { kind: 'result', payload: { of: frame.id } } };
  });
  await transport.start();
  return transport;
}

function open(proxy: Program, id: string) {
  return RawStation.open(proxy.stationPort, `/ocpp/${id}`);
}

test('SIGTERM: every station is told 1012, none with an open CALL is cut, then 503, then the process ends', async (t) => {
  await using redis = await startRedis();
  await using proxy = await startProgram('ws-proxy', {
    REDIS_ADDR: redis.addr,
    OCPP_DRAIN_PROPAGATION: '1s',
    OCPP_DRAIN_RATE: '50',
  });
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await using transport = await startProcessor(redis.addr, released);
  const stations: RawStation[] = [];
  for (let i = 0; i < 100; i += 1) stations.push((await open(proxy, `CS${i}`)).station);
  for (const [i, station] of stations.entries()) {
    station.send(`[2,"h${i}","Heartbeat",{}]`);
    t.is(await station.nextText(), `[3,"h${i}",{"of":"h${i}"}]`);
  }
  t.is((await transport.connectedClients()).length, 100);
  const waiting = stations.slice(0, 10);
  for (const station of waiting) station.send('[2,"open","Authorize",{}]');
  await until(() => proxy.log.includes('serving'), 'the log');

  proxy.signal('SIGTERM');
  await until(() => proxy.log.includes('"propagating"'), 'the drain');
  t.is((await proxy.ask(PATH.readiness)).status, 503);
  const codes = await Promise.all(stations.slice(10).map((station) => station.closeCode()));
  t.deepEqual([...new Set(codes)], [1012]);
  const late = await open(proxy, 'LATE');
  t.is(late.answer.status, 503);
  t.true(Number(late.answer.headers.get('retry-after')) > 0);
  t.true(waiting.every((station) => !station.ended && !station.toldToGo));

  release();
  for (const station of waiting) {
    t.is(await station.nextText(), '[3,"open",{"of":"open"}]');
    t.is(await station.closeCode(), 1012);
  }
  t.is(await proxy.kill('SIGCONT'), 0);
  t.deepEqual(await transport.connectedClients(), [], 'its sessions ended with it');
});

test('SIGTERM with OCPP_DRAIN_TRANSACTIONS=wait: a station that charges stays until its transaction has ended', async (t) => {
  await using redis = await startRedis();
  await using proxy = await startProgram('ws-proxy', {
    REDIS_ADDR: redis.addr,
    OCPP_DRAIN_PROPAGATION: '0s',
    OCPP_DRAIN_TRANSACTIONS: 'wait',
  });
  await using _transport = await startProcessor(redis.addr, Promise.resolve());
  await using charging = (await open(proxy, 'CS1')).station;
  await using idle = (await open(proxy, 'CS2')).station;
  charging.send('[2,"start","StartTransaction",{}]');
  t.is(await charging.nextText(), '[3,"start",{"of":"start"}]');

  const exit = proxy.kill('SIGTERM');
  t.is(await idle.closeCode(), 1012);
  // More than the time in which a socket's turn comes at 100 a second.
  await sleep(500);
  t.false(charging.toldToGo);
  charging.send('[2,"meter","MeterValues",{"transactionId":1}]');
  t.is(await charging.nextText(), '[3,"meter",{"of":"meter"}]', 'it is served all the same');
  charging.send('[2,"stop","StopTransaction",{}]');
  t.is(await charging.nextText(), '[3,"stop",{"of":"stop"}]');
  t.is(await charging.closeCode(), 1012);
  t.is(await exit, 0);
});

test('a second signal ends the process at once', async (t) => {
  await using redis = await startRedis();
  await using proxy = await startProgram('ws-proxy', { REDIS_ADDR: redis.addr });
  await using station = (await open(proxy, 'CS1')).station;
  proxy.signal('SIGTERM');
  await until(() => proxy.log.includes('"propagating"'), 'the drain');
  t.is(await proxy.kill('SIGTERM'), 1);
  t.is(await station.closeCode(), 1006);
});

test('Redis away: not ready before the first contact; later sockets stay and what they send is kept', async (t) => {
  await using redis = await startRedis({ appendonly: true });
  await redis.kill();
  await using proxy = new Program(
    'ws-proxy',
    { REDIS_ADDR: redis.addr, OCPP_CLIENT_TIMEOUT: '1s', OCPP_DRAIN_PROPAGATION: '0s' },
    { admin: await freePort(), station: await freePort() },
  );
  let text = '';
  await until(async () => (text = (await proxy.ask(PATH.readiness)).text) !== '', 'the admin port');
  t.is(text, 'not connected to the message store yet\n');
  t.is((await proxy.ask(PATH.liveness)).status, 200);
  await redis.restart();
  await proxy.waitReady();

  await using _transport = await startProcessor(redis.addr, Promise.resolve());
  await using station = (await open(proxy, 'CS1')).station;
  station.send('[2,"1","Heartbeat",{}]');
  t.is(await station.nextText(), '[3,"1",{"of":"1"}]');
  await redis.kill();
  await until(async () => {
    const { station: other, answer } = await open(proxy, 'CS2');
    await other[Symbol.asyncDispose]();
    return answer.status === 503 && Number(answer.headers.get('retry-after')) > 0;
  }, 'the proxy to notice');
  t.is((await proxy.ask(PATH.readiness)).status, 200);
  station.send('[2,"2","Heartbeat",{}]');
  await sleep(200);
  await redis.restart();
  t.is(await station.nextText(), '[3,"2",{"of":"2"}]');
  t.false(station.ended);
});
