/** Refused handshakes from the socket to the record in Redis: what a proxy writes, how often, and what never gets there. */
import test from 'ava';
import { connect } from '../../services/client/connect.ts';
import type { NotedRefusal } from '../../services/transport/watch/refused-handshakes.ts';
import { type Refused, RefusedHandshakes } from '../../services/ws-proxy/refused-handshakes.ts';
import { until } from '../support/until.ts';
import { basic, hasher, knock, openDoor, statusOf } from './access/door.ts';
import { RawStation } from './raw-station.ts';

const refused = (identity: string, more: Partial<Refused> = {}): Refused => ({
  identity,
  code: 'password',
  status: 401,
  reason: 'r'.repeat(1000),
  advice: 'a',
  remoteAddress: '192.0.2.1',
  ...more,
});

test('refusals of a real proxy are in the record, without queries and credentials', async (t) => {
  await using door = await openDoor();
  const port = door.ports.get(1);
  await using client = await connect({ addr: door.redis.addr, db: 0, clientTimeoutMs: 2000 });
  await door.register('CP-1', { password: hasher.hash('CP-1', 'correct-password-1') });
  const get = (path: string, ...headers: readonly string[]) =>
    RawStation.open(port ?? 0, path, ['Sec-WebSocket-Protocol: ocpp1.6', ...headers]);
  await knock(port, 'CP-1', basic('CP-1', 'secret-of-mine'));
  await knock(port, 'CP-1', basic('CP-1', 'secret-of-mine'));
  await knock(port, 'stranger', basic('stranger', 'secret-of-mine'));
  await get('/elsewhere/CP-2?token=secret-of-mine');
  await get('/ocpp/CP-3?password=secret-of-mine', basic('CP-4', 'secret-of-mine'));
  await until(async () => (await client.refusals()).length === 4, 'four');
  const found = new Map((await client.refusals()).map((one) => [one.identity, one]));
  t.like(found.get('CP-1'), {
    known: true,
    code: 'password',
    status: 401,
    count: 2,
    reason: 'the password is wrong',
  });
  t.regex(found.get('CP-1')?.advice ?? '', /configure the stored password/);
  t.regex(found.get('CP-1')?.remoteAddress ?? '', /127\.0\.0\.1/);
  t.is(found.get('CP-1')?.listener, String(port));
  t.like(found.get('stranger'), { known: false, code: 'unknown-station', count: 1 });
  t.like(found.get('CP-2'), { known: false, code: 'path', status: 404 });
  t.like(found.get('CP-3'), { known: false, status: 401 });
  const stored = JSON.stringify([
    await door.commands.hgetall('ocpp:refused'),
    await door.commands.zrange('ocpp:refused-unknown', '0', '-1'),
  ]);
  t.notRegex(stored, /secret-of-mine|token=|password=|Basic/);
});

test('half of a write, and of what an address may have in it, is for stations that had a session', async (t) => {
  const writes: (readonly NotedRefusal[])[] = [];
  using gathered = new RefusedHandshakes((refusals) => writes.push(refusals));
  for (let i = 0; i < 25_000; i++) gathered.opened(`CP-${i}`);
  const shared = { remoteAddress: '198.51.100.1' };
  for (let i = 0; i < 5000; i++) gathered.note(refused(`invented-${i}`, shared));
  for (let i = 0; i < 4000; i++) gathered.note(refused(`far-${i}`, { remoteAddress: `10.0.0.${i % 200}` }));
  gathered.note(refused('CP-0', { remoteAddress: '203.0.113.1' }));
  for (let i = 24_000; i < 24_100; i++) gathered.note(refused(`CP-${i}`, shared));
  for (let i = 24_100; i < 24_200; i++)
    gathered.note(refused(`CP-${i}`, { remoteAddress: `203.0.113.${i % 200}` }));
  await until(() => writes.length === 1, 'the write');
  const count = (start: string, address?: string) =>
    writes[0]?.filter(
      ({ identity, remoteAddress }) =>
        identity.startsWith(start) && (address === undefined || remoteAddress === address),
    ).length;
  t.deepEqual(
    [count('invented-'), count('far-'), count('CP-', shared.remoteAddress), count('CP-')],
    [10, 40, 10, 50],
  );
  t.is(count('CP-0'), 0, 'a session long ago');
});

