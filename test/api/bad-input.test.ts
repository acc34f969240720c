/** What a client may send wrongly: each gets a 4xx that says what and where, and the program goes on. */
import { connect } from 'node:net';
import test from 'ava';
import { type ApiCluster, type Ask, startApiCluster } from './cluster.ts';

let cluster: ApiCluster;
test.before(async () => {
  cluster = await startApiCluster();
});
test.after.always(async (t) => {
  t.is((await cluster.ask('GET', '/v1/status')).status, 200, 'it still serves');
  t.notRegex(cluster.api.log, /"level":"(error|warn)"/);
  await cluster[Symbol.asyncDispose]();
});

const COMMANDS = '/v1/stations/CP-1/commands';
const reset = { action: 'Reset', payload: { type: 'Soft' } };
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const command = (more: object) => ({ body: { ...reset, ...more } });

interface Case {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly ask?: Ask;
  readonly status?: number;
  /** Where the fault is, or the code of another status. */
  readonly at: string;
}

const CASES: readonly Case[] = [
  { name: 'no body', at: '' },
  {
    name: 'null, where a body may be left out',
    path: '/v1/stations/CP-1/reset',
    ask: { body: 'null' },
    at: '',
  },
  { name: 'half a JSON', ask: { body: '{"action":"very-secret' }, at: '' },
  { name: 'another kind of JSON', ask: { body: '[]' }, at: '' },
  { name: 'an empty object', ask: { body: '{}' }, at: '/action' },
  { name: 'a property that is not known', ask: command({ colour: 1 }), at: '/colour' },
  { name: 'a number as a text', ask: command({ priority: '1' }), at: '/priority' },
  { name: 'a flag as a text', ask: command({ queueable: 'true' }), at: '/queueable' },
  { name: 'half a second', ask: command({ wait: 0.5 }), at: '/wait' },
  { name: 'more than a minute', ask: command({ wait: 61 }), at: '/wait' },
  { name: 'an unknown version', ask: command({ protocol: 'ocpp1.5' }), at: '/protocol' },
  { name: 'a list as payload', ask: command({ payload: [] }), at: '/payload' },
  { name: 'null', ask: command({ payload: null }), at: '/payload' },
  { name: 'a prototype', ask: { body: '{"action":"Reset","payload":{"__proto__":{"a":1}}}' }, at: '' },
  { name: 'deep nesting', ask: { body: `{"action":"Reset","payload":${nested(30_000)}}` }, at: '' },
  {
    name: 'an empty key',
    ask: { ...command({}), headers: { 'Idempotency-Key': '' } },
    at: 'header/Idempotency-Key',
  },
  {
    name: 'a long key',
    ask: { ...command({}), headers: { 'Idempotency-Key': 'k'.repeat(256) } },
    at: 'header/Idempotency-Key',
  },
  {
    name: 'letters beyond ASCII in the key',
    ask: { ...command({}), headers: { 'Idempotency-Key': 'kÿ' } },
    at: 'header/Idempotency-Key',
  },
  { name: 'a query that is not known', path: `${COMMANDS}?dry=1`, ask: command({}), at: 'query/dry' },
  {
    name: 'control characters in an identity',
    path: '/v1/stations/a%00b/commands',
    ask: command({}),
    at: 'path/station',
  },
  {
    name: 'an identity that is too long',
    path: `/v1/stations/${'x'.repeat(256)}/commands`,
    ask: command({}),
    at: 'path/station',
  },
  { name: 'a body that nothing takes', method: 'DELETE', path: '/v1/tokens/A', ask: { body: {} }, at: '' },
  {
    name: 'a status that is none',
    method: 'PUT',
    path: '/v1/tokens/A',
    ask: { body: { status: 'Fine' } },
    at: '/status',
  },
  {
    name: 'a label that is no text',
    method: 'PATCH',
    path: '/v1/register/A',
    ask: { body: { labels: { a: 1 } } },
    at: '/labels/a',
  },
  {
    name: 'an acceptance',
    method: 'PUT',
    path: '/v1/registrations/A',
    ask: { body: { status: 'Accepted' } },
    at: '/status',
  },
  ...['0', '1001', '-1', '1.5', '1e2', '0x10', '', ' 1', '1&limit=2'].map((limit) => ({
    name: `the limit ${limit}`,
    method: 'GET',
    path: `/v1/stations?limit=${limit}`,
    at: 'query/limit',
  })),
  { name: 'a flag that is none', method: 'GET', path: '/v1/stations?connected=yes', at: 'query/connected' },
  { name: 'the name of a prototype', method: 'GET', path: '/v1/stations?__proto__=1', at: 'query/__proto__' },
  ...[
    'stations',
    'sessions',
    'transactions',
    'events',
    'meter-values',
    'tokens',
    'register',
    'dead-letters',
    'audit',
  ].map((list) => ({
    name: `a cursor of ${list} that is none`,
    method: 'GET',
    path: `/v1/${list}?after=%F0%9F%9A%97`,
    at: 'query/after',
  })),
  { name: 'an id that is none', method: 'GET', path: '/v1/dead-letters/first', at: 'path/id' },
  {
    name: 'a long body',
    ask: command({ payload: { a: 'x'.repeat(300_000) } }),
    status: 413,
    at: 'too-large',
  },
  {
    name: 'a form',
    ask: { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    status: 415,
    at: 'unsupported-media-type',
  },
  {
    name: 'a CSV as a command',
    ask: { body: 'a,b', headers: { 'content-type': 'text/csv' } },
    status: 415,
    at: 'unsupported-media-type',
  },
  {
    name: 'JSON as an import',
    path: '/v1/tokens/import',
    ask: { body: {} },
    status: 415,
    at: 'unsupported-media-type',
  },
  {
    name: 'a type that is not served',
    method: 'GET',
    path: '/v1/stations',
    ask: { headers: { accept: 'text/html' } },
    status: 406,
    at: 'not-acceptable',
  },
  { name: 'another method', method: 'PUT', status: 405, at: 'method-not-allowed' },
  { name: 'QUERY without a type', method: 'QUERY', status: 405, at: 'method-not-allowed' },
  {
    name: 'a connector of the whole station',
    path: '/v1/stations/S/start',
    ask: { body: { token: 'A', connector: 0 } },
    at: '/connector',
  },
  { name: 'OPTIONS', method: 'OPTIONS', status: 405, at: 'method-not-allowed' },
  { name: 'another path', path: '/v1/station', method: 'GET', status: 404, at: 'not-found' },
  { name: 'a path of nothing', path: '/nothing', method: 'GET', status: 404, at: 'not-found' },
];

for (const { name, method = 'POST', path = COMMANDS, ask, status = 400, at } of CASES)
  test(`refused: ${name}`, async (t) => {
    const refused = await cluster.ask(method, path, ask);
    t.is(refused.status, status, refused.text);
    t.is(refused.headers.get('content-type')?.split(';', 1)[0], 'application/problem+json');
    if (status === 400)
      t.true(
        refused.body.errors?.some((fault) => fault.path === at),
        refused.text,
      );
    else t.is(refused.body.code, at);
    t.is(refused.headers.get('access-control-allow-origin'), null);
    t.notRegex(refused.text, /very-secret/);
  });

for (const [name, text, status] of [
  ['no HTTP', 'HELO there\r\n\r\n', 400],
  ['large headers', `GET /v1/status HTTP/1.1\r\nHost: a\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ['a bad percent-encoding', 'GET /v1/stations/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 400],
] as const)
  test(`refused: ${name}`, async (t) => {
    const socket = connect(Number(new URL(cluster.api.apiUrl).port), '127.0.0.1', () => socket.write(text));
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    t.regex(answer, new RegExp(`^HTTP/1.1 ${status} `));
    t.regex(answer, /application\/problem\+json/);
  });

test('HEAD has the headers of GET and no body', async (t) => {
  const { status, text } = await cluster.ask('HEAD', '/v1/stations');
  t.is(status, 200);
  t.is(text, '');
  t.is((await cluster.ask('HEAD', '/v1/events/stream')).status, 405);
});
