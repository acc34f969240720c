/** A real Redis that goes away, is silent, or loses what it knew. */
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import { Keys } from '../../../services/transport/redis/keys.ts';
import { Membership } from '../../../services/transport/redis/lease/membership.ts';
import { register } from '../../../services/transport/redis/lease/register.ts';
import { renew } from '../../../services/transport/redis/lease/renew.ts';
import { cluster, counted, entry, station } from './processes.ts';
import { until } from '../../support/until.ts';

test('Redis dies and comes back with its file: nothing acknowledged is lost, nothing is doubled', async (t) => {
  const { redis, processor, proxy, effects } = await cluster(t, { appendonly: true });
  const gateway = await proxy();
  await processor(async (delivery) => counted(delivery));
  const stations = await Promise.all(Array.from({ length: 20 }, (_, i) => station(gateway, `CP-${i}`)));
  let sent = 0;
  const keep = stations.map(async (one, index) => {
    for (let i = 0; i < 30; i++) {
      const id = `${index}-${i}`;
      sent++;
      await one.call(id);
      await until(() => one.heard.includes(id), `the answer to ${id}`);
    }
  });
  await until(() => sent > 100, 'some traffic');
  await redis.kill();
  t.false(gateway.isHealthy() && (await wait(200), gateway.isHealthy()), 'its health tells');
  await t.throwsAsync(
    gateway.open(
      { stationId: 'late', protocol: 'ocpp1.6', remoteAddress: 'x' },
      { deliver: () => true, revoked() {} },
    ),
    { code: 'store-unavailable' },
  );
  await redis.restart();
  await Promise.all(keep);
  for (const one of stations) t.is(new Set(one.heard).size, one.heard.length, 'each answered once');
  const all = await effects();
  t.is(new Set(all).size, all.length, 'no effect twice');
  t.is(all.length, 600, 'every effect');
});

test('Redis is silent for a while: connections are replaced, nothing is lost, nothing is doubled', async (t) => {
  const { redis, processor, proxy, effects } = await cluster(t, { clientTimeoutMs: 500 });
  const gateway = await proxy();
  await processor(async (delivery) => counted(delivery));
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  await until(() => one.heard.length === 1, 'the answer');
  process.kill(redis.pid, 'SIGSTOP');
  await one.call('b');
  await until(() => !gateway.isHealthy(), 'the silence to be noticed');
  process.kill(redis.pid, 'SIGCONT');
  await until(() => one.heard.length === 2, 'the answer after it');
  await one.call('c');
  await until(() => one.heard.length === 3, 'the next answer');
  t.deepEqual(await effects(), ['a', 'b', 'c']);
});

test('Redis loses everything: proxies and processors register again without a restart', async (t) => {
  const { redis, processor, proxy } = await cluster(t);
  const gateway = await proxy();
  await processor(async (delivery) => counted(delivery));
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  await until(() => one.heard.length === 1, 'the answer');
  await redis.kill();
  await redis.restart();
  await until(() => one.revocations.length === 1, 'the socket to be closed: its session is gone');
  await until(
    () =>
      one.client.start().then(
        () => true,
        () => false,
      ),
    'a new session',
  );
  await one.call('b');
  await until(() => one.heard.length === 2, 'an answer');
  t.deepEqual(one.heard, ['a', 'b']);
});

test('a Redis that lost its last writes strands no entry: the processor registers again', async (t) => {
  const { processor, proxy, look, effects } = await cluster(t);
  const gateway = await proxy();
  await processor(async (delivery) => counted(delivery));
  const one = await station(gateway, 'CP-1');
  for (const id of ['a', 'b', 'c']) {
    await one.call(id);
    await until(() => one.heard.includes(id), `the answer to ${id}`);
  }
  const [pid] = await look.zrange('ocpp:processors', '0', '0');
  // A replica that lagged, or a file that was written once a second: numbers repeat.
  await look.multi().hset(`ocpp:process:${pid}`, 'top', '0').set('ocpp:running', '0').exec();
  await one.call('d');
  await until(() => one.heard.includes('d'), 'the answer after it');
  await until(async () => (await look.exists(`ocpp:processing:${pid}`)) === 0, 'nothing left behind');
  t.deepEqual(await effects(), ['a', 'b', 'c', 'd']);
});

