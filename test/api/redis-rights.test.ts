/** The API on a Redis whose ACL user has the rights that docs/redis.md lists for it, and no others. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Redis } from 'ioredis';
import { connect } from '../../services/client/connect.ts';
import { startProgram } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';
import { tokenFile } from './cluster.ts';
import { memoryApi } from './memory-api.ts';
import { Receiver, SECRET } from './webhooks/receiver.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/redis.md'), 'utf8');
const rules = /ACL SETUSER ocpp on >secret ([^`]*)\n/.exec(page)?.[1] ?? '';
const further = / for the API: `([^`]+)`/.exec(page)?.[1] ?? '';

const ADMIN = 'admin on >admin ~* &* +@all';

const READS = `
  status stations stations/CP-1 stations/CP-1/events transactions bills meter-values reports settlements
  tokens tokens/T registrations sessions events cloudevents audit broadcasts/x dead-letters
  recordings recordings/CP-1/frames
  webhooks webhooks/billing webhooks/billing/dead-letters cloudevents?wait=1 events?after=1-1`
  .trim()
  .split(/\s+/);

test('webhooks, streams of events and all reads work with the rights of the API, and each of them is needed', async (t) => {
  const user = (words: string) => ['--user', ...words.split(' ')];
  const args = [
    ...user(ADMIN),
    ...user('default off'),
    ...user(`ocpp on >secret ${rules.trim()} ${further}`),
  ];
  await using server = await startRedis({ args });
  const admin = new Redis({ port: server.port, username: 'admin', password: 'admin' });
  const folder = await mkdtemp(join(tmpdir(), 'rights-'));
  t.teardown(async () => {
    admin.disconnect();
    await rm(folder, { recursive: true });
  });
  await writeFile(join(folder, 'billing'), SECRET);
  await writeFile(join(folder, 'the-admin'), tokenFile('admin', 'admin'));
  await using receiver = await new Receiver().listen();
  await using api = await startProgram('api', {
    REDIS_ADDR: server.addr,
    REDIS_USERNAME: 'ocpp',
    REDIS_PASSWORD: 'secret',
    OCPP_API_TOKENS_FOLDER: folder,
    OCPP_API_WEBHOOK_SECRETS_FOLDER: folder,
    OCPP_API_WEBHOOKS: JSON.stringify([{ name: 'billing', url: `http://127.0.0.1:${receiver.port}/` }]),
  });
  const ask = (path: string, method = 'GET', body?: object) =>
    fetch(`${api.apiUrl}/v1/${path}`, {
      method,
      headers: { authorization: 'Bearer admin', ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
  await until(async () => (await (await ask('webhooks/billing')).text()).includes('delivering'), 'an owner');
  receiver.answer = () => 422;
  await admin.xadd('ocpp:events', '*', 'type', 'noted', 'stationId', 'CP-1', 'n', '1');
  const letters = async () =>
    ((await (await ask('webhooks/billing/dead-letters')).json()) as { items: { id: string }[] }).items;
  await until(async () => (await letters()).length === 1, 'a dead letter');
  receiver.answer = () => 204;
  t.is((await ask(`webhooks/billing/dead-letters/${(await letters())[0]?.id}/replay`, 'POST')).status, 204);
  await admin.hset('ocpp:tokens', 'T', '{}');
  await admin.xadd('ocpp:transactions', '*', 'stationId', 'CP-1', 'idTag', 'T');
  for (const path of READS) {
    const answer = await ask(path);
    t.true(answer.status === 200 || answer.status === 404, `${path}: ${await answer.text()}`);
  }
  t.is((await ask('tokens/T/history', 'DELETE')).status, 200);
  t.is((await ask('recordings/CP-1', 'PUT', {})).status, 200);

  const log = (await admin.call('ACL', 'LOG')) as unknown[][];
  t.deepEqual(
    log.filter((entry) => entry.includes('ocpp')),
    [],
    'denied',
  );
  const stats = await admin.info('commandstats');
  const unused = [...further.matchAll(/\+(\S+)/g)]
    .map(([, command]) => command)
    .filter((command) => !stats.includes(`cmdstat_${command}:`));
  t.deepEqual(unused, [], 'granted in vain');
});

test('without a right for the processes the status has the rest, and says which command is missing', async (t) => {
  const rights = `${rules.trim()} ${further} -scard +info`;
  const args = ['--user', ...`ocpp on >secret ${rights}`.split(' '), '--user', ...ADMIN.split(' ')];
  await using server = await startRedis({ args: [...args, '--user', 'default', 'off'] });
  const admin = new Redis({ port: server.port, username: 'admin', password: 'admin' });
  const login = { addr: server.addr, db: 0, clientTimeoutMs: 2000, username: 'ocpp', password: 'secret' };
  await using client = await connect(login);
  t.teardown(() => admin.disconnect());
  await admin.zadd('ocpp:proxies', Date.now() + 60_000, 'proxy-00000000');
  await using api = await memoryApi({ client }).api;
  const answer = await api.inject({ url: '/v1/status', headers: { authorization: 'Bearer x' } });
  t.is(answer.statusCode, 200, answer.body);
  const status = answer.json<Record<string, unknown>>();
  t.like(status, { figures: { openTransactions: 0 } });
  t.regex(String(status['processesProblem']), /may not run SCARD.*: grant .*docs\/redis\.md/);
  for (const name of ['proxies', 'processors', 'rates', 'rollout']) t.false(name in status, name);
  await admin.acl('SETUSER', 'ocpp', '+scard');
  const read = async () =>
    (await api.inject({ url: '/v1/status', headers: { authorization: 'Bearer x' } })).json<object>();
  await until(
    async () => 'proxies' in (await read()) && !('processesProblem' in (await read())),
    'the right',
  );
});
