/**
 * A client of a running OcppCluster: over Redis it sends commands to stations, reads what is stored, and edits the lists that
 * handlers obey.
 *
 * It is no process of the cluster. It registers no lease and claims no entry, so messages of stations are handled by
 * processors only, and nothing has to be reclaimed when it dies. The processes of the cluster end its calls at their
 * deadlines; another client finds the outcome by the idempotency key.
 */
import { RedisCalls } from '../transport/redis/calls/station-calls.ts';
import { openConnection, openReady, unavailable } from '../transport/redis/connection/connection.ts';
import { Readers } from '../transport/redis/connection/readers.ts';
import { checkSettings, POOL_SIZE, type RedisSettings } from '../transport/redis/connection/settings.ts';
import { DeadLetters } from '../transport/redis/dead-letters/dead-letters.ts';
import { clusterProcesses } from '../transport/redis/lease/cluster-processes.ts';
import { Keys } from '../transport/redis/keys.ts';
import { queueLoad } from '../transport/redis/queue/queue-load.ts';
import { RedisDirectory } from '../transport/redis/session/directory.ts';
import { RedisLists } from '../transport/redis/state/lists.ts';
import { RedisState } from '../transport/redis/state/state-reader.ts';
import type { ClusterClient } from './cluster-client.ts';
import { type ClientOptions, createClusterClient } from './create-client.ts';
import { redisUrl } from './redis-url.ts';

export type * from './cluster-client.ts';
export type { Broadcast, BroadcastResult } from '../csms/commands/broadcast.ts';
export type { Command } from '../csms/commands/commands.ts';
export type { PasswordChange, PasswordOptions } from '../csms/credentials/password-change.ts';
export type { Protocol } from '../ocpp/frame.ts';
export { TransportError, type TransportErrorCode } from '../transport/errors.ts';
export type { Answer } from '../transport/outcome.ts';
export type { RedisSettings } from '../transport/redis/connection/settings.ts';
export type { KeptRefusal } from '../transport/watch/refused-handshakes.ts';
export type { ClusterProcesses } from '../transport/watch/processes.ts';
export type { CallOutcome, CallState, NotSent, Uncertain } from '../transport/station-call.ts';
export type { Member } from '../transport/stored-state.ts';

export interface ConnectOptions extends ClientOptions {
  /** As the cluster has it; `ocpp` by default. */
  readonly channelPrefix?: string;
  /** Prefix of stored state; the channel prefix by default. */
  readonly stateKeyPrefix?: string;
  /** Errors of connections, which reconnect by themselves. Errors of single operations reject these. */
  readonly onError?: (error: Error) => void;
}

/** Connections that are no further readers: commands, outcomes of calls, and waits for new entries of a stream. */
const OWN_CONNECTIONS = 3;

/**
 * Connects to the Redis of a cluster: a URL, or settings for Sentinel, Cluster, TLS files and the like.
 * Rejects with `bad-settings`, or with `store-unavailable` when Redis does not respond within the client time-out.
 */
export async function connect(
  redis: string | RedisSettings,
  {
    channelPrefix = 'ocpp',
    stateKeyPrefix = channelPrefix,
    onError = () => undefined,
    ...rest
  }: ConnectOptions = {},
): Promise<ClusterClient> {
  const settings = { ...(typeof redis === 'string' ? redisUrl(redis) : redis), slotKey: channelPrefix };
  checkSettings(settings, channelPrefix, stateKeyPrefix);
  const keys = new Keys(channelPrefix, stateKeyPrefix);
  const commands = await openReady(settings, onError);
  const { addr, poolSize = POOL_SIZE } = settings;
  const open = () => openConnection(settings, 'commands', onError);
  const readers = new Readers(commands, open, Math.max(0, poolSize - OWN_CONNECTIONS));
  const calls = new RedisCalls({ redis: settings, keys, commands, onError });
  const lists = new RedisLists({ redis: settings, keys, readers, onError });
  const ports = {
    calls,
    lists,
    state: new RedisState({ commands, keys, addr }, readers, settings, keys),
    directory: new RedisDirectory(readers, keys, addr),
    load: () => queueLoad(commands, keys).catch(outOfReach),
    processes: () => clusterProcesses(commands, keys).catch(outOfReach),
    deadLetters: new DeadLetters(commands, keys, addr),
    async close() {
      calls.stop();
      lists.close();
      readers.close();
      commands.disconnect();
    },
  };
  return createClusterClient(ports, rest);

  function outOfReach(error: unknown): never {
    throw unavailable(addr, error);
  }
}
