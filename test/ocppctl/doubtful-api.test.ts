/** Answers that no API of ours gives on demand: silence, redirects, limits, broken streams. A small server plays them. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmodSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import test from 'ava';
import { CHILD_ENVIRONMENT } from '../support/child-environment.ts';
import { terminal } from './terminal.ts';

type Play = (request: IncomingMessage, response: ServerResponse, count: number) => void;

async function serve(play: Play) {
  let count = 0;
  const server = createServer((request, response) => play(request, response, ++count));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    count: () => count,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

const json = (response: ServerResponse, status: number, body: object, headers = {}) =>
  void response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify(body));
const STATUS = { figures: { stationsConnected: 3 }, version: '1', you: { name: 'me', scope: 'read' } };
const at = (url: string) => terminal({ OCPPCTL_URL: url, OCPPCTL_TOKEN: 'secret-token' });

test('an API that says nothing is out of reach after three seconds', async (t) => {
  await using server = await serve(() => undefined);
  const { status, stderr } = await at(server.url).run([
    'call',
    'CP-1',
    'ClearCache',
    '--wait',
    '60',
    '--key',
    'k1',
  ]);
  t.is(status, 3);
  t.regex(stderr, /has not answered within 3 s.*repeat it with --key k1/);
});

for (const [what, play, status, stderr] of [
  [
    'a redirect',
    (_, r) => void r.writeHead(301, { location: 'https://x/' }).end(),
    3,
    /redirects to https:\/\/x\//,
  ],
  ['a page of another server', (_, r) => void r.end('<html>'), 3, /answer that is not JSON/],
  ['an ingress without a backend', (_, r) => void r.writeHead(502).end('bad gateway'), 3, /status 502/],
] as const satisfies readonly (readonly [string, Play, number, RegExp])[])
  test(`no API: ${what}`, async (t) => {
    await using server = await serve(play);
    const result = await at(server.url).run(['status']);
    t.is(result.status, status);
    t.regex(result.stderr, stderr);
    t.false(result.stderr.includes('secret-token'));
  });

test('a request that was refused for its rate is repeated', async (t) => {
  const limited = { code: 'rate-limited', title: 'Too many requests', status: 429 };
  await using server = await serve((_, response, count) =>
    count === 1 ? json(response, 429, limited, { 'retry-after': '0' }) : json(response, 200, STATUS),
  );
  const { status, stdout } = await at(server.url).run(['status']);
  t.is(status, 0);
  t.regex(stdout, /3 of unknown/, 'a figure that is missing is not zero');
  t.is(server.count(), 2);
});

test('problems of the cluster come first', async (t) => {
  const condition = (type: string, status: string) => ({
    type,
    status,
    reason: 'R',
    message: `about ${type}`,
  });
  const conditions = [
    condition('Available', 'True'),
    condition('Secured', 'False'),
    condition('Degraded', 'True'),
  ];
  const cluster = { name: 'city', namespace: 'charging', status: { phase: 'Degraded', conditions } };
  await using server = await serve((_, response) => json(response, 200, { ...STATUS, cluster }));
  const { stdout } = await at(server.url).run(['status']);
  t.regex(
    stdout,
    /^city in charging: Degraded\n\nSTATE[^\n]*\nPROBLEM +Degraded=True[^\n]*\nnotice +Secured=False[^\n]*\nok +Available=True/,
  );
});

test('a list follows its pages, also empty ones, up to the limit', async (t) => {
  await using server = await serve((request, response) => {
    const after = Number(new URL(request.url ?? '', 'http://x').searchParams.get('after') ?? 0);
    const items = after === 1 ? [] : [{ token: `T${after}`, status: 'Accepted' }];
    json(response, 200, { items, ...(after < 4 && { next: String(after + 1) }) });
  });
  const all = await at(server.url).run(['tokens', '-o', 'json']);
  t.deepEqual(
    (JSON.parse(all.stdout) as { token: string }[]).map(({ token }) => token),
    ['T0', 'T2', 'T3', 'T4'],
  );
  const some = await at(server.url).run(['tokens', '-o', 'json', '--limit', '2']);
  t.is((JSON.parse(some.stdout) as object[]).length, 2);
  t.regex(some.stderr, /more than 2/);
});

test('a broken stream of events is resumed after the last one, and a gap is reported', async (t) => {
  const asked: unknown[] = [];
  const event = (id: string) =>
    `id: ${id}\nevent: boot\ndata: ${JSON.stringify({ id, at: '2026-01-01T00:00:00Z', station: `CP-${id}\u001B`, type: 'boot', fields: {} })}\n\n`;
  await using server = await serve((request, response, count) => {
    asked.push([request.url, request.headers['last-event-id']]);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (count === 1) response.end(`: connected\n\n${event('1')}`);
    else response.write(`event: events-lost\ndata: {}\n\n${event('7')}`);
  });
  const tail = at(server.url).start(['events', '--type', 'boot']);
  await tail.says(/CP-7/);
  const { status, stdout, stderr } = await tail.end('SIGINT');
  t.is(status, 0);
  t.regex(stdout, /^\S+ {2}CP-1\\u001b {2}boot\n\S+ {2}CP-7\\u001b {2}boot\n$/);
  t.regex(stderr, /connection ended\nconnected again\nevents were lost here/);
  t.deepEqual(asked, [
    ['/v1/events/stream?type=boot', undefined],
    ['/v1/events/stream?type=boot', '1'],
  ]);
});

test('a broadcast is waited for, and shows who did not accept it', async (t) => {
  const seen: unknown[] = [];
  const broadcast = (state: string) => ({
    id: 'b1',
    state,
    action: 'Reset',
    stations: 2,
    answered: 1,
    notSent: 1,
    uncertain: 0,
  });
  const outcomes = [
    {
      id: 'b1',
      station: 'CP-1',
      state: 'answered',
      answer: { kind: 'result', payload: { status: 'Accepted' } },
    },
    { id: 'b1', station: 'CP-2', state: 'not-sent', reason: 'offline' },
  ];
  await using server = await serve((request, response) => {
    if (request.method !== 'POST') {
      const isList = request.url?.includes('/outcomes') === true;
      json(response, 200, isList ? { items: outcomes } : broadcast('ended'));
      return;
    }
    let body = '';
    request.on('data', (data: Buffer) => (body += data.toString()));
    request.on('end', () => {
      seen.push(JSON.parse(body), request.headers['idempotency-key']);
      json(response, 202, broadcast('running'));
    });
  });
  const to = at(server.url);
  const line = ['broadcast', 'ClearCache', '--stations', 'CP-1,CP-2', '--per-second', '5', '--key', 'k'];
  const { status, stdout, stderr } = await to.run(line);
  t.is(status, 1);
  t.regex(stdout, /^2 stations: 1 answered, 1 not sent, 0 uncertain\nSTATION +STATE +PROBLEM\nCP-2 /);
  t.regex(stderr, /1 stations refused the command or were not reached/);
  t.deepEqual(seen, [
    { action: 'ClearCache', stations: ['CP-1', 'CP-2'], payload: {}, queueable: false, perSecond: 5 },
    'k',
  ]);
  const open = await to.run(['broadcast', 'ClearCache']);
  t.is(open.status, 2, 'every station only where that is said');
});

/** Notes its arguments, one call a line, and answers as kubectl does; of the API it forwards the port of this test. */
const KUBECTL = `#!/usr/bin/env node
const { appendFileSync } = require('node:fs');
const args = process.argv.slice(2);
appendFileSync(process.env.CALLS, JSON.stringify(args) + '\\n');
if (args.includes('ocppclusters')) console.log(process.env.CLUSTERS);
else if (args.includes('secret') && process.env.SECRET !== undefined) process.stdout.write(process.env.SECRET);
else if (args.includes('secret')) { console.error('Error from server (Forbidden): no'); process.exit(1); }
else {
  console.log('Forwarding from 127.0.0.1:' + process.env.PORT + ' -> 8080');
  setInterval(() => undefined, 1000);
  process.on('exit', () => appendFileSync(process.env.CALLS, '"ended"\\n'));
  process.on('SIGTERM', () => process.exit(0));
}
`;

