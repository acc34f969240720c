/** Who has a station's session, on a real Redis: replaced connections, proxies that are declared dead, lost replies. */
import test from 'ava';
import { createGateway } from '../../services/transport/factory.ts';
import { cluster, counted, entry, LEASE_MS, mute, station, until } from './redis-cluster.ts';

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
  await until(() => one.told.length + two.told.length === 2, 'both sockets to be closed');
  await until(async () => (await transport.connectedClients()).length === 0, 'no session');
  await until(() => gone.length >= 2, 'the disconnect events');
  await until(async () => (await look.keys(`ocpp:*:${old}`)).length === 0, 'its keys to be gone');
  t.deepEqual(gone.sort(), ['CP {2}', 'CP-1']);
  t.not(gateway.id, old);
  // The rescue ends the connections that the old name had, and they may be the new one's too.
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

test('a late disconnect of a replaced connection changes nothing', async (t) => {
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

test('frames of an epoch that is not the session’s have no effect', async (t) => {
  const { processor, proxy, look, effects } = await cluster(t);
  const gateway = await proxy();
  await station(gateway, 'CP-0');
  const one = await station(gateway, 'CP-1');
  const epoch = Number(await look.hget('ocpp:session:CP-1', 'connection'));
  await look.lpush('ocpp:requests', entry('CP-1', 'old', epoch - 1, 1), entry('nobody', 'x', 1, 1));
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
