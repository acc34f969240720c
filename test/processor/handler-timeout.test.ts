/** A handler that hangs: its place becomes free, and its late result has no effect. */
import test from 'ava';
import type { HandlerResult } from '../../services/csms/handler.ts';
import { HANDLERS } from '../../services/csms/handlers/table.ts';
import { createMemoryBus } from '../../services/transport/memory/bus.ts';
import { Keys } from '../../services/transport/redis/keys.ts';
import { RedisGateway } from '../../services/transport/redis/redis-gateway.ts';
import { RedisTransport } from '../../services/transport/redis/redis-transport.ts';
import type { Gateway, Transport } from '../../services/transport/transport.ts';
import { startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';
import { processorOver, Station } from './session.ts';
import { start16 } from './stations.ts';

interface World extends AsyncDisposable {
  readonly transport: Transport;
  readonly gateway: Gateway;
}

const WORLDS: Readonly<Record<string, () => Promise<World>>> = {
  async memory() {
    const bus = createMemoryBus();
    return { transport: bus.transport, gateway: bus.gateway('proxy'), async [Symbol.asyncDispose]() {} };
  },
  async Redis() {
    const server = await startRedis();
    const redis = { addr: server.addr, db: 0, clientTimeoutMs: 10_000 };
    const keys = new Keys('ocpp');
    const transport = new RedisTransport({ redis, keys, name: 'processor' });
    const gateway = new RedisGateway({ redis, keys, name: 'proxy' });
    return { transport, gateway, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  },
};

/** The real handlers; the first Heartbeat and StartTransaction hang until they are released. */
function hangingOnce() {
  const letGo: (() => void)[] = [];
  const hang = (real: () => Promise<HandlerResult>) => {
    let first = true;
    return async (): Promise<HandlerResult> => {
      if (!first) return real();
      first = false;
      await new Promise<void>((resolve) => letGo.push(resolve));
      const writes = [{ kind: 'set', key: 'station:late', fields: { late: 'yes' } }] as const;
      return { response: {}, writes };
    };
  };
  const actions = {
    ...HANDLERS['ocpp1.6'],
    Heartbeat: hang(async () => ({ response: { currentTime: '2026-11-23T10:00:00Z' } })),
    StartTransaction: hang(async () => ({
      response: { transactionId: 1, idTagInfo: { status: 'Accepted' } },
    })),
  };
  return { letGo, handlers: { ...HANDLERS, 'ocpp1.6': actions } };
}

for (const [name, open] of Object.entries(WORLDS)) {
  test(`over ${name}, a handler that hangs is timed out and has no effect`, async (t) => {
    await using world = await open();
    const { letGo, handlers } = hangingOnce();
    const failures: string[] = [];
    const observer = {
      handled: () => undefined,
      repaired: () => undefined,
      refused: () => undefined,
      swept: () => undefined,
      handedOver: () => undefined,
      handlerFailed: (reason: string) => void failures.push(reason),
    };
    const { transport } = world;
    await using processor = processorOver(transport, handlers, { handlerTimeoutMs: 200, observer });
    await using gateway = world.gateway;
    await Promise.all([processor.start(), gateway.start()]);
    const station = await Station.connect(gateway, 'CP-1', 'ocpp1.6');

    const [type, , code] = await station.call('Heartbeat', {});
    t.deepEqual([type, code], [4, 'InternalError']);
    await station.ask('Heartbeat', {});

    await station.sendCall('StartTransaction', start16);
    await until(() => failures.length === 2 && processor.inFlight() === 0, 'the second time-out');
    t.like(
      await station.ask('StartTransaction', start16),
      { transactionId: 1 },
      'silence, and the repetition is served',
    );
    t.deepEqual(failures, ['timeout', 'timeout']);

    t.is(letGo.length, 2);
    for (const go of letGo) go();
    await station.ask('Authorize', { idTag: 'A' });
    t.is(await transport.state.record('station:late'), undefined);
    await station.close();
  });
}
