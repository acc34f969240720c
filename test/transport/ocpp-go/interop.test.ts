/** Programs of ocpp-go and ours on one real Redis, both ways, against recorded traffic of ocpp-go. */
import { setTimeout as wait } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { GatewayClientTransport } from '../../../services/transport/gateway-client.ts';
import { createGateway, createTransport } from '../../../services/library/transport-factory.ts';
import { ocppGoAnswer, type OcppGoEnvelope, recorded, startOcppGoProcessor } from './ocpp-go.ts';
import { cluster, counted, done, station } from '../redis/processes.ts';
import { until } from '../../support/until.ts';

async function world(t: ExecutionContext, ocppGoInterop = true) {
  const made = await cluster(t);
  const proxy = async () => {
    const redis = { addr: made.redis.addr, db: 0, clientTimeoutMs: 5000 };
    // A long lease: what it refreshes once a lease must not be what heals.
    const config = { kind: 'redis', redis, channelPrefix: 'ocpp', leaseMs: 1500, name: 'proxy' } as const;
    const gateway = createGateway({ ...config, ocppGoInterop });
    gateway.onError((error) => made.errors.push(error));
    t.teardown(() => gateway.stop());
    await gateway.start();
    return gateway;
  };
  return { ...made, proxy };
}

test('a processor of ocpp-go reads what our proxy writes, and its answers and calls reach the stations', async (t) => {
  const { redis, proxy } = await world(t);
  const gateway = await proxy();
  await using ocppGo = await startOcppGoProcessor(redis, ({ payload }) => [3, payload[1], { n: 1.5 }]);
  const client = new GatewayClientTransport({ gateway, stationId: 'CP-001', protocol: 'ocpp1.6' });
  const heard: string[] = [];
  client.onMessage((text) => heard.push(text));
  await client.start();
  for (const id of ['b-1', 'h-1', 'd-1']) {
    await client.write(JSON.stringify([2, id, 'Heartbeat', {}]));
    await until(() => heard.includes(`[3,"${id}",{"n":1.5}]`), `the answer to ${id}`);
  }
  await ocppGo.call('CP-001', [2, '2297544902', 'Reset', { type: 'Soft' }]);
  await until(() => heard.length === 4, 'the call, within two seconds');
  t.is(heard[3], '[2,"2297544902","Reset",{"type":"Soft"}]');
  await client.write('[3,"2297544902",{"status":"Accepted"}]');
  await until(() => ocppGo.taken.length === 4, 'the answer of the station');
  // As a proxy of ocpp-go wrote it, with more fields, which ocpp-go ignores.
  const theirs = recorded('ocpp:requests').find((text) => text.includes('2297544902'));
  const { timestamp: _, ws_server_id: __, ...same } = JSON.parse(theirs ?? '');
  t.like(ocppGo.taken[3], same);
  t.is(ocppGo.taken[3]?.ws_server_id, gateway.id);
});

test('a call that waited for its station leaves once a processor of ocpp-go has answered the station', async (t) => {
  const { redis, proxy, look } = await world(t);
  const gateway = await proxy();
  await using ocppGo = await startOcppGoProcessor(redis, ({ payload }) => [3, payload[1], {}]);
  const own = { addr: redis.addr, db: 0, clientTimeoutMs: 5000 };
  const asking = createTransport({
    kind: 'redis',
    redis: own,
    channelPrefix: 'ocpp',
    leaseMs: 1500,
    name: 'asking',
  });
  t.teardown(() => asking.stop());
  const call = { stationId: 'CP-001', action: 'Reset', payload: { type: 'Soft' }, queueable: true };
  asking.calls.make({ ...call, idempotencyKey: 'w' }).catch(() => undefined);
  await until(async () => (await asking.calls.stateOf('CP-001', 'w'))?.kind === 'queued', 'the call to wait');
  const client = new GatewayClientTransport({ gateway, stationId: 'CP-001', protocol: 'ocpp1.6' });
  const heard: string[] = [];
  client.onMessage((text) => heard.push(text));
  await client.start();
  t.is(await look.hget('ocpp:session:CP-001', 'held'), '1');
  await client.write('[2,"b-1","BootNotification",{}]');
  await until(() => heard.length === 2, 'the answer and the call');
  t.is(ocppGo.taken.length, 1);
  t.true(heard.includes('[3,"b-1",{}]'));
  t.is(await look.hget('ocpp:session:CP-001', 'held'), null);
});

