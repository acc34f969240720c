/** Who we are to Redis: an ACL user with the rights that docs/redis.md lists and no others, and a password that changes. */
import { globSync, readFileSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Redis } from 'ioredis';
import { transportConformance } from '../../conformance/transport.ts';
import { redisHarness } from '../gateway-harness.ts';
import { startRedis } from '../../support/redis-server.ts';
import { startTraffic } from './traffic.ts';
import { until } from '../../support/until.ts';

const ROOT = join(import.meta.dirname, '../../..');
const rules =
  /ACL SETUSER ocpp on >secret ([^`]*)\n/.exec(readFileSync(join(ROOT, 'docs/redis.md'), 'utf8'))?.[1] ?? '';
const granted = [...rules.matchAll(/\+(\S+)/g)].map(([, command]) => command ?? '');

const user = (words: string) => ['--user', ...words.split(' ')];
const ADMIN = [...user('admin on >admin ~* &* +@all'), ...user('default off')];
const redis = await startRedis({
  args: [...ADMIN, ...user(`ocpp on >secret ${rules}`), ...user(`visitor on >secret ${rules}`)],
});
const admin = new Redis({ port: redis.port, username: 'admin', password: 'admin' });
test.after.always(async () => {
  admin.disconnect();
  await redis[Symbol.asyncDispose]();
});

const ocpp = { addr: redis.addr, db: 0, clientTimeoutMs: 5000, username: 'ocpp', password: 'secret' };
let runs = 0;
transportConformance(test, 'ACL user', async () =>
  redisHarness({ redis: ocpp, channelPrefix: `ocpp:c${++runs}` }),
);

const DENIED: Readonly<Record<string, readonly [string, ...string[]]>> = {
  'reading all keys’ names': ['KEYS', '*'],
  'dropping all data': ['FLUSHALL'],
  'reading the configuration': ['CONFIG', 'GET', '*'],
  'changing users': ['ACL', 'SETUSER', 'ocpp', '+@all'],
  'ending the server': ['SHUTDOWN'],
  'listening to all commands': ['MONITOR'],
  'a key of another program': ['GET', 'billing:1'],
  'a key of another program in a script': ['EVAL', 'return redis.call("GET", "billing:1")', '0'],
  'a channel of another program': ['PUBLISH', 'billing', 'x'],
};

for (const [what, [name, ...words]] of Object.entries(DENIED)) {
  test(`ACL user: denied is ${what}`, async (t) => {
    const client = new Redis({ port: redis.port, username: 'visitor', password: 'secret' });
    t.teardown(() => client.disconnect());
    await t.throwsAsync(client.call(name, ...words), {
      message: /NOPERM|No permissions|can't run this command|can't access/,
    });
  });
}

/** Rights that docs/redis.md names beside the line, where they apply. */
const ELSEWHERE = new Set(['scard', 'select', 'xdel']);
/** Commands that the suite mostly runs without: reclaiming the dead, testing a connection, a second processor that waits, a self-test without a processor. */
const UNSEEN = ['client|kill', 'ping', 'blpop', 'lrem'];

/** Commands that our scripts name. */
function scripted(): string[] {
  return globSync('services/transport/redis/**/*.lua', { cwd: ROOT })
    .map((file) => readFileSync(join(ROOT, file), 'utf8'))
    .flatMap((text) => text.match(/(?<=redis\.call\(')\w+/g) ?? [])
    .map((name) => name.toLowerCase())
    .filter((name) => !ELSEWHERE.has(name));
}

/** Commands that ran on this server and that need a right. */
async function executed(): Promise<string[]> {
  const free = /^(hello|auth|acl\|.*)$/;
  const stats = await admin.info('commandstats');
  return [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)]
    .filter(([, name = '', calls]) => Number(calls) > 0 && !free.test(name))
    .map(([, name]) => name ?? '');
}

test.after('docs/redis.md grants what the suite and the scripts need, and nothing in vain', async (t) => {
  const needed = new Set([...scripted(), ...UNSEEN, ...(await executed())]);
  const missing = [...needed].filter((name) => !granted.includes(name));
  const inVain = granted.filter((name) => !needed.has(name));
  t.deepEqual({ missing, inVain }, { missing: [], inVain: [] }, 'correct the line in docs/redis.md');
  const log = (await admin.call('ACL', 'LOG')) as unknown[][];
  t.deepEqual(
    log.filter((entry) => entry.includes('ocpp')),
    [],
    'denied',
  );
});

test('a password is rotated while everything runs: no message fails', async (t) => {
  await using server = await startRedis({ args: [...ADMIN, ...user(`ocpp on >one ${rules}`)] });
  const looker = new Redis({ port: server.port, username: 'admin', password: 'admin' });
  const dir = await mkdtemp(join(tmpdir(), 'secret-'));
  t.teardown(async () => {
    looker.disconnect();
    await rm(dir, { recursive: true });
  });
  const [usernameFile, passwordFile] = [join(dir, 'username'), join(dir, 'password')];
  /** As the kubelet does: the new content is there at once. */
  const put = async (file: string, text: string) => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  await put(usernameFile, 'ocpp\n');
  await put(passwordFile, 'one\n');
  const settings = { addr: server.addr, db: 0, clientTimeoutMs: 2000, usernameFile, passwordFile };
  await using traffic = await startTraffic({ redis: settings, channelPrefix: 'ocpp' });
  await traffic.flows();
  const clients = String(await looker.call('CLIENT', 'LIST'));
  const connections = clients.split('user=ocpp').length - 1;
  t.true(connections >= 4);
  const logins = async () =>
    Number(/cmdstat_auth:calls=(\d+)/.exec(await looker.info('commandstats'))?.[1] ?? 0);

  await put(passwordFile, 'mistyped');
  const refused = () =>
    traffic.errors.filter(({ message }) => message.includes('changed password is refused'));
  await until(() => refused().length >= connections, 'the wrong password to be reported');
  t.false(refused().some(({ message }) => message.includes('mistyped')));
  await traffic.flows();

  const before = await logins();
  await looker.call('ACL', 'SETUSER', 'ocpp', '>two');
  await put(passwordFile, 'two');
  await until(async () => (await logins()) >= before + connections, 'every connection to log in again');
  await looker.call('ACL', 'SETUSER', 'ocpp', '<one');
  const others = traffic.errors.length;
  await looker.call('CLIENT', 'KILL', 'USER', 'ocpp');
  await traffic.flows();
  await traffic.quiet();
  t.deepEqual(traffic.givenUp, []);
  t.deepEqual(
    traffic.errors.slice(others).filter(({ message }) => /WRONGPASS|NOAUTH/.test(message)),
    [],
  );
});
