/**
 * Fail-over of the real thing under traffic: the processes find the new primary by themselves, nothing that was
 * acknowledged to a station is lost, nothing happens twice.
 */
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Redis } from 'ioredis';
import { createGateway, createTransport } from '../../../services/library/transport-factory.ts';
import { MAX_IN_FLIGHT } from '../../../services/transport/redis/redis-transport.ts';
import { slotOf } from '../../../services/transport/redis/connection/primary.ts';
import type { Delivery } from '../../../services/transport/transport.ts';
import { MASTER, on, startCluster, startSentinels } from './kinds.ts';
import type { RedisServer } from '../../support/redis-server.ts';
import { counted, startTraffic, type Traffic } from './traffic.ts';
import { until } from '../../support/until.ts';

const PREFIX = '{city}';
const sink = { deliver: () => true, revoked: () => undefined };
const common = { db: 0, clientTimeoutMs: 2000 };

/** Ends the traffic and compares the responses that stations got with what the primary holds. */
async function account(t: ExecutionContext, traffic: Traffic, primary: RedisServer): Promise<void> {
  await traffic.quiet();
  const entries = await on(primary, (client) => client.xrange(`${PREFIX}:effects`, '-', '+'));
  const effects = entries.map(([, fields]) => fields[1] ?? '');
  const known = new Set(effects);
  t.deepEqual(
    [...traffic.acknowledged].filter((id) => !known.has(id)),
    [],
    'acknowledged and lost',
  );
  t.is(known.size, effects.length, 'each effect once');
}

async function isPrimary(server: RedisServer): Promise<boolean> {
  return on(server, async (client) => (await client.info('replication')).includes('role:master'));
}

/**
 * Dies when its replicas have everything that it answered. Otherwise what was on its way to them is lost with it: Redis replicates
 * after it has answered, and no more is promised (docs/redis.md).
 */
async function killInStep(primary: RedisServer, replicas: number): Promise<void> {
  await on(primary, (client) => client.call('CLIENT', 'PAUSE', 20_000, 'WRITE'));
  const inStep = async () => {
    const info = await on(primary, (client) => client.info('replication'));
    const offset = /master_repl_offset:(\d+)/.exec(info)?.[1];
    const followers = [...info.matchAll(/^slave\d+:.*state=online,offset=(\d+)/gm)].map(([, at]) => at);
    return followers.length === replicas && followers.every((at) => at === offset);
  };
  await until(inStep, 'the replicas to have everything');
  await primary.kill();
}

const ownsSlot = (client: Redis) =>
  client.call('CLUSTER', 'SLOTS').then((ranges) => {
    const slot = slotOf(PREFIX);
    const [, , owner] = (ranges as [number, number, [string, number]][]).find(
      ([from, to]) => from <= slot && slot <= to,
    ) ?? [0, 0, ['', 0]];
    return owner[1] === client.options.port;
  });

test('Sentinels fail over when the primary dies: nothing acknowledged is lost', async (t) => {
  await using group = await startSentinels();
  const [primary, ...replicas] = group.servers;
  const redis = { ...common, mode: 'sentinel', addr: group.addr, sentinel: { masterName: MASTER } } as const;
  await using traffic = await startTraffic({ redis, channelPrefix: PREFIX });
  await traffic.flows();
  await killInStep(primary, replicas.length);
  await traffic.flows();
  const promoted = [];
  for (const replica of replicas) if (await isPrimary(replica)) promoted.push(replica);
  t.is(promoted.length, 1);
  // The old one restarts as a primary and stays one until the Sentinels reconfigure it.
  await primary.restart();
  await traffic.flows();
  await account(t, traffic, promoted[0] ?? primary);
});

test('a primary that hangs is left behind, by those who only listen too', async (t) => {
  await using group = await startSentinels();
  const [primary] = group.servers;
  const redis = {
    db: 0,
    clientTimeoutMs: 1000,
    mode: 'sentinel',
    addr: group.addr,
    sentinel: { masterName: MASTER },
  } as const;
  const config = { kind: 'redis', redis, channelPrefix: PREFIX } as const;
  const listener = createTransport({ ...config, name: 'processor' });
  const gateway = createGateway({ ...config, name: 'proxy' });
  const heard: string[] = [];
  listener.onConnection(({ stationId }) => heard.push(stationId));
  listener.onMessage(counted);
  await listener.start();
  await gateway.start();
  const connect = async (stationId: string) => {
    await until(
      () =>
        gateway.open({ stationId, protocol: 'ocpp1.6', remoteAddress: 'x' }, sink).then(
          () => true,
          () => false,
        ),
      `${stationId} to connect`,
      40_000,
    );
    await until(() => heard.includes(stationId), `${stationId} to be heard of`, 40_000);
  };
  try {
    await connect('before');
    process.kill(primary.pid, 'SIGSTOP');
    await connect('after');
    t.deepEqual(heard, ['before', 'after']);
  } finally {
    process.kill(primary.pid, 'SIGCONT');
    await gateway.stop();
    await listener.stop();
  }
});

