/** The client of webhooks, against real servers: what is an answer, what is an error, and when it stops asking. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import {
  Webhook,
  type WebhookError,
  type WebhookFailure,
  type WebhookOptions,
} from '../../services/runtime/webhook.ts';
import { serverCertificate, testAuthority } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { startWebhook, type WebhookReply } from '../support/webhook-server.ts';

const SECRET = 'secret-of-CP-1';

async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'webhook-'));
  return {
    async put(name: string, text: string) {
      await writeFile(join(path, name), text);
      return join(path, name);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

function webhookFor(url: string, more: Partial<WebhookOptions> = {}) {
  let now = 0;
  const clock = { now: () => now };
  const breaker = { failures: 100, pauseMs: 30_000 };
  const webhook = new Webhook({ url, timeoutMs: 5000, breaker, clock, ...more });
  return Object.assign(webhook, { later: (ms: number) => void (now += ms) });
}

const ANSWERS: readonly (readonly [string, WebhookReply, { status: number; body?: unknown }])[] = [
  ['JSON', { body: { ok: 1 } }, { status: 200, body: { ok: 1 } }],
  ['an empty body', { status: 204, body: '' }, { status: 204 }],
  ['a 404 with JSON', { status: 404, body: { why: 'unknown' } }, { status: 404, body: { why: 'unknown' } }],
  ['a 422 without JSON', { status: 422, body: '<p>no</p>' }, { status: 422 }],
];

for (const [what, reply, expected] of ANSWERS) {
  test(`${what} is an answer`, async (t) => {
    await using server = await startWebhook(() => reply);
    using webhook = webhookFor(server.url);
    const answer = await webhook.post({ identity: 'CP-1' });
    t.is(answer.status, expected.status);
    t.deepEqual(answer.body, expected.body);
    t.deepEqual(server.requests[0]?.body, { identity: 'CP-1' });
  });
}

const FAILURES: readonly (readonly [string, WebhookReply, WebhookFailure, RegExp])[] = [
  ['no answer', undefined, 'timeout', /did not answer within 0.2 s/],
  ['a 500', { status: 500 }, 'unreachable', /answered 500/],
  ['a 429', { status: 429 }, 'unreachable', /answered 429/],
  ['a 401', { status: 401 }, 'refused', /check the token in the token file/],
  ['a 403', { status: 403 }, 'refused', /check the token/],
  [
    'a redirect',
    { status: 307, location: 'http://127.0.0.1:1/' },
    'bad-answer',
    /redirects are not followed/,
  ],
  ['a body that is no JSON', { body: `<p>${SECRET}</p>` }, 'bad-answer', /no JSON/],
  [
    'a body that is too long',
    { body: JSON.stringify(SECRET.repeat(20_000)) },
    'bad-answer',
    /more than 262144 bytes/,
  ],
];

for (const [what, reply, reason, message] of FAILURES) {
  test(`${what} is an error that says what to do, without the content`, async (t) => {
    await using server = await startWebhook(() => reply);
    using webhook = webhookFor(server.url, { timeoutMs: what === 'no answer' ? 200 : 5000 });
    const error = await t.throwsAsync<WebhookError>(webhook.post({ password: SECRET }), { message });
    t.is(error?.reason, reason);
    t.is(server.requests.length, 1);
    t.false(error?.message.includes(SECRET));
  });
}

test('an address where no server listens is unreachable', async (t) => {
  using webhook = webhookFor(`http://user:${SECRET}@127.0.0.1:${await freePort()}/hook?key=${SECRET}`);
  const error = await t.throwsAsync<WebhookError>(webhook.post({}), {
    message: /ECONNREFUSED.*check its URL/,
  });
  t.is(error?.reason, 'unreachable');
  t.false(error?.message.includes(SECRET));
});

test('the token is sent, and read again when its file changes; without its file nothing is sent', async (t) => {
  await using files = await folder();
  await using server = await startWebhook(() => ({}));
  const tokenFile = await files.put('token', 'first\n');
  using webhook = webhookFor(server.url, { tokenFile });
  await webhook.post({});
  t.is(server.requests.at(-1)?.authorization, 'Bearer first');
  await files.put('token', 'second-token\n');
  await until(async () => {
    await webhook.post({});
    return server.requests.at(-1)?.authorization === 'Bearer second-token';
  }, 'the second token');
  const sent = server.requests.length;
  using missing = webhookFor(server.url, { tokenFile: `${tokenFile}-missing` });
  await t.throwsAsync(missing.post({}), { message: /its token file cannot be read/ });
  t.is(server.requests.length, sent);
});

test('a certificate is trusted by the CA file only, and a replaced CA file is used', async (t) => {
  await using files = await folder();
  await using server = await startWebhook(() => ({ body: { ok: 1 } }), await serverCertificate());
  using untrusted = webhookFor(server.url);
  await t.throwsAsync(untrusted.post({}), { message: /set its CA file/ });
  const other = (await testAuthority('another CA')).certificate;
  const caFile = await files.put('ca.crt', other);
  using webhook = webhookFor(server.url, { caFile });
  await t.throwsAsync(webhook.post({}), { message: /set its CA file/ });
  await files.put('ca.crt', `${(await testAuthority()).certificate}\n${other}`);
  await until(() => webhook.post({}), 'trust in the replaced file');
  t.is(server.requests.length, 1);
});

test('a kept connection that the server has closed is no failure', async (t) => {
  await using server = await startWebhook(() => ({}));
  using webhook = webhookFor(server.url);
  for (let round = 0; round < 5; round++) {
    t.is((await webhook.post({ round })).status, 200);
    server.hangUp();
  }
  t.is(server.requests.length, 5);
});

test('after some failures in a row nothing is sent for a while; then one request decides', async (t) => {
  let status = 500;
  await using server = await startWebhook(() => ({ status }));
  using webhook = webhookFor(server.url, { breaker: { failures: 3, pauseMs: 30_000 } });
  const reasons = async (count: number) => {
    const found: string[] = [];
    for (let n = 0; n < count; n++) {
      await webhook.post({}).then(
        () => found.push('answered'),
        (error: WebhookError) => found.push(error.reason),
      );
    }
    return found;
  };
  t.deepEqual(await reasons(4), ['unreachable', 'unreachable', 'unreachable', 'open']);
  t.is(webhook.state, 'open');
  webhook.later(29_999);
  t.deepEqual(await reasons(1), ['open']);
  webhook.later(1);
  t.is(webhook.state, 'half-open');
  t.deepEqual(await reasons(2), ['unreachable', 'open']);
  t.is(server.requests.length, 4);
  webhook.later(30_000);
  status = 200;
  const both = await Promise.allSettled([webhook.post({}), webhook.post({})]);
  t.deepEqual(
    both.map((one) => one.status),
    ['fulfilled', 'rejected'],
    'one request at a time until one succeeds',
  );
  t.is(webhook.state, 'closed');
  status = 401;
  t.deepEqual(
    await reasons(5),
    Array.from({ length: 5 }, () => 'refused'),
  );
  t.is(webhook.state, 'closed', 'requests that it refuses do not close it to others');
});

// Alone: what else runs here takes time from the exchanges.
test.serial(
  'requests that find no turn in time were not sent, and are no failures of the service',
  async (t) => {
    await using server = await startWebhook(async () => {
      await setTimeout(1000);
      return {};
    });
    using webhook = webhookFor(server.url, { timeoutMs: 3000, breaker: { failures: 1, pauseMs: 30_000 } });
    const results = await Promise.allSettled(
      Array.from({ length: 300 }, () => webhook.post({}, { from: 'flood' })),
    );
    const reasons = results.flatMap((one) =>
      one.status === 'rejected' ? [(one.reason as WebhookError).reason] : [],
    );
    t.deepEqual(new Set(reasons), new Set(['busy']));
    t.is(server.requests.length, 300 - reasons.length);
    t.is(webhook.state, 'closed');
  },
);

test('an answer 101 is a failure like any other: its turn is free again', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  using webhook = webhookFor(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const error = await t.throwsAsync<WebhookError>(webhook.post({}), { message: /101/ });
  t.is(error?.reason, 'bad-answer');
});
