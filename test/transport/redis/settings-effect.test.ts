/** What each setting does, on a real Redis. Those of how Redis is reached: redis-kinds, redis-access. */
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { createGateway, createTransport } from '../../../services/library/transport-factory.ts';
import type { RedisSettings } from '../../../services/transport/redis/connection/settings.ts';
import type { Gateway, Transport } from '../../../services/transport/transport.ts';
import { startRedis } from '../../support/redis-server.ts';
import { counted, startTraffic } from './traffic.ts';
import { until } from '../../support/until.ts';

/** A Redis, a processor and a proxy with these settings, and a client to look with. */
async function running(t: ExecutionContext, settings: Partial<RedisSettings>) {
  const redis = await startRedis();
  const look = new Redis(redis.port, redis.host);
  const config = {
    kind: 'redis',
    redis: { addr: redis.addr, db: 0, clientTimeoutMs: 5000, ...settings },
    channelPrefix: 'ocpp',
    stateKeyPrefix: 'state',
  } as const;
  const transport = createTransport({ ...config, name: 'processor' });
  transport.onMessage(counted);
  transport.onConnection(() => undefined);
  await transport.start();
  const gateways: Gateway[] = [];
  t.teardown(async () => {
    for (const gateway of gateways) await gateway.stop();
    await transport.stop();
    look.disconnect();
    await redis[Symbol.asyncDispose]();
  });
  const proxy = async () => {
    const gateway = createGateway({ ...config, name: 'proxy' });
    gateways.push(gateway);
    await gateway.start();
    await gateway.open(session, sink);
    return gateway;
  };
  return { transport, proxy, look };
}

const session = { stationId: 'CP-1', protocol: 'ocpp1.6', remoteAddress: 'x' } as const;
const sink = { deliver: () => true, revoked: () => undefined };
const frame = { type: 2, id: 'a', action: 'Reset', payload: {} } as const;

test('addr, password, db and both prefixes say where all data is', async (t) => {
  await using redis = await startRedis({ args: ['--requirepass', 'secret'] });
  const settings = { addr: redis.addr, password: 'secret', db: 3, clientTimeoutMs: 5000 };
  const prefixes = { channelPrefix: 'net', stateKeyPrefix: 'state' };
  await using traffic = await startTraffic({ redis: settings, ...prefixes });
  await traffic.flows();
  const look = new Redis({ port: redis.port, password: 'secret', db: 3 });
  t.teardown(() => look.disconnect());
  t.regex(await look.info('keyspace'), /^# Keyspace\r\ndb3:[^\r]*\r\n$/);
  const keys = await look.keys('*');
  t.true(keys.includes('state:effects'));
  t.true(keys.includes('net:session:CP-0'));
  t.deepEqual(
    keys.filter((key) => !/^(net|state):/.test(key)),
    [],
  );
});

for (const poolSize of [4, 7]) {
  test(`poolSize ${poolSize}: a process with much to read opens so many connections`, async (t) => {
    const { transport, look } = await running(t, { poolSize });
    // With all that a processor may use: a listener for events, a call to a station.
    await t.notThrowsAsync(
      transport.calls.make({ stationId: 'CP-1', action: 'Reset', payload: {}, idempotencyKey: 'a' }),
    );
    const opened = async () =>
      String(await look.client('LIST'))
        .trim()
        .split('\n').length - 1;
    const burst = () =>
      Promise.all(Array.from({ length: 500 }, (_, i) => transport.state.field(`r:${i}`, 'f')));
    await until(async () => {
      await burst();
      return (await opened()) === poolSize;
    }, `${poolSize} connections`);
    for (let i = 0; i < 10; i++) await burst();
    t.is(await opened(), poolSize);
  });
}

type Operation = (transport: Transport, gateway: Gateway) => Promise<unknown>;

/** What is done once, and a key in it that Redis refuses meanwhile. */
const OPERATIONS: Readonly<Record<string, readonly [key: string, operation: Operation]>> = {
  'a read of state': ['state:x', (transport) => transport.state.record('x')],
  'numbers of a counter': ['state:counter:c', (transport) => transport.state.reserve('c', 1, 1)],
  'a session': ['ocpp:session:CP-2', (_, gateway) => gateway.open({ ...session, stationId: 'CP-2' }, sink)],
  'an unsolicited frame': ['ocpp:session:CP-1', (transport) => transport.write('CP-1', frame)],
  'a call to a station': [
    'ocpp:session:CP-1',
    (transport) => transport.calls.make({ ...frame, stationId: 'CP-1', timeoutMs: 1 }),
  ],
};

/** Neither sessions nor state; what the processes do all the time goes on. */
const refuse = (look: Redis) =>
  look.acl('SETUSER', 'default', 'resetkeys', '~ocpp:[^s]*', '~ocpp:sessions:*');
const allow = (look: Redis) => look.acl('SETUSER', 'default', '~*');

async function refusals(look: Redis, key: string): Promise<number> {
  const entries = (await look.call('ACL', 'LOG')) as unknown[][];
  // A session that failed is also ended, by a script that names other keys.
  const ours = entries.filter((entry) => entry.includes(key) && entry.includes('toplevel'));
  return ours.reduce((sum, entry) => sum + Number(entry[entry.indexOf('count') + 1]), 0);
}

for (const [what, [key, operation]] of Object.entries(OPERATIONS)) {
  test(`retryAttempts: ${what} is tried again so often, and no more`, async (t) => {
    for (const retryAttempts of [0, 2]) {
      const { transport, proxy, look } = await running(t, { retryAttempts, retryDelayMs: 10 });
      const gateway = await proxy();
      await refuse(look);
      await t.throwsAsync(operation(transport, gateway), { code: 'store-unavailable' });
      t.is(await refusals(look, key), retryAttempts + 1);
    }
  });

  test(`retryDelay: ${what} succeeds when Redis is well again by then`, async (t) => {
    const retryDelayMs = 800;
    const { transport, proxy, look } = await running(t, { retryAttempts: 1, retryDelayMs });
    const gateway = await proxy();
    await refuse(look);
    const start = performance.now();
    const done = operation(transport, gateway);
    await until(async () => (await refusals(look, key)) === 1, 'the first try');
    await allow(look);
    await done;
    t.true(performance.now() - start >= retryDelayMs - 1);
  });
}