test('a Cluster fails over when the slot’s owner dies: nothing acknowledged is lost', async (t) => {
  await using cluster = await startCluster(PREFIX);
  const [owner, replica = owner] = cluster.servers;
  const redis = { ...common, mode: 'cluster', addr: cluster.addr } as const;
  await using traffic = await startTraffic({ redis, channelPrefix: PREFIX });
  await traffic.flows();
  await killInStep(owner, 1);
  await traffic.flows();
  t.true(await on(replica, ownsSlot));
  await owner.restart();
  await until(async () => !(await isPrimary(owner)), 'the old owner to follow');

  // MOVED: the owner lives and hands over.
  await until(
    () => on(replica, async (client) => String(await client.call('CLUSTER', 'NODES')).includes('slave')),
    'the new owner to know that it is followed',
  );
  await on(owner, (client) => client.call('CLUSTER', 'FAILOVER'));
  await until(() => on(owner, ownsSlot), 'the first owner to own it again');
  await traffic.flows();
  await account(t, traffic, owner);
});

test('a Cluster without majority takes nothing, and goes on when it has one', async (t) => {
  await using cluster = await startCluster(PREFIX);
  const [owner, , ...others] = cluster.servers;
  const redis = { ...common, mode: 'cluster', addr: cluster.addr } as const;
  await using traffic = await startTraffic({ redis, channelPrefix: PREFIX, patienceMs: 10_000 });
  await traffic.flows();
  for (const other of others) await other.kill();
  await until(() => traffic.errors.some(({ message }) => message.includes('CLUSTERDOWN')), 'CLUSTERDOWN');
  for (const other of others) await other.restart();
  await traffic.flows();
  await account(t, traffic, owner);
});

test('a slot that moves to another node takes the data path along, and nothing is done by half', async (t) => {
  await using cluster = await startCluster(PREFIX);
  const [from, , to = from] = cluster.servers;
  const redis = { ...common, mode: 'cluster', addr: cluster.addr } as const;
  const held = Promise.withResolvers<void>();
  let inFlight = 0;
  const handle = async (delivery: Delivery) => {
    inFlight++;
    await held.promise;
    return counted(delivery);
  };
  await using traffic = await startTraffic({ redis, channelPrefix: PREFIX, patienceMs: 12_000, handle });
  // More than a processor takes, so that the queue's key is there and nothing but the guard holds the scripts up.
  await until(() => inFlight === 8, 'the stations’ CALLs in flight');
  await on(from, (client) => client.lpush(`${PREFIX}:requests`, ...strangers(300)));
  await until(() => inFlight === MAX_IN_FLIGHT, 'no room for more');
  await moveSlot(slotOf(PREFIX), from, to, async (key) => {
    // The sessions are gone, the entries in flight are not: now the outcomes are ready.
    if (key.includes(':session:')) return;
    held.resolve();
    await wait(10);
  });
  await traffic.flows();
  t.true(await on(to, ownsSlot));
  await account(t, traffic, to);
  t.deepEqual(traffic.givenUp, []);
});

/** Entries that no connection of ours has sent. */
function strangers(count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    JSON.stringify({ charge_point_id: 'stranger', payload: [2, `s-${i}`, 'Heartbeat', {}], connection: 1 }),
  );
}

/** As `redis-cli --cluster reshard` does it, one key at a time; sessions first. */
async function moveSlot(
  slot: number,
  from: RedisServer,
  to: RedisServer,
  before: (key: string) => Promise<void>,
): Promise<void> {
  const id = async (server: RedisServer) =>
    String(await on(server, (client) => client.call('CLUSTER', 'MYID')));
  const [source, target] = [await id(from), await id(to)];
  await on(to, (client) => client.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source));
  await on(from, async (client) => {
    await client.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target);
    for (;;) {
      const keys = (await client.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
      const key = keys.find((one) => one.includes(':session:')) ?? keys[0];
      if (key === undefined) break;
      await before(key);
      await client.call('MIGRATE', to.host, to.port, key, 0, 5000);
    }
  });
  for (const server of [to, from]) {
    await on(server, (client) => client.call('CLUSTER', 'SETSLOT', slot, 'NODE', target));
  }
}