test('our proxy understands every recorded answer and call of a processor of ocpp-go', async (t) => {
  const { proxy, look, errors } = await world(t);
  const gateway = await proxy();
  for (const [stationId, prefix] of [
    ['CP-001', 'ocpp:responses:CP-001'],
    ['CP-002', 'ocpp:responses:CP-002'],
  ] as const) {
    const got: unknown[] = [];
    const sink = { deliver: ({ text }: { text: string }) => got.push(JSON.parse(text)) > 0, revoked() {} };
    await gateway.open({ stationId, protocol: 'ocpp1.6', remoteAddress: 'x' }, sink);
    const entries = recorded(prefix);
    t.true(entries.length > 1);
    await look.lpush(prefix, ...entries);
    await until(() => got.length === entries.length, 'all of them');
    t.deepEqual(
      got,
      entries.map((entry) => JSON.parse(entry).payload),
      'in the order in which they were written',
    );
  }
  t.deepEqual(errors, []);
});

test('garbage in a station’s list is reported and stops nothing; a bare array counts', async (t) => {
  const { proxy, look, errors } = await world(t);
  const one = await station(await proxy(), 'CP-1');
  await look.lpush(
    'ocpp:responses:CP-1',
    'rubbish',
    'null',
    '{"payload":7}',
    '[9,"1"]',
    '[2,"c","Reset",{}]',
  );
  await until(() => one.heard.length === 1, 'the call');
  t.deepEqual(one.heard, ['c']);
  t.is(errors.filter(({ message }) => message.includes('ocpp:responses:CP-1 is unreadable')).length, 4);
});

test('what was written for a station before it connected never reaches it', async (t) => {
  const { proxy, look } = await world(t);
  const gateway = await proxy();
  await look.lpush(
    'ocpp:responses:CP-1',
    ocppGoAnswer('CP-1', [2, 'old', 'RemoteStartTransaction', { idTag: 'A' }]),
  );
  const one = await station(gateway, 'CP-1');
  await look.lpush('ocpp:responses:CP-1', ocppGoAnswer('CP-1', [2, 'new', 'Reset', { type: 'Soft' }]));
  await until(() => one.heard.length === 1, 'the call');
  t.deepEqual(one.heard, ['new']);
});

test('an answer that arrives after the station has moved reaches no other connection', async (t) => {
  const { proxy, look } = await world(t);
  const [here, there] = [await proxy(), await proxy()];
  const before = await station(here, 'CP-1');
  await before.call('a');
  const after = await station(there, 'CP-1');
  await after.call('b');
  await look.lpush(
    'ocpp:responses:CP-1',
    ocppGoAnswer('CP-1', [3, 'a', {}]),
    ocppGoAnswer('CP-1', [3, 'b', {}]),
  );
  await until(() => after.heard.length === 1, 'the answer');
  t.deepEqual([before.heard, after.heard], [[], ['b']]);
});

