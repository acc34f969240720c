/** Processors on a real Redis: whole days, ids across replicas and restarts, and shutdown. */
import { Redis } from 'ioredis';
import test from 'ava';
import { HANDLERS } from '../../services/csms/handlers/table.ts';
import type { HandlerTable } from '../../services/csms/handler.ts';
import { Keys } from '../../services/transport/redis/keys.ts';
import { RedisGateway } from '../../services/transport/redis/redis-gateway.ts';
import { RedisTransport } from '../../services/transport/redis/redis-transport.ts';
import { createDeadLetters } from '../../services/library/transport-factory.ts';
import { METRIC } from '../../services/contract.ts';
import { startProgram } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { PROTOCOLS } from '../../services/ocpp/frame.ts';
import { SAMPLES, STREAM_SEND } from './station-messages.ts';
import { BILLED, day16, day2, processorOver, Station, withoutId } from './session.ts';

async function world(appendonly = false) {
  const server = await startRedis({ appendonly });
  const redis = { addr: server.addr, db: 0, clientTimeoutMs: 10_000 };
  const keys = new Keys('ocpp');
  const look = new Redis(server.port, server.host);
  // It reconnects by itself while a test keeps its server down.
  look.on('error', () => undefined);
  return {
    server,
    look,
    transport: (name: string) => new RedisTransport({ redis, keys, name }),
    gateway: () => new RedisGateway({ redis, keys, name: 'proxy' }),
    stream: async (key: string) => (await look.xrange(key, '-', '+')).map(([, texts]) => fieldsOf(texts)),
    async [Symbol.asyncDispose]() {
      look.disconnect();
      await server[Symbol.asyncDispose]();
    },
  };
}

function fieldsOf(texts: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let i = 0; i < texts.length; i += 2) fields[texts[i] ?? ''] = texts[i + 1] ?? '';
  return fields;
}

/** Messages with a time of their own: a duplicate emits no second event. */
const DATED = new Set(['device-event', 'security-event', 'settlement', 'der-alarm', 'der-control']);

const start = (n: number) => ({
  connectorId: 1,
  idTag: 'ABC123',
  meterStart: n,
  timestamp: '2026-11-23T09:00:00Z',
});

test('a day in each version over a real Redis: one billed transaction each, nothing left open', async (t) => {
  await using redis = await world();
  await using processor = processorOver(redis.transport('processor'));
  await using gateway = redis.gateway();
  await Promise.all([processor.start(), gateway.start()]);
  const id = await day16(gateway, 'CP:16{x}');
  await day2(gateway, 'CP-201', 'ocpp2.0.1');
  await day2(gateway, 'CP-21', 'ocpp2.1');

  const with2 = { transactionId: 'tx-1', evseId: '1' };
  t.deepEqual((await redis.stream('ocpp:transactions')).map(withoutId), [
    { ...BILLED, stationId: 'CP:16{x}', protocol: 'ocpp1.6', transactionId: `${id}` },
    { ...BILLED, ...with2, stationId: 'CP-201', protocol: 'ocpp2.0.1' },
    { ...BILLED, ...with2, stationId: 'CP-21', protocol: 'ocpp2.1' },
  ]);
  t.like(await redis.look.hgetall('ocpp:station:CP:16%7Bx%7D'), { boot: 'Accepted', vendor: 'Acme' });
  const left = (await redis.look.keys('ocpp:transaction:*')).sort();
  const marks = [`ocpp:transaction:${id}`, 'ocpp:transaction:CP-201:tx-1', 'ocpp:transaction:CP-21:tx-1'];
  t.deepEqual(left, marks.sort());
  for (const key of left) {
    t.is(await redis.look.hget(key, 'closed'), BILLED.stoppedAt);
    t.true((await redis.look.ttl(key)) > 604_000, 'the mark of a closed transaction expires');
  }
  t.deepEqual(await redis.look.keys('ocpp:open*'), [], 'no register names it any more');
  t.deepEqual(
    (await redis.stream('ocpp:events')).filter(({ type }) => type === 'transaction-stopped').length,
    3,
  );
});

