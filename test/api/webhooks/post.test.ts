/** One request to a webhook: what each kind of answer means. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { EndpointHealth } from '../../../services/api/webhooks/health.ts';
import { Poster } from '../../../services/api/webhooks/post.ts';
import { SECRET } from './receiver.ts';

/** Answers each connection with these bytes. */
async function sentTo(answer: string, secret = SECRET, needsCa = false) {
  const folder = await mkdtemp(join(tmpdir(), 'post-'));
  await writeFile(join(folder, 'secret'), secret);
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => (answer === '' ? socket.end() : socket.write(answer)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  using poster = new Poster(
    {
      name: 'billing',
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      types: [],
      timeoutSeconds: 5,
      deadLetterAfterSeconds: 60,
      secretFile: join(folder, 'secret'),
      caFile: join(folder, 'none'),
      needsCa,
    },
    { now: Date.now },
  );
  const sent = await poster.post('1-1', '{}');
  server.close();
  await rm(folder, { recursive: true });
  return sent;
}

test('an answer 101 and a connection that closes are failures, and no attempt waits without an end', async (t) => {
  const upgrade = 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
  t.like(await sentTo(upgrade), { kind: 'failed', why: 'status 101' });
  t.like(await sentTo(''), { kind: 'failed' });
});

test('Retry-After is a number of seconds or a date', async (t) => {
  const later = (value: string) => `HTTP/1.1 429 X\r\nRetry-After: ${value}\r\nContent-Length: 0\r\n\r\n`;
  t.like(await sentTo(later('7')), { kind: 'failed', retryAfterMs: 7000 });
  const sent = await sentTo(later(new Date(Date.now() + 20_000).toUTCString()));
  const { retryAfterMs = 0 } = sent as { retryAfterMs?: number };
  t.true(retryAfterMs > 15_000 && retryAfterMs <= 20_000, `${retryAfterMs}`);
  t.like(await sentTo(later('soon')), { kind: 'failed', retryAfterMs: 0 });
});

test('a missing secret is named without the path of its file', async (t) => {
  const sent = await sentTo('', ' ');
  t.like(sent, {
    kind: 'failed',
    why: 'its signing secret is missing or empty: check signingSecret of the webhook',
  });
});

test('requests that were in flight when the endpoint went down do not delay the first probe', (t) => {
  const health = new EndpointHealth(false, () => 1);
  for (const station of ['A', 'B', 'C']) health.failed(station);
  t.true(health.isDown);
  for (let n = 0; n < 29; n++) health.failed(`S-${n}`);
  t.is(health.probePauseMs, 1000);
  for (let n = 0; n < 3; n++) health.failed('A', true);
  t.is(health.probePauseMs, 4000);
});

test('while a configured authority is missing, nothing is sent that others could read', async (t) => {
  const ok = 'HTTP/1.1 204 X\r\n\r\n';
  t.like(await sentTo(ok), { kind: 'delivered' });
  t.like(await sentTo(ok, SECRET, true), {
    kind: 'failed',
    why: 'its authority is missing: check caSecretName of the webhook',
  });
});