test('a session that a processor of ocpp-go deletes after a reconnect is written again; no socket is closed', async (t) => {
  const { redis, proxy, look } = await world(t);
  const [here, there] = [await proxy(), await proxy()];
  await using ocppGo = await startOcppGoProcessor(redis, ({ payload }) => [3, payload[1], {}]);
  await station(here, 'CP-1');
  // The disconnect event of the old connection makes ocpp-go delete the session of the new one.
  const one = await station(there, 'CP-1');
  const epoch = await look.get('ocpp:last-epoch:CP-1');
  await look.del('ocpp:session:CP-1');
  await until(async () => (await look.hget('ocpp:session:CP-1', 'connection')) === epoch, 'the session');
  t.like(await look.hgetall('ocpp:session:CP-1'), {
    ws_server_id: there.id,
    protocol: 'ocpp1.6',
    sequence: '0',
  });
  await one.call('a');
  await until(() => one.heard.length === 1, 'an answer');
  await wait(2000);
  t.deepEqual(one.revocations, [], 'more than one lease later it is still connected');
  t.is(ocppGo.taken.length, 1);
  await one.client.stop();
  await until(async () => (await look.exists('ocpp:session:CP-1')) === 0, 'the end');
  await wait(300);
  t.is(await look.exists('ocpp:session:CP-1'), 0, 'what has ended is not healed');
});

test('a CALL that was answered before the session was wiped has no second effect after it', async (t) => {
  const { processor, proxy, look, effects } = await world(t);
  const one = await station(await proxy(), 'CP-1');
  await one.call('a');
  await until(async () => (await look.llen('ocpp:requests')) === 1, 'the entry');
  const [copy = ''] = await look.lrange('ocpp:requests', 0, 0);
  await processor(async (delivery) => counted(delivery));
  await until(() => one.heard.length === 1, 'the answer');
  await look.hdel('ocpp:session:CP-1', 'connection');
  await until(async () => (await look.hexists('ocpp:session:CP-1', 'connection')) === 1, 'the session');
  await look.lpush('ocpp:requests', copy);
  await one.call('b');
  await until(() => one.heard.length === 2, 'the next answer');
  t.deepEqual(await effects(), ['a', 'b']);
});

test('without the switch the lists of ocpp-go are not polled', async (t) => {
  const { proxy, look } = await world(t, false);
  const one = await station(await proxy(), 'CP-1');
  await one.call('a');
  await look.lpush('ocpp:responses:CP-1', ocppGoAnswer('CP-1', [3, 'a', {}]));
  await wait(2500);
  t.deepEqual(one.heard, []);
  t.is(await look.llen('ocpp:responses:CP-1'), 1);
});

test('our processor answers a proxy of ocpp-go as its own processor does, by recorded traffic', async (t) => {
  const { processor, look } = await world(t);
  const parsed = (entry: string) => JSON.parse(entry) as OcppGoEnvelope;
  // The Reset is no answer.
  const theirs = recorded('ocpp:responses')
    .map(parsed)
    .filter((one) => one.message_type !== 2);
  const transport = await processor(async ({ frame }) => {
    const [type, , one, two] = theirs.find((answer) => answer.message_id === frame.id)?.payload ?? [];
    if (type === undefined) return { writes: [], events: [] };
    if (type === 3) return done({ answer: { kind: 'result', payload: one } });
    return done({ answer: { kind: 'error', code: String(one), description: String(two) } });
  });
  await look.lpush('ocpp:requests', ...recorded('ocpp:requests'));
  for (const id of ['CP-001', 'CP-002']) {
    const wanted = theirs.filter((one) => one.charge_point_id === id);
    const entries = async () => (await look.lrange(`ocpp:responses:${id}`, 0, -1)).toReversed().map(parsed);
    await until(async () => (await entries()).length >= wanted.length, 'the answers');
    const left = async () => (await transport.load()).depth + (await transport.load()).inFlight;
    await until(async () => (await left()) === 0, 'the station’s answer to be finished too');
    const untimed = (all: readonly OcppGoEnvelope[]) => all.map((one) => ({ ...one, timestamp: '' }));
    t.deepEqual(untimed(await entries()), untimed(wanted));
    const ttl = await look.ttl(`ocpp:responses:${id}`);
    t.true(ttl > 0 && ttl <= 120);
  }
});