test('every message of a station is answered, and has its effect once, however often it is sent', async (t) => {
  await using redis = await world();
  await using processor = processorOver(redis.transport('processor'));
  await using gateway = redis.gateway();
  await Promise.all([processor.start(), gateway.start()]);
  for (const protocol of PROTOCOLS) {
    const samples = SAMPLES.filter(([version]) => version === protocol);
    const everything = async () => {
      const station = await Station.connect(gateway, protocol, protocol);
      for (const [, action, request] of samples) await station.ask(action, request);
      if (protocol === 'ocpp2.1') await station.send('NotifyPeriodicEventStream', STREAM_SEND);
      await station.ask('Heartbeat', {});
      await station.close();
    };
    await everything();
    const effects = async () => {
      const settled = await redis.look.xlen('ocpp:settlements');
      const values = await redis.look.xlen('ocpp:meter-values');
      const events = (await redis.stream('ocpp:events')).filter(({ type }) => DATED.has(type ?? '')).length;
      return { settled, values, events };
    };
    const before = await effects();
    t.true(before.values > 0 && before.events > 0);
    await everything();
    t.deepEqual(await effects(), before, protocol);
  }
  t.is(await redis.look.xlen('ocpp:settlements'), 1);
  t.is(await redis.look.hget('ocpp:event-stream:ocpp2.1:3', 'lastValue'), '2');
  t.like(await redis.look.hgetall('ocpp:report:ocpp2.0.1:NotifyReport:4'), { parts: '1' });
  t.is(await redis.look.xlen('ocpp:dead-letters'), 0);
});

test('a change of the tokens hash takes effect without a restart', async (t) => {
  await using redis = await world();
  await using processor = processorOver(redis.transport('processor'));
  await using gateway = redis.gateway();
  await Promise.all([processor.start(), gateway.start()]);
  const station = await Station.connect(gateway, 'CP-1', 'ocpp1.6');
  t.deepEqual(await station.ask('Authorize', { idTag: 'abc' }), { idTagInfo: { status: 'Accepted' } });
  await redis.look.hset('ocpp:tokens', 'ABC', JSON.stringify({ status: 'Blocked', parent: 'FLEET' }));
  const blocked = { status: 'Blocked', parentIdTag: 'FLEET' };
  t.deepEqual(await station.ask('Authorize', { idTag: 'abc' }), { idTagInfo: blocked });
  const started = await station.ask('StartTransaction', { ...start(1), idTag: 'abc' });
  t.deepEqual(started['idTagInfo'], blocked);
  t.like(await redis.look.hgetall(`ocpp:transaction:${String(started['transactionId'])}`), {
    authorization: 'Blocked',
    idTag: 'abc',
  });
  await station.close();
});

test('a Pending station boots until it is accepted; its transactions are accepted meanwhile', async (t) => {
  await using redis = await world();
  await using processor = processorOver(redis.transport('processor'));
  await using gateway = redis.gateway();
  await Promise.all([processor.start(), gateway.start()]);
  await redis.look.hset('ocpp:registrations', 'CP:1', 'Pending');
  const station = await Station.connect(gateway, 'CP:1', 'ocpp1.6');
  const boot = () => station.ask('BootNotification', { chargePointVendor: 'Acme', chargePointModel: 'AC-1' });
  t.like(await boot(), { status: 'Pending', interval: 300 });
  t.like(await station.call('Heartbeat', {}), { 0: 4, 2: 'SecurityError' });
  t.is(typeof (await station.ask('StartTransaction', start(1)))['transactionId'], 'number');
  await redis.look.hdel('ocpp:registrations', 'CP:1');
  t.like(await boot(), { status: 'Accepted' });
  await station.close();
});

test('transaction ids are unique over two processors, their restart and a restart of Redis', async (t) => {
  await using redis = await world(true);
  await using gateway = redis.gateway();
  await gateway.start();
  const ids: number[] = [];
  const charge = async (round: number) => {
    await using one = processorOver(redis.transport('one'));
    await using two = processorOver(redis.transport('two'));
    await Promise.all([one.start(), two.start()]);
    await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const station = await Station.connect(gateway, `CP-${n}`, 'ocpp1.6');
        for (let i = 0; i < 8; i += 1) {
          ids.push(Number((await station.ask('StartTransaction', start(round * 100 + i)))['transactionId']));
        }
        await station.close();
      }),
    );
  };
  await charge(1);
  await charge(2);
  await redis.server.kill();
  await redis.server.restart();
  while (!gateway.isHealthy()) await new Promise((resolve) => setTimeout(resolve, 10));
  await charge(3);
  t.is(ids.length, 480);
  t.is(new Set(ids).size, 480);
  t.true(ids.every((id) => Number.isInteger(id) && id > 0 && id < 2 ** 31));
});

