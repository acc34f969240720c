/** Selects an implementation by configuration: `redis`, `memory`, and for the CSMS side also `websocket`. */
import type { DeliveryTracing } from '../runtime/tracing/tracing.ts';
import { MemoryServerState, type ServerState } from '../transport/pending-requests.ts';
import { openLists, type OpenLists } from '../transport/redis/state/open-lists.ts';
import { openState, type OpenState } from '../transport/redis/state/open-state.ts';
import { openServerState } from '../transport/redis/state/pending-requests.ts';
import type { MemoryBus } from '../transport/memory/bus.ts';
import { type DeadLetters, openDeadLetters } from '../transport/redis/dead-letters/dead-letters.ts';
import { OcppGoInterop } from '../transport/redis/ocpp-go/interop.ts';
import { Keys } from '../transport/redis/keys.ts';
import { RedisGateway } from '../transport/redis/redis-gateway.ts';
import { RedisTransport } from '../transport/redis/redis-transport.ts';
import { checkSettings, type RedisSettings } from '../transport/redis/connection/settings.ts';
import { openUnreadableTexts, type UnreadableTexts } from '../transport/redis/dead-letters/unreadable.ts';
import type { Gateway, Transport } from '../transport/transport.ts';
import type { StationServerOptions } from '../station-server/station-server-options.ts';
import { WebSocketTransport } from './websocket-transport.ts';

// Part of this interface, and of its export in the package.
export type { RedisSettings } from '../transport/redis/connection/settings.ts';

export interface RedisConfig {
  readonly kind: 'redis';
  readonly redis: RedisSettings;
  /** `ocpp`; on a Redis Cluster with a {hash tag}, which keeps the data path in one slot. */
  readonly channelPrefix: string;
  /** Prefix of stored state; the channel prefix by default. */
  readonly stateKeyPrefix?: string;
  /** Name of the Pod: process ids in Redis begin with it. */
  readonly name: string;
  /** How long a process counts as living without renewing its lease; ms. */
  readonly leaseMs?: number;
  /** For a gateway: processors of ocpp-go may answer its stations (redis/ocpp-go/interop.ts). */
  readonly ocppGoInterop?: boolean;
  /** The cluster that owns the keys, `namespace/name/uid`: another one is refused. Omitted: no check. */
  readonly cluster?: string;
  /** Of a processor: what it fails is handed over to those of another release. Omitted: not known. */
  readonly release?: string;
  /** Of a processor: deliveries in flight at most, 1 to 200, which is the default. */
  readonly maxInFlight?: number;
  /** Of a processor; omitted: no delivery is traced. */
  readonly tracing?: DeliveryTracing | undefined;
}

export interface MemoryConfig {
  readonly kind: 'memory';
  /** Connects both sides. */
  readonly bus: MemoryBus;
  readonly name: string;
}

export type TransportConfig =
  | RedisConfig
  | MemoryConfig
  | ({ readonly kind: 'websocket' } & Omit<StationServerOptions, 'gateway'>);

export function createTransport(config: TransportConfig): Transport {
  switch (config.kind) {
    case 'redis':
      return new RedisTransport(redisOptions(config));
    case 'memory':
      return config.bus.transport;
    default:
      return new WebSocketTransport(config);
  }
}

export function createGateway(config: RedisConfig | MemoryConfig): Gateway {
  if (config.kind === 'memory') return config.bus.gateway(config.name);
  const options = redisOptions(config);
  const gateway = new RedisGateway(options);
  return options.ocppGoInterop === true ? new OcppGoInterop(gateway, options) : gateway;
}

/** Rejects with `store-unavailable` if Redis is unavailable for the whole client time-out. */
export function createDeadLetters(config: Omit<RedisConfig, 'kind' | 'name'>): Promise<DeadLetters> {
  const { redis, keys } = redisOptions(config);
  return openDeadLetters(redis, keys);
}

/** The same. */
export function createUnreadableTexts(config: Omit<RedisConfig, 'kind' | 'name'>): Promise<UnreadableTexts> {
  const { redis, keys } = redisOptions(config);
  return openUnreadableTexts(redis, keys);
}

/** The same: stored state, for a program that is no process of the cluster. */
export function createStateStore(config: Omit<RedisConfig, 'kind' | 'name'>): Promise<OpenState> {
  const { redis, keys } = redisOptions(config);
  return openState(redis, keys);
}

/** Lists of stored state, for a program that is no process of the cluster and outlives its Redis: it connects in the background. */
export function createLists(
  config: Omit<RedisConfig, 'kind' | 'name'>,
  onError: (error: Error) => void,
): OpenLists {
  const { redis, keys } = redisOptions(config);
  return openLists(redis, keys, onError);
}

/**
 * Open requests, in this process, or in the Redis database after ours for all processes.
 * Rejects with `bad-settings` on a Redis Cluster, which has only one database, and with `store-unavailable` if Redis is unavailable
 * for the whole client time-out.
 */
export async function createServerState(
  config: { readonly kind: 'memory' } | Omit<RedisConfig, 'name'>,
): Promise<ServerState> {
  if (config.kind === 'memory') return new MemoryServerState();
  const { redis, keys } = redisOptions({ ...config, redis: { ...config.redis, useDistributedState: true } });
  return openServerState(redis, keys);
}

/** @throws TransportError bad-settings */
function redisOptions<C extends Omit<RedisConfig, 'kind' | 'name'>>(config: C) {
  const { redis, channelPrefix, stateKeyPrefix = channelPrefix } = config;
  checkSettings(redis, channelPrefix, stateKeyPrefix);
  return {
    ...config,
    redis: { ...redis, slotKey: channelPrefix },
    keys: new Keys(channelPrefix, stateKeyPrefix),
  };
}
