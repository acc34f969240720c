/**
 * What can go wrong between processes and Redis, on a real Redis: processes that die or are declared dead,
 * scripts that run twice, replies that get lost, a Redis that goes away or loses its data.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { Redis } from 'ioredis';
import { GatewayClientTransport } from '../../services/transport/client-transport.ts';
import { createGateway, createTransport } from '../../services/transport/factory.ts';
import type { Delivery, MessageHandler, Outcome } from '../../services/transport/transport.ts';
import { startRedis } from '../support/redis-server.ts';

const LEASE_MS = 1000;

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await wait(20);
  }
}

const done = (parts: Partial<Outcome> = {}): Outcome => ({
  answer: { kind: 'result', payload: {} },
  writes: [],
  events: [],
  ...parts,
});
const counted = ({ frame }: Delivery): Outcome =>
  done({ writes: [{ kind: 'append', key: 'effects', fields: { id: frame.id }, maxLength: 1000 }] });

/** A Redis, as many proxies and processors as a test wants, and a client to look with. */
async function cluster(
  t: ExecutionContext,
  options: { readonly appendonly?: boolean; readonly clientTimeoutMs?: number } = {},
) {
  const redis = await startRedis(options);
  const config = {
    kind: 'redis',
    redis: { addr: redis.addr, db: 0, clientTimeoutMs: options.clientTimeoutMs ?? 5000 },
    channelPrefix: 'ocpp',
    leaseMs: LEASE_MS,
  } as const;
  const look = new Redis(redis.port, redis.host, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  look.on('error', () => undefined);
  const errors: Error[] = [];
  const stops: (() => Promise<void>)[] = [];
  t.teardown(async () => {
    await Promise.all(stops.map((stop) => stop()));
    look.disconnect();
    await redis[Symbol.asyncDispose]();
  });
  return {
    redis,
    look,
    errors,
    processor: async (handler: MessageHandler) => {
      const transport = createTransport({ ...config, name: 'processor' });
      transport.onMessage(handler);
      transport.onError((error) => errors.push(error));
      stops.push(() => transport.stop());
      await transport.start();
      return transport;
    },
    proxy: async () => {
      const gateway = createGateway({ ...config, name: 'proxy' });
      gateway.onError((error) => errors.push(error));
      stops.push(() => gateway.stop());
      await gateway.start();
      return gateway;
    },
    /** As if the process had been paused past its lease: it is declared dead although it lives. */
    lapse: async (role: 'processors' | 'proxies', pid: string) => {
      await look.multi().hset(`ocpp:process:${pid}`, 'state', 'dead').zadd(`ocpp:${role}`, '1', pid).exec();
    },
    effects: async () => (await look.xrange('ocpp:effects', '-', '+')).map(([, fields]) => fields[1] ?? ''),
  };
}

async function station(gateway: ReturnType<typeof createGateway>, stationId: string) {
  const client = new GatewayClientTransport({ gateway, stationId, protocol: 'ocpp1.6' });
  const heard: string[] = [];
  const told: string[] = [];
  client.onMessage((text) => heard.push((JSON.parse(text) as [number, string])[1]));
  client.onDisconnection((reason) => told.push(reason));
  await client.start();
  return {
    client,
    heard,
    told,
    call: (id: string, action = 'Heartbeat') => client.write(JSON.stringify([2, id, action, {}])),
  };
}

/** An entry as a proxy writes it, for tests that speak to the scripts directly. */
const entry = (stationId: string, id: string, connection: number, sequence: number) =>
  JSON.stringify({
    charge_point_id: stationId,
    message_type: 2,
    message_id: id,
    action: 'Heartbeat',
    payload: [2, id, 'Heartbeat', {}],
    timestamp: new Date().toISOString(),
    ws_server_id: 'somebody',
    connection,
    sequence,
    protocol: 'ocpp1.6',
  });

test('what a processor held when its lease ran out is handled by another, once in effect', async (t) => {
  const { processor, proxy, look, effects, lapse } = await cluster(t);
  const gateway = await proxy();
  let stuck: (() => void) | undefined;
  const counts: number[] = [];
  const handler: MessageHandler = async (delivery) => {
    if (delivery.frame.id === 'a') counts.push(delivery.deliveryCount);
    if (counts.length === 1 && stuck === undefined) {
      await new Promise<void>((resolve) => (stuck = resolve));
    }
    return counted(delivery);
  };
  const first = await processor(handler);
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  await until(() => stuck !== undefined, 'the first processor to have it');
  const [held] = await look.zrange('ocpp:processors', '0', '0');
  await processor(handler);
  await lapse('processors', held ?? '');
  await until(() => one.heard.includes('a'), 'the answer');
  t.deepEqual(counts, [1, 2]);
  stuck?.();
  await one.call('b');
  await until(() => one.heard.length === 2, 'the next answer');
  t.deepEqual(one.heard, ['a', 'b']);
  t.deepEqual(await effects(), ['a', 'b']);
  await until(() => first.isRunning(), 'the first to have registered anew');
  t.is(await look.zcard('ocpp:processors'), 2);
});

test('a proxy whose lease runs out loses its sessions, each with one disconnect event', async (t) => {
  const { processor, proxy, look, lapse } = await cluster(t);
  const transport = await processor(async (delivery) => counted(delivery));
  const watcher = await processor(async (delivery) => counted(delivery));
  const gone: string[] = [];
  const subscriber = look.duplicate();
  subscriber.on('message', (_, text: string) => gone.push(String(JSON.parse(text).charge_point_id)));
  await subscriber.subscribe('ocpp:control:disconnect');
  t.teardown(() => subscriber.disconnect());
  const gateway = await proxy();
  const one = await station(gateway, 'CP-1');
  const two = await station(gateway, 'CP {2}');
  const old = gateway.id;
  await lapse('proxies', old);
  await until(() => one.told.length + two.told.length === 2, 'both sockets to be closed');
  await until(async () => (await transport.connectedClients()).length === 0, 'no session');
  await until(() => gone.length >= 2, 'the disconnect events');
  await until(async () => (await look.keys(`ocpp:*:${old}`)).length === 0, 'its keys to be gone');
  t.deepEqual(gone.sort(), ['CP {2}', 'CP-1']);
  t.not(gateway.id, old);
  // The rescue ends the connections that the old name had, and they may be the new one's too.
  const started = () =>
    one.client.start().then(
      () => true,
      () => false,
    );
  await until(started, 'a new session');
  await one.call('again');
  await until(() => one.heard.length === 1, 'an answer on the new connection');
  t.true(await watcher.isClientConnected('CP-1'));
});

test('a late disconnect of a replaced connection changes nothing', async (t) => {
  const { processor, proxy, look } = await cluster(t);
  const transport = await processor(async (delivery) => counted(delivery));
  const [here, there] = [await proxy(), await proxy()];
  const silent = { deliver: () => true, revoked: () => undefined };
  const session = { stationId: 'CP-1', protocol: 'ocpp1.6', remoteAddress: 'x' } as const;
  const first = await here.open(session, silent);
  const second = await there.open(session, silent);
  t.true(second.epoch > first.epoch);
  await first.close();
  t.true(await transport.isClientConnected('CP-1'));
  t.is(await look.hget('ocpp:session:CP-1', 'ws_server_id'), there.id);
  t.is(await look.hget('ocpp:session:CP-1', 'connection'), String(second.epoch));
  await second.close();
  t.false(await transport.isClientConnected('CP-1'));
  t.true((await look.ttl('ocpp:last-epoch:CP-1')) > 0);
});

test('an entry that stands in the queue twice has one effect and one answer', async (t) => {
  const { processor, proxy, look, effects } = await cluster(t);
  const gateway = await proxy();
  const one = await station(gateway, 'CP-1');
  // No processor yet: the entry of the CALL can be seen and copied, as a repeated LPUSH would.
  await one.call('a');
  await until(async () => (await look.llen('ocpp:requests')) === 1, 'the entry');
  const [raw] = await look.lrange('ocpp:requests', 0, 0);
  await look.lpush('ocpp:requests', raw ?? '');
  await processor(async (delivery) => counted(delivery));
  await until(() => one.heard.length > 0, 'the answer');
  await one.call('b');
  await until(() => one.heard.length > 1, 'the next answer');
  t.deepEqual(one.heard, ['a', 'b']);
  t.deepEqual(await effects(), ['a', 'b']);
});

test('a take whose reply was lost hands the same entries out again, first and alone', async (t) => {
  const { processor, look } = await cluster(t);
  const transport = await processor(async (delivery) => counted(delivery));
  await transport.stop();
  const { openConnection } = await import('../../services/transport/redis/connection.ts');
  const { Keys } = await import('../../services/transport/redis/keys.ts');
  const keys = new Keys('ocpp');
  const settings = { addr: `${look.options.host}:${look.options.port}`, db: 0, clientTimeoutMs: 5000 };
  const commands = openConnection(settings, 'commands', () => undefined);
  t.teardown(() => commands.disconnect());
  await until(() => commands.status === 'ready', 'the connection');
  const take = (seen: number, pid = 'p1') =>
    commands.take(
      keys.process(pid),
      keys.processing(pid),
      keys.landing(pid),
      keys.requests,
      keys.rescued,
      keys.running,
      seen,
      10,
    );
  t.deepEqual(await take(0), ['gone'], 'without a registration');
  await commands.register(keys.process('p1'), keys.members('processor'), 'p1', 60_000, 'new', '');
  await look.lpush(keys.requests, 'one', 'two');
  const first = await take(0);
  t.deepEqual([first[1], first[3]], ['one', 'two']);
  await look.lpush(keys.requests, 'three');
  t.deepEqual(await take(0), first, 'the reply was lost');
  const next = await take(Number(first[2]));
  t.is(next[1], 'three');
  await look.lpush(keys.landing('p1'), 'landed');
  t.is((await take(Number(next[0])))[1], 'landed');
  // Rescued entries come alone, and only into empty hands.
  await look.rpush(keys.rescued, '2\nrescued');
  await look.lpush(keys.requests, 'four');
  t.deepEqual(await take(Number(next[0]) + 1), ['busy']);
  await look.del(keys.processing('p1'));
  t.deepEqual((await take(Number(next[0]) + 1))[1], '2\nrescued');
});

test('what kills its processor again and again becomes a dead letter, and the others flow', async (t) => {
  const { processor, proxy, look, effects, errors } = await cluster(t);
  const gateway = await proxy();
  const counts: number[] = [];
  await processor(async (delivery) => {
    if (delivery.frame.id !== 'poison') return counted(delivery);
    counts.push(delivery.deliveryCount);
    throw new Error('I die of it');
  });
  const bad = await station(gateway, 'bad');
  const good = await station(gateway, 'good');
  await bad.call('poison');
  for (const id of ['a', 'b', 'c']) {
    await good.call(id);
    await until(() => good.heard.includes(id), `the answer to ${id}`);
  }
  await until(async () => (await look.llen('ocpp:dead')) === 1, 'the dead letter');
  t.deepEqual(counts, [1, 2, 3, 4, 5]);
  t.deepEqual(await effects(), ['a', 'b', 'c']);
  t.regex((await look.lindex('ocpp:dead', 0)) ?? '', /"message_id":"poison"/);
  t.true(errors.some((error) => error.message.includes('poison')));
});

test('an unreadable entry becomes a dead letter with the reason', async (t) => {
  const { processor, proxy, look } = await cluster(t);
  const gateway = await proxy();
  await look.lpush('ocpp:requests', 'rubbish', '[2,"1","Heartbeat",{}]', '{"charge_point_id":"X"}');
  await processor(async (delivery) => counted(delivery));
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  await until(() => one.heard.length === 1, 'the answer');
  await until(async () => (await look.llen('ocpp:dead')) === 3, 'three dead letters');
  const letters = await look.lrange('ocpp:dead', 0, -1);
  t.true(letters.some((letter) => letter === 'the entry is not valid JSON\nrubbish'));
  t.true(letters.some((letter) => letter.startsWith('an OCPP-J array without envelope')));
});

test('frames of an epoch that is not the session’s have no effect', async (t) => {
  const { processor, proxy, look, effects } = await cluster(t);
  const gateway = await proxy();
  await station(gateway, 'CP-0');
  const one = await station(gateway, 'CP-1');
  const epoch = Number(await look.hget('ocpp:session:CP-1', 'connection'));
  await look.lpush('ocpp:requests', entry('CP-1', 'old', epoch - 1, 1), entry('nobody', 'x', 1, 1));
  await processor(async (delivery) => counted(delivery));
  await one.call('a');
  await until(() => one.heard.length === 1, 'the answer');
  await until(async () => (await look.llen('ocpp:requests')) === 0, 'an empty queue');
  t.deepEqual(await effects(), ['a']);
});

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

test('Redis is silent for a while: connections are made anew, nothing is lost, nothing is doubled', async (t) => {
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

test('Redis loses everything: proxies and processors start anew without a restart', async (t) => {
  const { redis, processor, proxy } = await cluster(t);
  const gateway = await proxy();
  await processor(async (delivery) => counted(delivery));
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  await until(() => one.heard.length === 1, 'the answer');
  await redis.kill();
  await redis.restart();
  await until(() => one.told.length === 1, 'the socket to be closed: its session is gone');
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

test('after all have gone in good order, every key left has an owner or an expiry', async (t) => {
  const { processor, proxy, look } = await cluster(t);
  const gateway = await proxy();
  const transport = await processor(async (delivery) => done({ businessKey: `k:${delivery.frame.id}` }));
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  await until(() => one.heard.length === 1, 'the answer');
  await one.client.stop();
  await gateway.stop();
  await transport.stop();
  const lasting: string[] = [];
  for (const key of await look.keys('*')) if ((await look.ttl(key)) < 0) lasting.push(key);
  // The two counters are the cluster's own.
  t.deepEqual(lasting.sort(), ['ocpp:epoch', 'ocpp:running']);
});

test('a session whose connect script ran and was never heard of is ended all the same', async (t) => {
  const { redis, look } = await cluster(t);
  const link = await mute(t, redis.port, 'last-epoch:CP-1');
  const gateway = createGateway({
    kind: 'redis',
    redis: { addr: `127.0.0.1:${link.port}`, db: 0, clientTimeoutMs: 5000 },
    channelPrefix: 'ocpp',
    leaseMs: LEASE_MS,
    name: 'proxy',
  });
  gateway.onError(() => undefined);
  t.teardown(() => gateway.stop());
  await gateway.start();
  const session = { stationId: 'CP-1', protocol: 'ocpp1.6', remoteAddress: 'x' } as const;
  const opening = gateway.open(session, { deliver: () => true, revoked() {} });
  await t.throwsAsync(opening, { code: 'store-unavailable' });
  t.is(await look.hget('ocpp:session:CP-1', 'ws_server_id'), gateway.id, 'the script had run');
  link.heal();
  await until(async () => (await look.exists('ocpp:session:CP-1')) === 0, 'the session to be ended');
  t.deepEqual(await look.smembers('ocpp:active'), []);
});

/** A TCP relay to Redis that cuts the connection instead of passing on the reply to what contains `text`. */
async function mute(t: ExecutionContext, port: number, text: string) {
  let broken = true;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1');
    let cut = false;
    for (const socket of [client, target]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [client, target].forEach((one) => one.destroy()));
    }
    client.on('data', (data) => {
      cut ||= broken && data.includes(text);
      target.write(data);
    });
    target.on('data', (data) => (cut ? client.destroy() : client.write(data)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    heal: () => {
      broken = false;
    },
  };
}

test('a Redis that forgot its last moments strands nothing: the processor starts anew', async (t) => {
  const { processor, proxy, look, effects } = await cluster(t);
  const gateway = await proxy();
  await processor(async (delivery) => counted(delivery));
  const one = await station(gateway, 'CP-1');
  for (const id of ['a', 'b', 'c']) {
    await one.call(id);
    await until(() => one.heard.includes(id), `the answer to ${id}`);
  }
  const [pid] = await look.zrange('ocpp:processors', '0', '0');
  // A replica that lagged, or a file that was written once a second: numbers come again.
  await look.multi().hset(`ocpp:process:${pid}`, 'top', '0').set('ocpp:running', '0').exec();
  await one.call('d');
  await until(() => one.heard.includes('d'), 'the answer after it');
  await until(async () => (await look.exists(`ocpp:processing:${pid}`)) === 0, 'nothing left behind');
  t.deepEqual(await effects(), ['a', 'b', 'c', 'd']);
});

test('what was in hand when Redis lost everything does not finish another message in its place', async (t) => {
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
  await until(() => one.told.length === 1, 'the socket to be closed');
  const started = () =>
    one.client.start().then(
      () => true,
      () => false,
    );
  await until(started, 'a new session');
  // Its running number and its number on the connection are those of the first.
  await one.call('b');
  await until(() => held.has('b'), 'the second delivery');
  held.get('a')?.();
  await wait(300);
  held.get('b')?.();
  await until(() => one.heard.length === 1, 'the answer');
  t.deepEqual([one.heard, await effects()], [['b'], ['b']]);
});

test('a process that registers anew does not wait under its old name', async (t) => {
  const { redis, look } = await cluster(t);
  const { Membership } = await import('../../services/transport/redis/membership.ts');
  const { Keys } = await import('../../services/transport/redis/keys.ts');
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
  const old = member.pid;
  t.true(await member.mayBlock(old));
  // Declared dead between a take and the wait that follows it, with the connection made anew.
  await look.hset(`ocpp:process:${old}`, 'state', 'dead');
  await look.client('KILL', 'ID', await member.blocking.client('ID'));
  await until(() => member.blocking.status !== 'ready', 'the connection to break');
  await until(() => member.blocking.status === 'ready', 'the connection');
  t.false(await member.mayBlock(old));
  t.not(member.pid, old);
  t.true(await member.mayBlock(member.pid));
});

test('epochs go on above those given when Redis loses everything', async (t) => {
  const { redis, proxy } = await cluster(t);
  const gateway = await proxy();
  const session = { stationId: 'CP-1', protocol: 'ocpp1.6', remoteAddress: 'x' } as const;
  const silent = { deliver: () => true, revoked: () => undefined };
  await Promise.all(
    Array.from({ length: 50 }, (_, i) => gateway.open({ ...session, stationId: `${i}` }, silent)),
  );
  const before = await gateway.open(session, silent);
  await redis.kill();
  await redis.restart();
  let after = before;
  const opened = () =>
    gateway.open(session, silent).then(
      (connection) => ((after = connection), true),
      () => false,
    );
  await until(opened, 'a session');
  t.true(after.epoch > before.epoch, `${after.epoch} after ${before.epoch}`);
});

test('a lease that ran out while Redis was away is no reason to rescue; one that stays so is', async (t) => {
  const { redis, look } = await cluster(t, { appendonly: true });
  const { Membership } = await import('../../services/transport/redis/membership.ts');
  const { Keys } = await import('../../services/transport/redis/keys.ts');
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
  const other = (verb: string) =>
    member.commands.register(keys.process('x'), keys.members('proxy'), 'x', leaseMs, verb, '');
  t.is(await other('new'), 1);
  await redis.kill();
  await wait(leaseMs);
  await redis.restart();
  for (let renewals = 0, lease = ''; renewals < 3; await wait(10)) {
    const found = (await look.zscore('ocpp:processors', member.pid)) ?? '';
    if (found !== lease) [lease, renewals] = [found, renewals + 1];
  }
  t.is(await other('renew'), 1, 'it had no chance to renew');
  await until(async () => (await look.exists('ocpp:process:x')) === 0, 'it to be rescued');
});

test('an outcome that cannot be stored has no effect at all: it is a dead letter, and the others flow', async (t) => {
  const { processor, proxy, look, effects, errors } = await cluster(t);
  const gateway = await proxy();
  await look.set('ocpp:wrong', 'no stream');
  const bad = await station(gateway, 'bad');
  const long = await station(gateway, 'long');
  const good = await station(gateway, 'good');
  await bad.call('refused');
  await long.call('too long');
  await good.call('a');
  await until(async () => (await look.llen('ocpp:requests')) === 3, 'all in one take');
  const fields = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, 'x']));
  await processor(async (delivery) => {
    const half = { kind: 'set', key: 'half', fields: { id: 'x' } } as const;
    switch (delivery.frame.id) {
      case 'refused':
        return done({ writes: [half, { kind: 'append', key: 'wrong', fields: { id: 'x' }, maxLength: 10 }] });
      case 'too long':
        return done({ writes: [half, { kind: 'set', key: 'long', fields }] });
      default:
        return counted(delivery);
    }
  });
  await until(() => good.heard.includes('a'), 'the answer to the other');
  await until(async () => (await look.llen('ocpp:dead')) === 2, 'two dead letters');
  t.deepEqual(await effects(), ['a']);
  t.is(await look.exists('ocpp:half'), 0);
  const letters = (await look.lrange('ocpp:dead', 0, -1)).join();
  t.regex(letters, /ocpp:wrong is a string, not a stream\n.*"refused"/);
  t.regex(letters, /too many fields for ocpp:long\n.*"too long"/);
  await until(() => errors.filter(({ message }) => message.includes('ocpp:dead')).length === 2, 'both told');
});

test('a processor that leaves in good order counts no delivery', async (t) => {
  const { processor, proxy, look } = await cluster(t);
  const gateway = await proxy();
  const one = await station(gateway, 'CP-1');
  await one.call('a');
  for (let round = 0; round < 6; round++) {
    let has = false;
    const leaving = await processor(async () => {
      has = true;
      return new Promise<Outcome>(() => undefined);
    });
    await until(() => has, 'the delivery');
    await leaving.stop(0);
  }
  t.is(await look.llen('ocpp:dead'), 0);
  const counts: number[] = [];
  await processor(async (delivery) => {
    counts.push(delivery.deliveryCount);
    return counted(delivery);
  });
  await until(() => one.heard.includes('a'), 'the answer');
  t.deepEqual(counts, [1]);
});
