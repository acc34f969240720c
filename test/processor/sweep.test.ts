/** Transactions that were opened and never closed: found, reported, and closed with the known facts. Over memory and Redis. */
import { Redis } from 'ioredis';
import test from 'ava';
import { sweep } from '../../services/csms/transactions/sweeper.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import { Keys } from '../../services/transport/redis/keys.ts';
import { RedisGateway } from '../../services/transport/redis/redis-gateway.ts';
import { RedisTransport } from '../../services/transport/redis/redis-transport.ts';
import type { Gateway, Transport } from '../../services/transport/transport.ts';
import { startRedis } from '../support/redis-server.ts';
import { processorOver, Station } from './session.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

interface World extends AsyncDisposable {
  readonly transport: Transport;
  readonly gateway: Gateway;
  readonly stream: (key: string) => Promise<readonly Readonly<Record<string, string>>[]>;
}

async function inMemory(): Promise<World> {
  const bus = createMemoryBus();
  const processor = processorOver(bus.transport);
  await processor.start();
  return {
    transport: bus.transport,
    gateway: bus.gateway('proxy'),
    stream: async (key) => bus.state.stream(key),
    [Symbol.asyncDispose]: () => processor.stop(),
  };
}

async function overRedis(): Promise<World> {
  const server = await startRedis();
  const redis = { addr: server.addr, db: 0, clientTimeoutMs: 10_000 };
  const keys = new Keys('ocpp');
  const transport = new RedisTransport({ redis, keys, name: 'processor' });
  const gateway = new RedisGateway({ redis, keys, name: 'proxy' });
  const processor = processorOver(transport);
  const look = new Redis(server.port, server.host);
  await Promise.all([processor.start(), gateway.start()]);
  return {
    transport,
    gateway,
    async stream(key) {
      const entries = await look.xrange(`ocpp:${key}`, '-', '+');
      return entries.map(([, texts]) =>
        Object.fromEntries(texts.flatMap((text, i) => (i % 2 === 0 ? [[text, texts[i + 1] ?? '']] : []))),
      );
    },
    async [Symbol.asyncDispose]() {
      look.disconnect();
      await gateway.stop();
      await processor.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

const at = (minute: number) => new Date(Date.UTC(2026, 10, 23, 9, minute)).toISOString();
const start = (connectorId: number) => ({ connectorId, idTag: 'TAG', meterStart: 1000, timestamp: at(0) });
const meter = (connectorId: number, transactionId: unknown, value: number) => ({
  connectorId,
  transactionId,
  meterValue: [{ timestamp: at(30), sampledValue: [{ value: `${value}` }] }],
});

for (const [name, create] of [
  ['memory', inMemory],
  ['Redis', overRedis],
] as const) {
  test(`${name}: a silent transaction is reported once, then closed as abandoned, then corrected by its stop`, async (t) => {
    await using world = await create();
    const { transport, gateway, stream } = world;
    const station = await Station.connect(gateway, 'CP-1', 'ocpp1.6');
    const { transactionId } = await station.ask('StartTransaction', start(1));
    await station.ask('MeterValues', meter(1, transactionId, 1800));
    const gone = await Station.connect(gateway, 'CP-2', 'ocpp1.6');
    await gone.ask('StartTransaction', start(1));
    await gone.close();

    const sweepAfter = (ms: number, abandonAfterMs = 7 * DAY) =>
      sweep({
        transport,
        policy: { reportAfterMs: DAY, abandonAfterMs },
        transactionKeySeconds: 604_800,
        clock: { now: () => Date.now() + ms },
      });
    t.deepEqual(await sweepAfter(HOUR), { open: 2, silent: 0, abandoned: 0 });
    t.deepEqual(await sweepAfter(25 * HOUR), { open: 2, silent: 2, abandoned: 0 });
    t.deepEqual(await sweepAfter(26 * HOUR), { open: 2, silent: 2, abandoned: 0 });
    t.deepEqual(
      (await stream('reports')).map(({ type, stationId }) => `${type} ${stationId}`),
      ['transaction-silent CP-1', 'transaction-silent CP-2'],
    );
    t.deepEqual(await sweepAfter(8 * DAY, 0), { open: 2, silent: 2, abandoned: 0 }, '0: never');

    const both = await Promise.all([sweepAfter(8 * DAY), sweepAfter(8 * DAY)]);
    t.is(both[0].abandoned + both[1].abandoned, 2, 'two processors close each once');
    t.is(await transport.state.size('open-transactions'), 0);
    t.like(await stream('transactions'), [
      {
        kind: 'abandoned',
        stationId: 'CP-1',
        meterStart: '1000',
        meterStop: '1800',
        energy: '800',
        reason: 'silent',
      },
      { kind: 'abandoned', stationId: 'CP-2', meterStart: '1000', reason: 'station-gone' },
    ]);
    t.false('energy' in ((await stream('transactions'))[1] ?? {}), 'no register after the start is known');

    await station.ask('MeterValues', meter(1, transactionId, 1900));
    await station.ask('StopTransaction', { transactionId, meterStop: 2500, timestamp: at(50) });
    await station.ask('StopTransaction', { transactionId, meterStop: 2500, timestamp: at(50) });
    const [first, , corrected, ...more] = await stream('transactions');
    t.like(corrected, { kind: 'correction', supersedes: first?.['billId'], energy: '1500', idTag: 'TAG' });
    t.deepEqual(more, []);
  });
}

test('a transaction with occasional messages is not silent, and a lost record leaves the register', async (t) => {
  await using world = await inMemory();
  const { transport, gateway } = world;
  const station = await Station.connect(gateway, 'CP-1', 'ocpp1.6');
  const { transactionId } = await station.ask('StartTransaction', start(1));
  const key = `transaction:${String(transactionId)}`;
  const opened = Number(await transport.state.field(key, 'openedAt'));
  const heardAt = `${opened + 23 * HOUR}`;
  await transport.state.amend({
    expected: { key, field: 'closed', value: undefined },
    writes: [{ kind: 'set', key, fields: { heardAt } }],
    events: [],
  });
  const policy = { reportAfterMs: DAY, abandonAfterMs: 7 * DAY };
  const options = { transport, policy, transactionKeySeconds: 60, clock: { now: () => opened + 30 * HOUR } };
  t.deepEqual(await sweep(options), { open: 1, silent: 0, abandoned: 0 });
  await transport.state.amend({
    expected: { key, field: 'closed', value: undefined },
    writes: [{ kind: 'delete', key }],
    events: [],
  });
  t.deepEqual(await sweep(options), { open: 0, silent: 0, abandoned: 0 });
  t.is(await transport.state.size('open:CP-1'), 0);
});
