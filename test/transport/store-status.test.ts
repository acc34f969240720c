/** What a process says of its Redis: refused logins, whose keys they are, and whether the data are the same. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { Keys } from '../../services/transport/redis/keys.ts';
import { openReady } from '../../services/transport/redis/connection/connection.ts';
import { register } from '../../services/transport/redis/lease/register.ts';
import { RedisGateway } from '../../services/transport/redis/redis-gateway.ts';
import { startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

const redis = await startRedis();
const admin = new Redis({ port: redis.port });
test.after.always(async () => {
  admin.disconnect();
  await redis[Symbol.asyncDispose]();
});
const settings = { addr: redis.addr, db: 0, clientTimeoutMs: 2000 };

const CITY = 'charging/city/1';
const CASES: readonly (readonly [
  what: string,
  registered: string | undefined,
  /** Whether its lease is over. */
  ended: boolean,
  cluster: string | undefined,
  result: 'registered' | 'taken',
])[] = [
  ['the same cluster', CITY, false, CITY, 'registered'],
  ['another cluster', CITY, false, 'charging/town/2', 'taken'],
  ['another cluster, although all processes are gone', CITY, true, 'charging/town/2', 'taken'],
  ['a new cluster of the same name while the old one lives', CITY, false, 'charging/city/2', 'taken'],
  ['a new cluster of the same name when the old one is gone', CITY, true, 'charging/city/2', 'registered'],
  ['a name that only begins alike', CITY, true, 'charging/city2/2', 'taken'],
  ['a process without a cluster', CITY, false, undefined, 'registered'],
  ['the first cluster among processes without one', undefined, false, CITY, 'registered'],
];

for (const [what, registered, ended, cluster, result] of CASES) {
  test(`keys with a marker: ${what} is ${result}`, async (t) => {
    const connection = await openReady(settings);
    t.teardown(() => connection.disconnect());
    const keys = new Keys(`p${CASES.findIndex(([one]) => one === what)}`);
    const lease = { role: 'proxy', leaseMs: ended ? -1 : 60_000, clientIds: [] } as const;
    const first = await register(connection, keys, { ...lease, processId: 'a', cluster: registered });
    t.is(first.kind, 'registered');
    const second = await register(connection, keys, {
      ...lease,
      role: 'processor',
      processId: 'b',
      cluster,
    });
    t.is(second.kind, result);
    if (second.kind === 'taken') {
      t.is(second.owner, CITY);
      t.is(await admin.exists(keys.process('b')), 0);
    } else if (second.kind === 'registered') {
      t.is(second.identity, first.kind === 'registered' ? first.identity : -1, 'one identity');
      t.is(await admin.hget(keys.store, 'cluster'), cluster ?? CITY);
    }
  });
}

function gateway(t: ExecutionContext, options: Partial<ConstructorParameters<typeof RedisGateway>[0]> = {}) {
  const made = new RedisGateway({
    redis: settings,
    keys: new Keys('x'),
    name: 'proxy',
    leaseMs: 1000,
    ...options,
  });
  const errors: Error[] = [];
  made.onError((error) => errors.push(error));
  t.teardown(() => made.stop());
  return { made, errors, started: made.start() };
}

test('a proxy of another cluster says whose keys they are, and starts when they are handed over', async (t) => {
  const keys = new Keys('shared');
  const owner = gateway(t, { keys, cluster: CITY });
  await owner.started;
  const other = gateway(t, { keys, cluster: 'charging/town/2' });
  await until(() => other.made.store().problem !== undefined, 'the refusal');
  t.deepEqual(other.made.store(), {
    problem: {
      kind: 'prefix-taken',
      message: 'PrefixTaken: the Redis prefix "shared" belongs to cluster charging/city',
    },
  });
  t.false(other.made.isHealthy());
  await until(() => other.errors.some(({ message }) => message.includes('PrefixTaken')), 'it is logged');
  await admin.hdel(keys.store, 'cluster');
  await other.started;
  t.deepEqual(other.made.store(), owner.made.store(), 'no problem, and the same data');
});

test('lost data have another identity', async (t) => {
  const server = await startRedis();
  const client = new Redis({ port: server.port });
  t.teardown(async () => {
    client.disconnect();
    await server[Symbol.asyncDispose]();
  });
  const { made, started } = gateway(t, { redis: { ...settings, addr: server.addr } });
  await started;
  const before = made.store().identity;
  t.true(Number.isInteger(before));
  await client.flushall();
  await until(() => ![undefined, before].includes(made.store().identity), 'the new identity');
  await server.kill();
  await until(() => made.store().identity === undefined, 'it is not known while Redis is away');
});

test('a refused login is reported until the file has the right password', async (t) => {
  await using server = await startRedis({ args: ['--requirepass', 'right'] });
  const folder = await mkdtemp(join(tmpdir(), 'login-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, 'wrong');
  const { made, errors, started } = gateway(t, { redis: { ...settings, addr: server.addr, passwordFile } });
  await until(() => made.store().problem !== undefined, 'the refusal');
  t.is(made.store().problem?.kind, 'login-refused');
  t.regex(made.store().problem?.message ?? '', /WRONGPASS/);
  t.false(errors.some(({ message }) => message.includes('wrong')));
  await writeFile(passwordFile, 'right');
  await started;
  t.is(made.store().problem, undefined);
  await made.stop();
});

test('a process whose file has the new password before Redis has it gets in with the former one', async (t) => {
  await using server = await startRedis({ args: ['--requirepass', 'old'] });
  const client = new Redis({ port: server.port, password: 'old' });
  const folder = await mkdtemp(join(tmpdir(), 'login-'));
  t.teardown(async () => {
    client.disconnect();
    await rm(folder, { recursive: true });
  });
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, 'old');
  const { made, errors, started } = gateway(t, { redis: { ...settings, addr: server.addr, passwordFile } });
  await started;
  await writeFile(passwordFile, 'new');
  await until(() => errors.some(({ message }) => message.includes('changed password')), 'the file is read');
  t.is(made.store().problem, undefined, 'the connection stays logged in');
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal');
  await until(() => errors.some(({ message }) => /: WRONGPASS/.test(message)), 'the new password is refused');
  await until(() => made.isHealthy(), 'it is connected with the former one');
  t.is(made.store().problem, undefined);
  await client.call('ACL', 'SETUSER', 'default', 'resetpass', '>new');
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal');
  await until(() => !made.isHealthy() || made.store().problem !== undefined, 'it is disconnected');
  await until(() => made.isHealthy(), 'it is connected with the new one');
  await made.stop();
});
