/**
 * A client of a running OcppCluster: over Redis it sends commands to stations and reads state.
 *
 * It is no process of the cluster. It registers no lease and claims no entry, so messages of stations are handled by
 * processors only, and nothing has to be reclaimed when it dies. The processes of the cluster end its calls at their
 * deadlines; another client finds the outcome by the idempotency key.
 */
import { broadcast, type Broadcast, type BroadcastResult } from '../csms/broadcast.ts';
import { type Command, createCommands } from '../csms/commands.ts';
import type { Protocol } from '../ocpp/frame.ts';
import { RedisCalls } from '../transport/redis/calls/station-calls.ts';
import { openConnection, openReady } from '../transport/redis/connection/connection.ts';
import { Readers } from '../transport/redis/connection/readers.ts';
import { checkSettings, POOL_SIZE, type RedisSettings } from '../transport/redis/connection/settings.ts';
import { Keys } from '../transport/redis/keys.ts';
import { Stations } from '../transport/redis/session/stations.ts';
import { RedisState } from '../transport/redis/state/state-reader.ts';
import type { CallOutcome, CallState, StationCalls } from '../transport/station-call.ts';
import type { StateReader } from '../transport/stored-state.ts';
import { redisUrl } from './redis-url.ts';

export type { Broadcast, BroadcastResult } from '../csms/broadcast.ts';
export type { Command } from '../csms/commands.ts';
export type { Protocol } from '../ocpp/frame.ts';
export { TransportError, type TransportErrorCode } from '../transport/errors.ts';
export type { Answer } from '../transport/outcome.ts';
export type { RedisSettings } from '../transport/redis/connection/settings.ts';
export type { CallOutcome, CallState, NotSent, Uncertain } from '../transport/station-call.ts';
export type { Member } from '../transport/stored-state.ts';

export interface ConnectOptions {
  /** As the cluster has it; `ocpp` by default. */
  readonly channelPrefix?: string;
  /** Prefix of stored state; the channel prefix by default. */
  readonly stateKeyPrefix?: string;
  /** Errors of connections, which reconnect by themselves. Errors of single operations reject these. */
  readonly onError?: (error: Error) => void;
}

export interface ClusterCalls extends Pick<StationCalls, 'stateOf' | 'cancel'> {
  /**
   * Sends a command and resolves to how it ended. Under an idempotency key that is known it sends nothing and resolves to the
   * outcome of the first call. Rejects with `bad-call` for what the station's version does not know or its schema refuses, and
   * as StationCalls.make does.
   */
  make(command: Command): Promise<CallOutcome>;
  stateOf(stationId: string, idempotencyKey: string): Promise<CallState | undefined>;
  /** The same command to many stations, at a pace; yields one result per station. */
  broadcast(command: Broadcast): AsyncGenerator<BroadcastResult, void, undefined>;
}

export interface ClusterStations {
  /** Identities of the connected stations, in no order. */
  connected(): Promise<string[]>;
  isConnected(stationId: string): Promise<boolean>;
  /** The subprotocol of the station's connection; undefined while it is offline. */
  protocolOf(stationId: string): Promise<Protocol | undefined>;
}

export interface ClusterClient extends AsyncDisposable {
  readonly calls: ClusterCalls;
  readonly stations: ClusterStations;
  /** Reads of stored state; docs/stored-data.md of the repository names the keys. */
  readonly state: Pick<StateReader, 'record' | 'field' | 'fields' | 'members' | 'size'>;
  /** Closes the connections. Calls that are still awaited reject with `call-abandoned`, and go on in the cluster. */
  close(): Promise<void>;
}

/**
 * Connects to the Redis of a cluster: a URL, or settings for Sentinel, Cluster, TLS files and the like.
 * Rejects with `bad-settings`, or with `store-unavailable` when Redis does not respond within the client time-out.
 */
export async function connect(
  redis: string | RedisSettings,
  options: ConnectOptions = {},
): Promise<ClusterClient> {
  const { channelPrefix = 'ocpp', stateKeyPrefix = channelPrefix, onError = () => undefined } = options;
  const settings = { ...(typeof redis === 'string' ? redisUrl(redis) : redis), slotKey: channelPrefix };
  checkSettings(settings, channelPrefix, stateKeyPrefix);
  const keys = new Keys(channelPrefix, stateKeyPrefix);
  const commands = await openReady(settings, onError);
  const { addr } = settings;
  const calls = new RedisCalls({ redis: settings, keys, commands, onError });
  const open = () => openConnection(settings, 'commands', onError);
  const readers = new Readers(commands, open, (settings.poolSize ?? POOL_SIZE) - OWN_CONNECTIONS);
  const state = new RedisState({ commands, keys, addr }, readers, settings, keys);
  const stations = new Stations(commands, keys, settings);
  const make = createCommands({ calls, state });
  const close = async () => {
    calls.stop();
    readers.close();
    commands.disconnect();
  };
  return {
    calls: {
      make,
      stateOf: (stationId, idempotencyKey) => calls.stateOf(stationId, idempotencyKey),
      cancel: (stationId, idempotencyKey) => calls.cancel(stationId, idempotencyKey),
      broadcast: (command) => broadcast(make, command),
    },
    stations: {
      connected: () => stations.connected(),
      isConnected: (stationId) => stations.isConnected(stationId),
      protocolOf: (stationId) => calls.protocolOf(stationId),
    },
    state,
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Commands, and outcomes of calls. */
const OWN_CONNECTIONS = 2;