test('a stopping processor requeues unfinished deliveries, and another one answers them', async (t) => {
  await using redis = await world();
  await using gateway = redis.gateway();
  const hanging: HandlerTable = {
    ...HANDLERS,
    'ocpp1.6': { ...HANDLERS['ocpp1.6'], StartTransaction: () => new Promise(() => undefined) },
  };
  const first = processorOver(redis.transport('first'), hanging);
  await Promise.all([first.start(), gateway.start()]);
  const station = await Station.connect(gateway, 'CP-1', 'ocpp1.6');
  await station.ask('Heartbeat', {});
  const asked = station.ask('StartTransaction', start(1));
  while (first.inFlight() === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await first.stop(100);
  t.is((await redis.look.keys('ocpp:processing:*')).length, 0, 'nothing stays in the hands of the gone');

  await using second = processorOver(redis.transport('second'));
  await second.start();
  t.is(typeof (await asked)['transactionId'], 'number');
  await station.close();
});

test('processors wait for a restarting Redis and continue', async (t) => {
  await using redis = await world(true);
  await using processor = processorOver(redis.transport('processor'));
  await using gateway = redis.gateway();
  await Promise.all([processor.start(), gateway.start()]);
  const station = await Station.connect(gateway, 'CP-1', 'ocpp1.6');
  const before = await station.ask('StartTransaction', start(1));
  await redis.server.kill();
  await redis.server.restart();
  const stop = {
    transactionId: before['transactionId'],
    meterStop: 9,
    timestamp: '2026-11-23T10:00:00Z',
  };
  await station.ask('StopTransaction', stop);
  t.like((await redis.stream('ocpp:transactions'))[0], {
    stationId: 'CP-1',
    meterStart: '1',
    meterStop: '9',
  });
  await station.close();
});

test('the program is ready while Redis responds, removes its queue metrics while not, and exits with status 0', async (t) => {
  await using redis = await world(true);
  await using program = await startProgram('processor', { REDIS_ADDR: redis.server.addr });
  const becomes = async (status: number) => {
    for (;;) {
      const answer = await program.ask('/readyz');
      if (answer.status === status) return answer.text;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const hasFigures = async () => {
    const { text } = await program.ask('/metrics');
    return [METRIC.queueDepth, METRIC.deadLetters, METRIC.openCalls].every((name) =>
      text.includes(`\n${name} `),
    );
  };
  t.true(await hasFigures());
  await redis.server.kill();
  t.regex(await becomes(503), /cannot be read from the store/);
  t.false(await hasFigures());
  await redis.server.restart();
  await becomes(200);
  t.true(await hasFigures());
  t.is(await program.kill('SIGTERM'), 0);
  t.is((await redis.look.keys('ocpp:process:*')).length, 0, 'its registration is gone');
});

test('a stop whose handler fails becomes a dead letter; a repeat and a replay bill it once', async (t) => {
  await using redis = await world();
  await using gateway = redis.gateway();
  const broken: HandlerTable = {
    ...HANDLERS,
    'ocpp1.6': {
      ...HANDLERS['ocpp1.6'],
      StopTransaction: async () => {
        throw new Error('a bug');
      },
    },
  };
  const first = processorOver(redis.transport('first'), broken);
  await Promise.all([first.start(), gateway.start()]);
  const station = await Station.connect(gateway, 'CP-1', 'ocpp1.6');
  const { transactionId } = await station.ask('StartTransaction', start(1));
  const stop = { transactionId, meterStop: 2750, timestamp: '2026-11-23T10:00:00Z' };
  await station.sendCall('StopTransaction', stop);
  await station.sendCall('StopTransaction', stop);
  await station.ask('Heartbeat', {});
  const { addr } = redis.server;
  const config = { redis: { addr, db: 0, clientTimeoutMs: 10_000 }, channelPrefix: 'ocpp' };
  await using letters = await createDeadLetters(config);
  const all = await letters.list(10);
  t.deepEqual(
    all.map(({ reason }) => reason),
    ['its handler failed: a bug', 'its handler failed: a bug'],
  );
  await first.stop();

  await using second = processorOver(redis.transport('second'));
  await second.start();
  for (const { id } of all) await letters.replay(id);
  while ((await redis.stream('ocpp:transactions')).length === 0 || second.inFlight() > 0)
    await new Promise((resolve) => setTimeout(resolve, 10));
  await station.ask('StopTransaction', stop);
  t.deepEqual(
    await redis.stream('ocpp:transactions').then((closed) => closed.map((one) => one['meterStop'])),
    ['2750'],
  );
  t.is(await letters.count(), 0);
  await station.close();
});
