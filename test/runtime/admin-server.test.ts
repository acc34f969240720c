/** The admin port: what is open, what needs the token, and what a wrong request gets. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Registry } from 'prom-client';
import { ENV } from '../../services/contract.ts';
import { type AdminRoute, RequestError } from '../../services/runtime/admin-routes.ts';
import { type AdminOptions, startAdminServer } from '../../services/runtime/admin-server.ts';
import { AdminToken } from '../../services/runtime/admin-token.ts';

const TOKEN = 'correct-token';
const ROUTES: readonly AdminRoute[] = [
  { method: 'GET', path: '/mode', handle: ({ query }) => ({ asked: query.get('of') }) },
  { method: 'PUT', path: '/mode', handle: ({ body }) => ({ body }) },
  {
    method: 'POST',
    path: '/refused',
    handle: () => {
      throw new RequestError(400, 'moves: must be a whole number from 0');
    },
  },
];

async function tokenFile(): Promise<{ readonly file: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'admin-'));
  const file = join(folder, 'token');
  await writeFile(file, `${TOKEN}\n`);
  return { file, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

async function start(options: Partial<AdminOptions>) {
  const well = () => undefined;
  const common = { host: '127.0.0.1', port: 0, registry: new Registry(), live: well, ready: well };
  const server = await startAdminServer({ ...common, routes: ROUTES, ...options });
  return {
    async ask(path: string, init: RequestInit & { token?: string } = {}) {
      const { token, ...rest } = init;
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { headers, ...rest });
      return { status: response.status, text: await response.text(), headers: response.headers };
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

test('health is open, metrics are open unless a setting says otherwise', async (t) => {
  await using secret = await tokenFile();
  await using open = await start({ tokenFile: secret.file });
  await using closed = await start({ tokenFile: secret.file, metricsNeedToken: true });
  for (const server of [open, closed]) {
    t.is((await server.ask('/healthz')).status, 200);
    t.is((await server.ask('/readyz')).status, 200);
  }
  t.is((await open.ask('/metrics')).status, 200);
  t.is((await closed.ask('/metrics')).status, 401);
  t.is((await closed.ask('/metrics', { token: TOKEN })).status, 200);
});

test('a route needs the token, and says so', async (t) => {
  await using secret = await tokenFile();
  await using server = await start({ tokenFile: secret.file });
  for (const init of [
    {},
    { token: 'wrong' },
    { token: `${TOKEN}x` },
    { headers: { authorization: TOKEN } },
  ]) {
    const { status, text, headers } = await server.ask('/mode', init);
    t.is(status, 401);
    t.regex(text, /token/);
    t.false(text.includes(TOKEN));
    t.is(headers.get('www-authenticate'), 'Bearer');
  }
  const answer = await server.ask('/mode?of=pod', { token: TOKEN });
  t.deepEqual([answer.status, answer.text], [200, '{"asked":"pod"}\n']);
});

test('without a token file a route is not there, and the text names the setting', async (t) => {
  await using server = await start({});
  const { status, text } = await server.ask('/mode', { token: TOKEN });
  t.is(status, 404);
  t.true(text.includes(ENV.adminTokenFile));
});

test('a wrong request gets a status and a text that names what is wrong', async (t) => {
  await using secret = await tokenFile();
  await using server = await start({ tokenFile: secret.file });
  const cases = [
    ['/mode', 'DELETE', undefined, 405, /takes GET, PUT/],
    ['/mode', 'PUT', '{"a":', 400, /not JSON/],
    ['/mode', 'PUT', JSON.stringify('x'.repeat(20_000)), 413, /16384 bytes/],
    ['/refused', 'POST', '{}', 400, /^moves: /],
    ['/other', 'GET', undefined, 404, /\/healthz.*\/mode/],
  ] as const;
  for (const [path, method, body, expected, says] of cases) {
    const { status, text } = await server.ask(path, { method, token: TOKEN, ...(body && { body }) });
    t.is(status, expected, `${method} ${path}`);
    t.regex(text, says);
  }
  t.is(
    (await server.ask('/mode', { method: 'PUT', body: '{"a":1}', token: TOKEN })).text,
    '{"body":{"a":1}}\n',
  );
});

test('a token that the kubelet replaces counts within a second, and a lost file opens nothing', async (t) => {
  await using secret = await tokenFile();
  let now = 0;
  const token = new AdminToken(secret.file, () => now);
  const status = async (given: string) => (await token.denial(`Bearer ${given}`))?.status;
  t.is(await status(TOKEN), undefined);
  await writeFile(secret.file, 'another-token');
  t.is(await status(TOKEN), undefined, 'read at most once a second');
  now = 1000;
  t.is(await status(TOKEN), 401);
  t.is(await status('another-token'), undefined);
  await rm(secret.file);
  now = 2000;
  t.is(await status('another-token'), 503);
  await writeFile(secret.file, '');
  now = 3000;
  t.is(await status(''), 503, 'an empty file is no token');
});