test('an entry that comes right after Redis lost everything is handled, though the processor waited under an id that is gone', async (t) => {
  const { processor, look, effects } = await cluster(t);
  await processor(async (delivery) => counted(delivery));
  const isWaiting = async () => String(await look.client('LIST')).includes('cmd=blmove');
  await until(isWaiting, 'the processor to wait');
  await look
    .multi()
    .flushall()
    .lpush('ocpp:requests', entry('CP-1', 'a', 0, 1).replace('"connection":0,', ''))
    .exec();
  await until(async () => (await effects()).length > 0, 'the effect');
  t.deepEqual(await effects(), ['a']);
  t.deepEqual(await look.keys('ocpp:landing:*'), [], 'nothing left behind');
});

test('an entry that comes after a renewal has found the registration lost is handled, though a wait under the old id takes it', async (t) => {
  const { processor, look, effects } = await cluster(t);
  await processor(async (delivery) => counted(delivery));
  const registered = async () => (await look.exists('ocpp:processors')) === 1;
  // Whether a renewal or the end of a wait is first is chance: about one round in three.
  for (let round = 0; round < 15; round++) {
    await look.flushall();
    await until(registered, 'another registration');
    await look.lpush('ocpp:requests', entry('CP-1', `r${round}`, 0, 1).replace('"connection":0,', ''));
    await until(async () => (await effects()).length > 0, `the effect of round ${round}`, 5000);
    t.deepEqual(await effects(), [`r${round}`]);
  }
});

test('an entry in flight when Redis lost everything does not acknowledge another message in its place', async (t) => {
  const { redis, processor, proxy, effects } = await cluster(t);
  const gateway = await proxy();
  const held = new Map<string, () => void>();
  await processor(async (delivery) => {
    await new Promise<void>((resolve) => held.set(delivery.frame.id, resolve));
    return counted(delivery);
  });
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  await until(() => held.has('a'), 'the first delivery');
  await redis.kill();
  await redis.restart();
  await until(() => one.revocations.length === 1, 'the socket to be closed');
  const started = () =>
    one.client.start().then(
      () => true,
      () => false,
    );
  await until(started, 'a new session');
  // Its delivery tag and its number on the connection are those of the first.
  await one.call('b');
  await until(() => held.has('b'), 'the second delivery');
  held.get('a')?.();
  await wait(300);
  held.get('b')?.();
  await until(() => one.heard.length === 1, 'the answer');
  t.deepEqual([one.heard, await effects()], [['b'], ['b']]);
});

test('a process that registers again does not wait under its old id', async (t) => {
  const { redis, look } = await cluster(t);
  const member = new Membership({
    redis: { addr: redis.addr, db: 0, clientTimeoutMs: 5000 },
    keys: new Keys('ocpp'),
    role: 'processor',
    name: 'p',
    onError: () => undefined,
    onLost: () => undefined,
  });
  t.teardown(() => member.close());
  await member.start();
  const old = member.processId;
  t.true(await member.mayBlock(old));
  // Marked dead between a claim and the wait that follows it, on a new connection.
  await look.hset(`ocpp:process:${old}`, 'state', 'dead');
  await look.client('KILL', 'ID', await member.blocking.client('ID'));
  await until(() => member.blocking.status !== 'ready', 'the connection to break');
  await until(() => member.blocking.status === 'ready', 'the connection');
  t.false(await member.mayBlock(old));
  t.not(member.processId, old);
  t.true(await member.mayBlock(member.processId));
});

test('a lease that ended while Redis was away does not get a process reclaimed; one that stays so does', async (t) => {
  const { redis, look } = await cluster(t, { appendonly: true });
  const leaseMs = 1500;
  const keys = new Keys('ocpp');
  const member = new Membership({
    redis: { addr: redis.addr, db: 0, clientTimeoutMs: 5000 },
    keys,
    role: 'processor',
    name: 'p',
    leaseMs,
    onError: () => undefined,
    onLost: () => undefined,
  });
  t.teardown(() => member.close());
  await member.start();
  const other = { role: 'proxy', processId: 'x', leaseMs, clientIds: [] } as const;
  t.is((await register(member.commands, keys, other)).kind, 'registered');
  await redis.kill();
  await wait(leaseMs);
  await redis.restart();
  for (let renewals = 0, lease = ''; renewals < 3; await wait(10)) {
    const found = (await look.zscore('ocpp:processors', member.processId)) ?? '';
    if (found !== lease) [lease, renewals] = [found, renewals + 1];
  }
  t.true(await renew(member.commands, keys, other), 'it had no chance to renew');
  await until(async () => (await look.exists('ocpp:process:x')) === 0, 'it to be reclaimed');
});