test('a session that begins makes room for its station', async (t) => {
  await using door = await openDoor();
  const port = door.ports.get(1);
  await using client = await connect({ addr: door.redis.addr, db: 0, clientTimeoutMs: 2000 });
  await door.register('CP-1', { password: hasher.hash('CP-1', 'correct-password-1') });
  t.is(await statusOf(port, 'CP-1', basic('CP-1', 'correct-password-1')), 101);
  for (let i = 0; i < 40; i++)
    await knock(port, `stranger-${i % 20}`, basic(`stranger-${i % 20}`, 'secret-of-mine'));
  await knock(port, 'CP-1', basic('CP-1', 'wrong'));
  await until(
    async () => (await client.refusals()).some(({ identity }) => identity === 'CP-1'),
    'the station',
  );
});

test('one write a second has a bounded number, of one address a part of it', async (t) => {
  const writes: (readonly NotedRefusal[])[] = [];
  using gathered = new RefusedHandshakes((refusals) => writes.push(refusals));
  const begun = performance.now();
  for (let i = 0; i < 5000; i++) gathered.note(refused(`one-${i}`, { remoteAddress: '2001:db8::1' }));
  gathered.note(refused('same net', { remoteAddress: '2001:db8::ffff' }));
  for (let i = 0; i < 3; i++) gathered.note(refused('CP-1'));
  gathered.note(refused('CP-1', { code: 'no-credentials' }));
  for (let i = 0; i < 5000; i++)
    gathered.note(refused(`many-${i}`, { remoteAddress: `10.0.${i >> 8}.${i & 255}` }));
  await until(() => writes.length === 1, 'the write');
  t.true(performance.now() - begun > 900);
  const [first = []] = writes;
  t.is(first.length, 50);
  t.is(first.filter(({ identity }) => identity.startsWith('one-')).length, 10);
  t.false(first.some(({ identity }) => identity === 'same net'));
  t.deepEqual(
    first.filter(({ identity }) => identity === 'CP-1').map(({ code, count }) => [code, count]),
    [
      ['password', 3],
      ['no-credentials', 1],
    ],
  );
  t.is(first[0]?.reason.length, 300);
  gathered.note(refused('same net'));
  await until(() => writes.length === 2, 'the next write');
  t.deepEqual(
    writes[1]?.map(({ count }) => count),
    [1],
    'counted from the last write',
  );
});

test('of the subprotocols that a client offers, only versions of OCPP are kept', async (t) => {
  const writes: (readonly NotedRefusal[])[] = [];
  using gathered = new RefusedHandshakes((refusals) => writes.push(refusals));
  const code = 'unknown-subprotocol';
  gathered.note(refused('A', { code, reason: 'no common subprotocol: ocpp1.5, bearer.secret' }));
  gathered.note(refused('B', { code, reason: 'no common subprotocol: bearer.secret' }));
  await until(() => writes.length === 1, 'the write');
  t.deepEqual(
    writes[0]?.map(({ reason }) => reason),
    ['no common subprotocol: ocpp1.5', 'no common subprotocol: none of OCPP'],
  );
});

test('what concerns every station alike is in the metrics only', async (t) => {
  const writes: (readonly NotedRefusal[])[] = [];
  using gathered = new RefusedHandshakes((refusals) => writes.push(refusals));
  for (const code of ['connect-rate', 'draining', 'store-away', 'sessions'] as const)
    gathered.note(refused('CP-1', { code }));
  gathered.note(refused('CP-1', { code: 'flapping' }));
  await until(() => writes.length === 1, 'the write');
  t.deepEqual(
    writes[0]?.map(({ code }) => code),
    ['flapping'],
  );
});
