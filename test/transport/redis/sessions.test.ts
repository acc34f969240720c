/** Which connection has a station's session, on a real Redis: replaced connections, proxies marked dead, lost replies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { createGateway, createTransport } from '../../../services/library/transport-factory.ts';
import type { IncomingFrame, StationSink } from '../../../services/transport/transport.ts';
import { cluster, counted, entry, LEASE_MS, mute, station } from './processes.ts';
import { until } from '../../support/until.ts';

test('a proxy whose lease runs out loses its sessions, each with one disconnect event', async (t) => {
  const { processor, proxy, look, lapse } = await cluster(t);
  const transport = await processor(async (delivery) => counted(delivery));
  const watcher = await processor(async (delivery) => counted(delivery));
  const gone: string[] = [];
  const subscriber = look.duplicate();
  subscriber.on('message', (_, text: string) => gone.push(String(JSON.parse(text).charge_point_id)));
  await subscriber.subscribe('ocpp:control:disconnect');
  t.teardown(() => subscriber.disconnect());
  const gateway = await proxy();
  const one = await station(gateway, 'CP-1');
  const two = await station(gateway, 'CP {2}');
  const old = gateway.id;
  await lapse('proxies', old);
  await until(() => one.revocations.length + two.revocations.length === 2, 'both sockets to be closed');
  await until(async () => (await transport.connectedClients()).length === 0, 'no session');
  await until(() => gone.length >= 2, 'the disconnect events');
  await until(async () => (await look.keys(`ocpp:*:${old}`)).length === 0, 'its keys to be gone');
  t.deepEqual(gone.sort(), ['CP {2}', 'CP-1']);
  t.not(gateway.id, old);
  // Reclaiming kills the connections of the old id, which may be those of the new one too.
  const started = () =>
    one.client.start().then(
      () => true,
      () => false,
    );
  await until(started, 'a new session');
  await one.call('again');
  await until(() => one.heard.length === 1, 'an answer on the new connection');
  t.true(await watcher.isClientConnected('CP-1'));
});

test('a late disconnect of a replaced connection changes nothing (case 2)', async (t) => {
  const { processor, proxy, look } = await cluster(t);
  const transport = await processor(async (delivery) => counted(delivery));
  const [here, there] = [await proxy(), await proxy()];
  const silent = { deliver: () => true, revoked: () => undefined };
  const session = { stationId: 'CP-1', protocol: 'ocpp1.6', remoteAddress: 'x' } as const;
  const first = await here.open(session, silent);
  const second = await there.open(session, silent);
  t.true(second.epoch > first.epoch);
  await first.close();
  t.true(await transport.isClientConnected('CP-1'));
  t.is(await look.hget('ocpp:session:CP-1', 'ws_server_id'), there.id);
  t.is(await look.hget('ocpp:session:CP-1', 'connection'), String(second.epoch));
  await second.close();
  t.false(await transport.isClientConnected('CP-1'));
  t.true((await look.ttl('ocpp:last-epoch:CP-1')) > 0);
});

test('thousands of sockets that close together are ended in Redis with one look at each session', async (t) => {
  const { proxy, look } = await cluster(t);
  const gateway = await proxy();
  const silent = { deliver: () => true, revoked: () => undefined };
  const open = (i: number) =>
    gateway.open({ stationId: `CP-${i}`, protocol: 'ocpp1.6', remoteAddress: 'x' }, silent);
  const connections = await Promise.all(Array.from({ length: 1200 }, (_, i) => open(i)));
  t.is(await look.scard('ocpp:active'), connections.length);
  await look.config('RESETSTAT');
  await Promise.all(connections.map((connection) => connection.close()));
  const stats = await look.info('commandstats');
  const calls = (command: string) =>
    Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'm').exec(stats)?.[1]);
  t.is(await look.scard('ocpp:active'), 0);
  t.is(await look.exists('ocpp:session:CP-0', 'ocpp:session:CP-1199'), 0);
  t.is(calls('hmget'), connections.length);
  // At most 500 at once; the lease is renewed meanwhile.
  t.true(calls('evalsha') <= 10, `${calls('evalsha')} scripts`);
});

test('frames of an epoch that is not the session’s have no effect', async (t) => {
  const { processor, proxy, look, effects } = await cluster(t);
  const gateway = await proxy();
  await station(gateway, 'CP-0');
  const one = await station(gateway, 'CP-1');
  const epoch = Number(await look.hget('ocpp:session:CP-1', 'connection'));
  await look.lpush('ocpp:requests', entry('CP-1', 'old', epoch - 1, 1), entry('unknown', 'x', 1, 1));
  await processor(async (delivery) => counted(delivery));
  await one.call('a');
  await until(() => one.heard.length === 1, 'the answer');
  await until(async () => (await look.llen('ocpp:requests')) === 0, 'an empty queue');
  t.deepEqual(await effects(), ['a']);
});

test('a session whose connect script ran and was never heard of is ended all the same', async (t) => {
  const { redis, look } = await cluster(t);
  const link = await mute(t, redis.port, 'last-epoch:CP-1');
  const gateway = createGateway({
    kind: 'redis',
    redis: { addr: `127.0.0.1:${link.port}`, db: 0, clientTimeoutMs: 5000 },
    channelPrefix: 'ocpp',
    leaseMs: LEASE_MS,
    name: 'proxy',
  });
  gateway.onError(() => undefined);
  t.teardown(() => gateway.stop());
  await gateway.start();
  const session = { stationId: 'CP-1', protocol: 'ocpp1.6', remoteAddress: 'x' } as const;
  const opening = gateway.open(session, { deliver: () => true, revoked() {} });
  await t.throwsAsync(opening, { code: 'store-unavailable' });
  t.is(await look.hget('ocpp:session:CP-1', 'ws_server_id'), gateway.id, 'the script had run');
  link.heal();
  await until(async () => (await look.exists('ocpp:session:CP-1')) === 0, 'the session to be ended');
  t.deepEqual(await look.smembers('ocpp:active'), []);
});

test('epochs go on above those given when Redis loses everything', async (t) => {
  const { redis, proxy } = await cluster(t);
  const gateway = await proxy();
  const session = { stationId: 'CP-1', protocol: 'ocpp1.6', remoteAddress: 'x' } as const;
  const silent = { deliver: () => true, revoked: () => undefined };
  await Promise.all(
    Array.from({ length: 50 }, (_, i) => gateway.open({ ...session, stationId: `${i}` }, silent)),
  );
  const before = await gateway.open(session, silent);
  await redis.kill();
  await redis.restart();
  let after = before;
  const opened = () =>
    gateway.open(session, silent).then(
      (connection) => ((after = connection), true),
      () => false,
    );
  await until(opened, 'a session');
  t.true(after.epoch > before.epoch, `${after.epoch} after ${before.epoch}`);
});

const heartbeat = (id: string, sequence: number): IncomingFrame => ({
  frame: { type: 2, id, action: 'Heartbeat', payload: {} },
  text: JSON.stringify([2, id, 'Heartbeat', {}]),
  receivedAt: Date.now(),
  sequence,
});

test('a reconnect at another proxy wins, and only its frames count, whatever the old socket sends (cases 1 and 4)', async (t) => {
  const { processor, proxy, look, effects } = await cluster(t);
  const seen: string[] = [];
  const transport = await processor(async (delivery) => {
    seen.push(delivery.frame.id);
    return counted(delivery);
  });
  const [here, there] = [await proxy(), await proxy()];
  const session = { stationId: 'CP-1', protocol: 'ocpp1.6', remoteAddress: 'x' } as const;
  const revocations: string[] = [];
  const got: string[] = [];
  const sink = (name: string): StationSink => ({
    deliver: ({ messageId }) => got.push(`${name} ${messageId}`) > 0,
    revoked: (why) => void revocations.push(`${name} ${why}`),
  });
  const old = await here.open(session, sink('old'));
  await old.forward(heartbeat('before', 1));
  await until(() => got.length === 1, 'the answer');
  const young = await there.open(session, sink('young'));
  t.true(young.epoch > old.epoch);
  await until(() => revocations.length === 1, 'the old one to be revoked');
  t.deepEqual(revocations, ['old replaced']);
  t.like(await look.hgetall('ocpp:session:CP-1'), { ws_server_id: there.id, connection: `${young.epoch}` });
  // Both live, and send by turns.
  for (let i = 1; i <= 5; i++) {
    await old.forward(heartbeat(`old-${i}`, i + 1));
    await young.forward(heartbeat(`young-${i}`, i));
  }
  await until(() => seen.length === 11, 'all to be handled');
  await until(async () => (await transport.load()).inFlight === 0, 'all to be finished');
  const young5 = [1, 2, 3, 4, 5].map((i) => `young-${i}`);
  t.deepEqual(await effects(), ['before', ...young5]);
  await until(() => got.length === 6, 'the answers');
  t.deepEqual(got, ['old before', ...young5.map((id) => `young ${id}`)]);
  t.is(await look.exists(`ocpp:outbox:${here.id}`), 0, 'nothing waits for the old one');
});

/** A proxy of its own process with stations that send all the time. */
async function otherProxy(t: ExecutionContext, addr: string, stations: number): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./proxy-process.ts', import.meta.url));
  const child = spawn(process.execPath, [script, addr, `${stations}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout ?? child, 'data');
  return child;
}

test('a proxy that stalls past its lease, wakes and goes on writing is fenced out (case 3)', async (t) => {
  const { redis, processor, proxy, look, effects } = await cluster(t);
  const seen = new Set<string>();
  await processor(async (delivery) => {
    seen.add(delivery.frame.id);
    return counted(delivery);
  });
  const here = await proxy();
  const stalled = await otherProxy(t, redis.addr, 2);
  await until(() => seen.size > 10, 'some traffic of it');
  stalled.kill('SIGSTOP');
  await until(async () => (await look.scard('ocpp:active')) === 0, 'its sessions to be swept');
  const moved = await station(here, 'CP-0');
  await until(async () => (await look.llen('ocpp:requests')) === 0, 'its last frames to be taken');
  await moved.call('moved');
  await until(() => moved.heard.length === 1, 'the answer at the other proxy');
  const [effect, before] = [(await effects()).length, seen.size];
  stalled.kill('SIGCONT');
  await until(() => seen.size > before + 5, 'its late frames to be handled');
  await moved.call('and again');
  await until(() => moved.heard.length === 2, 'the next answer');
  t.deepEqual((await effects()).slice(effect), ['and again'], 'none of its frames had an effect');
  t.deepEqual(moved.revocations, []);
  t.is(await look.hget('ocpp:session:CP-0', 'ws_server_id'), here.id);
  t.is(await look.exists('ocpp:session:CP-1'), 0);
});

test('a proxy is killed: its sessions end within the lease, with one disconnect each (case 6)', async (t) => {
  const { redis, processor, proxy, look } = await cluster(t);
  const STATIONS = 50;
  const gone: string[] = [];
  // Two that could reclaim it, and one that listens.
  await Promise.all([proxy(), proxy()]);
  const transport = createTransport({
    kind: 'redis',
    redis: { addr: redis.addr, db: 0, clientTimeoutMs: 5000 },
    channelPrefix: 'ocpp',
    name: 'listener',
    leaseMs: LEASE_MS,
  });
  t.teardown(() => transport.stop());
  transport.onMessage(async () => ({ writes: [], events: [] }));
  transport.onDisconnection(({ stationId }) => gone.push(stationId));
  await transport.start();
  await processor(async (delivery) => counted(delivery));
  const killed = await otherProxy(t, redis.addr, STATIONS);
  t.is((await transport.connectedClients()).length, STATIONS);
  killed.kill('SIGKILL');
  await until(() => gone.length >= STATIONS, 'the disconnect events');
  await until(async () => (await look.keys('ocpp:*other*')).length === 0, 'its keys to be gone');
  t.deepEqual(gone.toSorted(), Array.from({ length: STATIONS }, (_, i) => `CP-${i}`).toSorted());
  t.deepEqual(await look.keys('ocpp:session:*'), []);
  t.is(await look.scard('ocpp:active'), 0);
});

test('a CALL that is handled before its station’s connect is seen is answered, and the connect event is emitted once (case 7)', async (t) => {
  const { redis, proxy, look, effects } = await cluster(t);
  const gateway = await proxy();
  const transport = createTransport({
    kind: 'redis',
    redis: { addr: redis.addr, db: 0, clientTimeoutMs: 5000 },
    channelPrefix: 'ocpp',
    name: 'late',
    leaseMs: LEASE_MS,
  });
  t.teardown(() => transport.stop());
  const events: string[] = [];
  transport.onMessage(async (delivery) => counted(delivery));
  transport.onConnection(({ stationId }) => events.push(`connect ${stationId}`));
  transport.onDisconnection(({ stationId }) => events.push(`disconnect ${stationId}`));
  transport.onError(() => undefined);
  await transport.start();
  // No process is subscribed for now.
  await look.acl('SETUSER', 'default', '-subscribe');
  await look.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  const one = await station(gateway, 'CP-1');
  await one.call('boot');
  await until(() => one.heard.length === 1, 'the answer');
  t.deepEqual([events, await effects()], [[], ['boot']]);
  await look.acl('SETUSER', 'default', '+subscribe');
  await until(() => events.length > 0, 'the connect');
  await one.client.stop();
  await until(() => events.length > 1, 'the disconnect');
  t.deepEqual(events, ['connect CP-1', 'disconnect CP-1']);
  t.is(await look.exists('ocpp:session:CP-1'), 0);
});
