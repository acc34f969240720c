/**
 * A client of a running OcppCluster: over Redis it sends commands to stations and reads state.
 *
 * It is no process of the cluster. It registers no lease and claims no entry, so messages of stations are handled by
 * processors only, and nothing has to be reclaimed when it dies. The processes of the cluster end its calls at their
 * deadlines; another client finds the outcome by the idempotency key.
 */
import { broadcast, type Broadcast, type BroadcastResult } from '../csms/commands/broadcast.ts';
import { type Command, createCommands, createPasswordChange } from '../csms/commands/commands.ts';
import {
  type PasswordChange,
  type PasswordOptions,
  passwordStore,
} from '../csms/credentials/password-change.ts';
import type { Protocol } from '../ocpp/frame.ts';
import { RedisCalls, type RedisCallsOptions } from '../transport/redis/calls/station-calls.ts';
import {
  openConnection,
  openReady,
  type RedisConnection,
  unavailable,
} from '../transport/redis/connection/connection.ts';
import { Readers } from '../transport/redis/connection/readers.ts';
import { checkSettings, POOL_SIZE, type RedisSettings } from '../transport/redis/connection/settings.ts';
import { Keys } from '../transport/redis/keys.ts';
import { Stations } from '../transport/redis/session/stations.ts';
import { RedisState } from '../transport/redis/state/state-reader.ts';
import type { CallOutcome, StationCalls } from '../transport/station-call.ts';
import type { StateReader } from '../transport/stored-state.ts';
import { redisUrl } from './redis-url.ts';

export type { Broadcast, BroadcastResult } from '../csms/commands/broadcast.ts';
export type { Command } from '../csms/commands/commands.ts';
export type { PasswordChange, PasswordOptions } from '../csms/credentials/password-change.ts';
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
  /**
   * The key of the stored passwords (OCPP_PASSWORD_KEY_FILE of the cluster, as text). With it, commands that set the password of a
   * station store its hash in the register of stations.
   */
  readonly passwordKey?: string;
}

export interface ClusterCalls extends Pick<StationCalls, 'stateOf' | 'cancel'> {
  /**
   * Sends a command and resolves to how it ended. Under a known idempotency key it sends nothing and resolves to the
   * outcome of the first call. Rejects with `bad-call` for what the station's version does not know or its schema
   * refuses, and as StationCalls.make does. Calls stay open while no process of the cluster runs.
   */
  make(command: Command): Promise<CallOutcome>;
  /** Gives a station a new random password, of which the register gets a hash. Needs `passwordKey`. */
  changePassword(options: PasswordOptions): Promise<PasswordChange>;
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
  return new RedisClusterClient({ redis: settings, keys, commands, onError }, options.passwordKey);
}

/** Connections that are no further readers: commands, and outcomes of calls. */
const OWN_CONNECTIONS = 2;

class RedisClusterClient implements ClusterClient {
  readonly calls: ClusterCalls;
  readonly stations: ClusterStations;
  readonly state: ClusterClient['state'];
  readonly #parts: {
    readonly calls: RedisCalls;
    readonly readers: Readers;
    readonly commands: RedisConnection;
  };

  constructor(options: RedisCallsOptions, passwordKey: string | undefined) {
    const { redis, keys, commands, onError } = options;
    const { addr, poolSize = POOL_SIZE } = redis;
    const calls = new RedisCalls(options);
    const open = () => openConnection(redis, 'commands', onError);
    const readers = new Readers(commands, open, poolSize - OWN_CONNECTIONS);
    const state = new RedisState({ commands, keys, addr }, readers, redis, keys);
    const stations = new Stations(commands, keys, redis);
    const passwords = passwordKey === undefined ? {} : { passwords: passwordStore(state, passwordKey) };
    const make = createCommands({ calls, state }, passwords);
    const outOfReach = (error: unknown): never => {
      throw unavailable(addr, error);
    };
    this.#parts = { calls, readers, commands };
    this.state = state;
    this.calls = {
      make,
      stateOf: (stationId, idempotencyKey) => calls.stateOf(stationId, idempotencyKey),
      cancel: (stationId, idempotencyKey) => calls.cancel(stationId, idempotencyKey),
      changePassword: createPasswordChange({ calls, state }, passwords),
      broadcast: (command) => broadcast(make, command),
    };
    this.stations = {
      connected: () => stations.connected().catch(outOfReach),
      isConnected: (stationId) => stations.isConnected(stationId).catch(outOfReach),
      protocolOf: (stationId) => calls.protocolOf(stationId),
    };
  }

  async close(): Promise<void> {
    const { calls, readers, commands } = this.#parts;
    calls.stop();
    readers.close();
    commands.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
