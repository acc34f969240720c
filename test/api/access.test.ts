/** Who may do what over HTTP, how fast, and what the audit keeps of it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { type ApiCluster, startApiCluster, tokenFile } from './cluster.ts';

let cluster: ApiCluster;
test.before(async () => {
  cluster = await startApiCluster();
});
test.after.always(() => cluster[Symbol.asyncDispose]());

const statusAs = async (as: string) => (await cluster.ask('GET', '/v1/status', { as })).status;

test('the document, and only it, needs no access token', async (t) => {
  t.is((await cluster.ask('GET', '/openapi.json', { as: '' })).status, 200);
  for (const path of ['/v1', '/v1/status', '/v1/nothing', '/v1/stations/CP-1', '/v1?x']) {
    const { status, body, headers } = await cluster.ask('GET', path, { as: '' });
    t.is(status, 401, path);
    t.is(body.code, 'unauthorized');
    t.is(headers.get('www-authenticate'), 'Bearer');
  }
});

for (const [name, authorization] of [
  ['another scheme', 'Basic cmVhZA=='],
  ['no token', 'Bearer '],
  ['two tokens', 'Bearer read read'],
  ['a digest', `Bearer ${tokenFile('read', 'read').slice(11, 75)}`],
  ['a long one', `Bearer ${'x'.repeat(5000)}`],
  ['other letters', 'Bearer READ'],
] as const)
  test(`no access token: ${name}`, async (t) => {
    const { status } = await cluster.ask('GET', '/v1/status', { as: '', headers: { authorization } });
    t.is(status, 401);
  });

test('each scope includes the ones before it', async (t) => {
  const table = [
    ['GET', '/v1/stations', undefined, ['read', 'command', 'admin']],
    ['POST', '/v1/stations/CP-1/reset', {}, ['command', 'admin']],
    ['DELETE', '/v1/stations/CP-1/commands/one', undefined, ['command', 'admin']],
    ['PUT', '/v1/tokens/ABC', { status: 'Accepted' }, ['admin']],
    ['DELETE', '/v1/tokens/ABC/history', undefined, ['admin']],
    ['PATCH', '/v1/register/CP-1', { vendor: 'Acme' }, ['admin']],
    ['POST', '/v1/register/CP-1/reset-profile', undefined, ['admin']],
    ['PUT', '/v1/registrations/CP-2', { status: 'Pending' }, ['admin']],
    ['DELETE', '/v1/dead-letters/1-1', undefined, ['admin']],
    ['GET', '/v1/audit', undefined, ['admin']],
  ] as const;
  for (const [method, path, body, permitted] of table)
    for (const as of ['read', 'command', 'admin']) {
      const { status, body: answer } = await cluster.ask(method, path, {
        as,
        ...(body !== undefined && { body }),
      });
      t.is(status === 403, !permitted.some((one) => one === as), `${method} ${path} as ${as}`);
      if (status === 403)
        t.regex(answer.detail ?? '', new RegExp(`needs the scope ${permitted[0]}, .* has ${as}`));
    }
});

test('status says whose access token it is; that of the cluster is in clear', async (t) => {
  const mine = await cluster.ask('GET', '/v1/status', { as: 'command' });
  t.deepEqual(mine.body['you'], { name: 'the-command', scope: 'command' });
  t.false('cluster' in mine.body || 'clusterProblem' in mine.body, 'no URL of the object is set');
  const own = await cluster.ask('GET', '/v1/status', { as: 'own-token' });
  t.deepEqual(own.body['you'], { name: 'admin', scope: 'admin' });
});

test.serial(
  'access tokens are followed while the program runs, and a bad file harms only itself',
  async (t) => {
    const file = (name: string) => join(cluster.folder, name);
    t.is(await statusAs('late'), 401);
    await writeFile(file('late'), tokenFile('late', 'read'));
    await writeFile(file('broken'), '{"sha256":"secret-content","scope":"read"}');
    await writeFile(file('admin'), tokenFile('impostor', 'admin'));
    await until(async () => (await statusAs('late')) === 200, 'the new token', 10_000, 300);
    t.is(await statusAs('impostor'), 401, 'its name is that of the token of the cluster');
    t.is(await statusAs('read'), 200);
    await rm(file('late'));
    await until(async () => (await statusAs('late')) === 401, 'the removal', 10_000, 300);
    t.regex(cluster.api.log, /broken: sha256 must be/);
    t.notRegex(cluster.api.log, /secret-content/);
  },
);

test('requests of one access token, and unknown ones of one address, are limited; others are not harmed', async (t) => {
  await using own = await startApiCluster({ OCPP_API_REQUESTS_PER_SECOND: '1' });
  const many = await Promise.all([1, 2, 3, 4, 5, 6].map(() => own.ask('GET', '/v1/status', { as: 'read' })));
  const limited = many.find(({ status }) => status === 429);
  t.is(limited?.body.code, 'rate-limited');
  t.regex(limited?.headers.get('retry-after') ?? '', /^\d+$/);
  t.is((await own.ask('GET', '/v1/status', { as: 'command' })).status, 200);

  const guess = () => own.ask('GET', '/v1/status', { as: 'guess' });
  await until(async () => (await guess()).status === 429, 'the limit of unknown tokens of this address');
  t.is((await own.ask('GET', '/v1/status', { as: 'admin' })).status, 200);
});

test('the audit has two entries of each command or change, and nothing of reads and refusals', async (t) => {
  const path = '/v1/stations/AUDITED/commands';
  const body = { action: 'ChangeConfiguration', payload: { key: 'AuthorizationKey', value: 'very-secret' } };
  const sent = await cluster.ask('POST', path, {
    as: 'command',
    body,
    headers: { 'Idempotency-Key': 'audited' },
  });
  t.is(sent.status, 404);
  await cluster.ask('POST', `${path}?secret=1`, { as: 'command', body });
  await cluster.ask('POST', path, { as: 'read', body });
  await cluster.ask('GET', '/v1/stations/AUDITED');
  const { body: page } = await cluster.ask('GET', '/v1/audit?limit=1000');
  const [after, before, ...others] = (page.items ?? []).filter(({ station }) => station === 'AUDITED');
  t.deepEqual(others, []);
  const both = {
    who: 'the-command',
    scope: 'command',
    method: 'POST',
    path,
    action: 'ChangeConfiguration',
    command: 'audited',
    request: sent.headers.get('x-request-id'),
  };
  t.like(before, both);
  t.false('status' in (before ?? {}), 'the entry before it was done');
  t.like(after, { ...both, status: 404 });
  t.notRegex(JSON.stringify(page), /very-secret|secret=1/);
  t.notRegex(cluster.api.log, /very-secret/);
});

test('the log level changes while the program runs', async (t) => {
  const settings = await mkdtemp(join(tmpdir(), 'api-settings-'));
  t.teardown(() => rm(settings, { recursive: true }));
  await using api = await startProgram('api', {
    REDIS_ADDR: cluster.redis.addr,
    OCPP_API_TOKENS_FOLDER: cluster.folder,
    OCPP_SETTINGS_FOLDER: settings,
  });
  t.regex(api.log, /"msg":"starting"/);
  await writeFile(join(settings, 'LOG_LEVEL'), 'error');
  await until(() => api.log.includes('LOG_LEVEL: info -> error'), 'the new level');
  t.is(await api.kill('SIGTERM'), 0);
  t.notRegex(api.log, /"msg":"stop/);
});