test('a Redis that is full loses nothing that was acknowledged, and drains and heals by itself', async (t) => {
  const { processor, proxy, look, errors } = await cluster(t, { args: ['--maxmemory', '12mb'] });
  const gateway = await proxy();
  const padding = 'x'.repeat(4096);
  const acknowledged = new Set<string>();
  const [STATIONS, EACH] = [5, 800];
  const sending: Promise<void>[] = [];
  for (let station = 0; station < STATIONS; station++) {
    const session = { stationId: `CP-${station}`, protocol: 'ocpp1.6', remoteAddress: 'x' } as const;
    const connection = await gateway.open(session, { deliver: () => true, revoked() {} });
    for (let sequence = 1; sequence <= EACH; sequence++) {
      const id = `${station}-${sequence}`;
      const payload = { padding };
      const frame = { type: 2, id, action: 'DataTransfer', payload } as const;
      const text = JSON.stringify([2, id, 'DataTransfer', payload]);
      const stored = connection.forward({ frame, text, receivedAt: Date.now(), sequence });
      sending.push(stored.then(() => void acknowledged.add(id)));
    }
  }
  await until(() => errors.some(({ message }) => message.includes('OOM')), 'Redis to refuse');
  await until(() => gateway.isFull(), 'the gateway to see it');
  t.true(((await gateway.load()).memoryShare ?? 0) > 0.85);
  const earlier = [...acknowledged];
  t.true(earlier.length > 100 && earlier.length < STATIONS * EACH, `${earlier.length} acknowledged`);
  t.true(gateway.isHealthy(), 'sockets stay');

  await processor(async ({ frame }) => {
    const write = { kind: 'append', key: 'effects', fields: { id: frame.id }, maxLength: 10_000 } as const;
    return { answer: { kind: 'result', payload: {} }, writes: [write], events: [] };
  });
  await Promise.all(sending);
  await until(async () => (await look.xlen('ocpp:effects')) >= STATIONS * EACH, 'all effects');
  const effects = (await look.xrange('ocpp:effects', '-', '+')).map(([, fields]) => fields[1] ?? '');
  t.is(new Set(effects).size, effects.length, 'none twice');
  for (const id of earlier) t.true(effects.includes(id), id);
  await until(() => !gateway.isFull(), 'the gateway to see that there is room');
  t.is(await look.llen('ocpp:requests'), 0);
});

test('while Redis stays full, what is queued is taken and answered all the same', async (t) => {
  const { processor, proxy, look } = await cluster(t);
  const gateway = await proxy();
  await processor(async () => ({ answer: { kind: 'result', payload: {} }, writes: [], events: [] }));
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  await until(() => one.heard.length === 1, 'the answer');
  await look.config('SET', 'maxmemory', '1mb');
  // Longer than a wait for entries: from now on Redis refuses the blocking commands.
  await wait(1500);
  const [epoch, push] = [
    Number(await look.hget('ocpp:session:CP-1', 'connection')),
    'redis.call("LPUSH", KEYS[1], ARGV[1])',
  ];
  for (const [index, id] of ['b', 'c'].entries()) {
    const late = entry('CP-1', id, epoch, index + 2).replace('other-proxy', gateway.id);
    await look.eval(`#!lua flags=allow-oom\n${push}`, 1, 'ocpp:requests', late);
    await until(
      async () => (await look.hget('ocpp:session:CP-1', 'sequence')) === `${index + 2}`,
      'it to be handled',
    );
    await until(async () => (await look.exists(`ocpp:outbox:${gateway.id}`)) === 0, 'its answer to be taken');
  }
  await t.throwsAsync(look.set('x', 'y'), { message: /OOM/ }, 'it is full still');
  await look.config('SET', 'maxmemory', '0');
  await one.call('d');
  await until(async () => (await look.llen('ocpp:requests')) === 0, 'the queue to go on');
});
