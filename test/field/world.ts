/**
 * Where cases run: the real proxy and processor, joined by memory as in the monolith, or by a real Redis. A world serves all cases
 * with the same settings; a case that moves the clock or reads the log has one of its own.
 */
import { Redis } from 'ioredis';
import { BUILT_IN } from '../../services/library/profile.ts';
import { newDispatcher, newServerWithTransport } from '../../services/library/server.ts';
import { handlerSettings } from '../../services/processor/config.ts';
import { DEFAULT_SETTINGS, type HandlerSettings, type Validation } from '../../services/csms/handler.ts';
import { sweep } from '../../services/csms/transactions/sweeper.ts';
import type { Clock } from '../../services/runtime/clock.ts';
import { createLog } from '../../services/runtime/log.ts';
import { createMemoryBus, type MemoryBus } from '../../services/transport/memory/bus.ts';
import { MemoryServerState } from '../../services/transport/pending-requests.ts';
import { Keys } from '../../services/transport/redis/keys.ts';
import { RedisGateway } from '../../services/transport/redis/redis-gateway.ts';
import { RedisTransport } from '../../services/transport/redis/redis-transport.ts';
import type { Gateway, Transport } from '../../services/transport/transport.ts';
import { proxySettings, type ProxySettings } from '../../services/ws-proxy/config.ts';
import { Proxy } from '../../services/ws-proxy/proxy.ts';
import { type Line, memoryLog } from '../support/memory-log.ts';
import type { RedisServer } from '../support/redis-server.ts';

export type Entry = Readonly<Record<string, string>>;

/** The stored state, by keys relative to the prefix. */
export interface Store {
  stream(key: string): Promise<readonly Entry[]>;
  record(key: string): Promise<Entry | undefined>;
  /** undefined removes the field. */
  setField(key: string, field: string, value: string | undefined): Promise<void>;
}

export interface World extends AsyncDisposable {
  /** host:port of the proxy. */
  readonly address: string;
  readonly store: Store;
  /** Undefined if the CSMS cannot be reached. */
  readonly transport: Transport | undefined;
  readonly log: readonly Line[];
  readonly clock: Clock;
  advance(ms: number): void;
  sweep(): Promise<void>;
}

export interface WorldOptions {
  readonly validation: Validation;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The default: a transaction is reported after a day of silence, and closed after seven. */
const POLICY = {
  reportAfterMs: handlerSettings.transactionReportAfter.default,
  abandonAfterMs: handlerSettings.transactionAbandonAfter.default,
};

/** Over memory. */
export async function memoryWorld(options: WorldOptions): Promise<World> {
  const clock = movableClock();
  const bus = createMemoryBus(clock);
  return worldOver(
    bus.transport,
    bus.gateway('proxy'),
    memoryStore(bus),
    clock,
    options,
    async () => undefined,
  );
}

/** Over a Redis, with a prefix of its own. */
export async function redisWorld(server: RedisServer, prefix: string, options: WorldOptions): Promise<World> {
  const redis = { addr: server.addr, db: 0, clientTimeoutMs: 10_000 };
  const keys = new Keys(prefix);
  const look = new Redis(server.port, server.host);
  return worldOver(
    new RedisTransport({ redis, keys, name: 'processor' }),
    new RedisGateway({ redis, keys, name: 'proxy' }),
    redisStore(look, keys),
    movableClock(),
    options,
    async () => look.disconnect(),
  );
}

async function worldOver(
  transport: Transport,
  gateway: Gateway,
  store: Store,
  clock: ReturnType<typeof movableClock>,
  { validation, settings }: WorldOptions,
  end: () => Promise<void>,
): Promise<World> {
  const silent = createLog('field', 'silent');
  const chosen = { ...DEFAULT_SETTINGS, unknownTokens: 'Accept', ...settings, validation } as HandlerSettings;
  const dispatcher = newDispatcher({ settings: chosen, clock, log: silent });
  const server = newServerWithTransport(transport, dispatcher, new MemoryServerState(), ...BUILT_IN);
  const log = memoryLog();
  const proxy = new Proxy({ ...proxyDefaults(), ...settings, validation }, gateway, log);
  await server.start();
  await proxy.start();
  return {
    address: `127.0.0.1:${proxy.stationPorts[0]}`,
    store,
    transport,
    log: log.lines,
    clock,
    advance: (ms) => clock.advance(ms),
    async sweep() {
      const { transactionKeySeconds } = chosen;
      await sweep({ transport, policy: POLICY, transactionKeySeconds, clock });
    },
    async [Symbol.asyncDispose]() {
      await proxy.stop('SIGTERM');
      await server.stop();
      await end();
    },
  };
}

/** Free ports, no delays at shutdown, and no limit of the handshake rate. */
function proxyDefaults(): ProxySettings {
  const defaults = Object.entries(proxySettings).map(([name, one]) => [name, one.default]);
  return {
    ...(Object.fromEntries(defaults) as ProxySettings),
    host: '127.0.0.1',
    stationPort: 0,
    adminPort: 0,
    connectRate: 100_000,
    drainRate: 100_000,
    drainPropagation: 0,
    drainDeadline: 2000,
  };
}

function movableClock(): Clock & { advance(ms: number): void } {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    advance: (ms) => void (ahead += ms),
  };
}

function memoryStore({ state }: MemoryBus): Store {
  return {
    stream: async (key) => state.stream(key),
    record: (key) => state.record(key),
    async setField(key, field, value) {
      if (value !== undefined) return state.apply({ kind: 'set', key, fields: { [field]: value } });
      const { [field]: _, ...left } = (await state.record(key)) ?? {};
      state.apply({ kind: 'delete', key });
      if (Object.keys(left).length > 0) state.apply({ kind: 'set', key, fields: left });
    },
  };
}

export function redisStore(look: Redis, keys: Keys): Store {
  return {
    async stream(key) {
      const entries = await look.xrange(keys.state(key), '-', '+');
      return entries.map(([, texts]) => fieldsOf(texts));
    },
    async record(key) {
      const record = await look.hgetall(keys.state(key));
      return Object.keys(record).length === 0 ? undefined : record;
    },
    async setField(key, field, value) {
      if (value === undefined) await look.hdel(keys.state(key), field);
      else await look.hset(keys.state(key), field, value);
    },
  };
}

function fieldsOf(texts: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let i = 0; i < texts.length; i += 2) fields[texts[i] ?? ''] = texts[i + 1] ?? '';
  return fields;
}