test('through kubectl: it finds the cluster, reads the token, forwards a port, and leaves nothing running', async (t) => {
  const tokens: unknown[] = [];
  await using server = await serve((request, response) => {
    tokens.push(request.headers.authorization);
    json(response, 200, STATUS);
  });
  const folder = mkdtempSync(join(tmpdir(), 'kubectl-'));
  const calls = join(folder, 'calls');
  writeFileSync(join(folder, 'kubectl'), KUBECTL);
  chmodSync(join(folder, 'kubectl'), 0o755);
  const plugin = join(folder, 'kubectl-ocpp');
  symlinkSync(join(import.meta.dirname, '../../services/ocppctl/main.ts'), plugin);
  const listed = (...names: readonly string[]) =>
    JSON.stringify({
      items: names.map((name) => ({ metadata: { name }, spec: { api: { enabled: name !== 'old' } } })),
    });
  const base = {
    PATH: `${folder}${delimiter}${CHILD_ENVIRONMENT['PATH']}`,
    CALLS: calls,
    PORT: String(server.port),
  };
  const own = terminal(base);
  const secret = { SECRET: Buffer.from('admin-token').toString('base64') };
  const run = async (words: readonly string[], env: Readonly<Record<string, string>>, program?: string) => {
    writeFileSync(calls, '');
    tokens.length = 0;
    const result = await own.run(words, { env, ...(program !== undefined && { program }) });
    const text = readFileSync(calls, 'utf8').trim();
    return {
      ...result,
      calls: text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as unknown),
    };
  };
  const forward = (name: string, ...place: readonly string[]) => [
    ...place,
    'port-forward',
    `svc/${name}-api`,
    ':80',
  ];
  const secretOf = (name: string, ...place: readonly string[]) => [
    ...place,
    'get',
    'secret',
    `${name}-api-admin`,
    '-o',
    'jsonpath={.data.token}',
  ];

  const found = await run(
    ['-n', 'charging', 'status'],
    { ...secret, CLUSTERS: listed('city', 'old') },
    plugin,
  );
  t.is(found.status, 0, found.stderr);
  const place = ['--namespace', 'charging'];
  t.deepEqual(found.calls, [
    [...place, 'get', 'ocppclusters', '-o', 'json'],
    secretOf('city', ...place),
    forward('city', ...place),
    'ended',
  ]);
  t.deepEqual(tokens, ['Bearer admin-token']);

  const named = await run(['status', '--cluster', 'city', '--context', 'c'], { OCPPCTL_TOKEN: 'mine' });
  t.deepEqual(named.calls, [forward('city', '--context', 'c'), 'ended'], 'a token that is given is used');
  t.deepEqual(tokens, ['Bearer mine']);
  const admin = await run(['status', '--cluster', 'city', '--admin'], { ...secret, OCPPCTL_TOKEN: 'mine' });
  t.deepEqual(admin.calls[0], secretOf('city'));
  t.deepEqual(tokens, ['Bearer admin-token']);

  const several = await run(['status'], { ...secret, CLUSTERS: listed('city', 'town') }, plugin);
  t.is(several.status, 1);
  t.regex(several.stderr, /several: choose one with --cluster city or town/);
  const forbidden = await run(['status', '--cluster', 'city'], {});
  t.is(forbidden.status, 1);
  t.regex(
    forbidden.stderr,
    /may not read the Secret city-api-admin: give a token of yours with --token-file/,
  );

  const login = await run(['login', '--cluster', 'city'], secret);
  t.is(login.stdout, 'logged in to city as me, scope read\n', login.stderr);
  const later = await run(['status'], {});
  t.deepEqual(later.calls, [forward('city'), 'ended']);
  t.deepEqual(tokens, ['Bearer admin-token'], 'the stored one');
  const away = await own.run(['status', '--cluster', 'city'], { env: { PATH: '/nowhere' } });
  t.is(away.status, 1);
  t.regex(away.stderr, /kubectl does not start .*install it/);
});
