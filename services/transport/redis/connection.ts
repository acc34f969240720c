/**
 * Connections to Redis. They reconnect for ever, with bounded back-off; a command that cannot be sent, or
 * whose reply got lost, rejects, and whoever sent it decides whether to send it again. Nothing is queued here.
 */
import { Redis } from 'ioredis';
import { TransportError } from '../errors.ts';
import { defineScripts, type Scripts } from './scripts.ts';

export interface RedisSettings {
  /** host:port */
  readonly addr: string;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  /** How long Redis may be silent while a command is in the air, and a connection attempt may take; ms. */
  readonly clientTimeoutMs: number;
  /** Calls that are open at stations stand in `pending:{id}` of the database after ours too, as the seed has it. */
  readonly useDistributedState?: boolean;
  /** How long that state stays at least; ms. */
  readonly stateTtlMs?: number;
}

/** A connection with the data path's scripts as methods. */
export type RedisConnection = Redis & Scripts;

/** However long the client time-out: a connection that takes longer, or is silent for longer, is made anew; ms. */
const LONGEST_HANDSHAKE = 2000;
const LONGEST_SILENCE = 10_000;
/** How long a blocking command waits at a time; seconds. */
export const BLOCK_SECONDS = 1;
/** Reconnects after 50 ms, doubled up to this; ms. */
const LONGEST_PAUSE = 2000;

/** @param purpose a blocking connection waits up to BLOCK_SECONDS for its reply, on purpose */
export function openConnection(
  settings: RedisSettings,
  purpose: 'commands' | 'blocking',
  onError: (error: Error) => void,
): RedisConnection {
  const { host, port } = parseAddr(settings.addr);
  const connection = new Redis({
    host,
    port,
    db: settings.db,
    ...(settings.username === undefined ? {} : { username: settings.username }),
    ...(settings.password === undefined ? {} : { password: settings.password }),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // A command in the air when the connection breaks rejects at once; with null it would never settle.
    maxRetriesPerRequest: 0,
    // A Service without endpoints swallows the handshake: try again soon, its Pod may be back within a second.
    connectTimeout: Math.min(settings.clientTimeoutMs, LONGEST_HANDSHAKE),
    // A server that vanished without a word (a lost node) is noticed by its silence; TCP alone takes minutes.
    socketTimeout:
      Math.min(settings.clientTimeoutMs, LONGEST_SILENCE) +
      (purpose === 'blocking' ? BLOCK_SECONDS * 1000 : 0),
    retryStrategy: (attempt) =>
      Math.min(50 * 2 ** Math.min(attempt, 10), LONGEST_PAUSE) * (0.8 + 0.4 * Math.random()),
    // A replica that was the primary: the name leads to the new one after a reconnect.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });
  connection.on('error', (error: Error) => onError(unavailable(settings.addr, error)));
  return defineScripts(connection);
}

/** `host:port`; the port may be left out. IPv6 addresses in brackets. */
export function parseAddr(addr: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(addr);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? 6379);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new TransportError('bad-settings', `the Redis address "${addr}" is not host:port`);
  }
  return { host, port };
}

export function unavailable(addr: string, cause: unknown): TransportError {
  const said = cause instanceof Error ? cause.message : String(cause);
  // What ioredis says of a command while there is no connection would send a reader after the wrong thing.
  const why = said.startsWith("Stream isn't writeable") ? 'not connected' : said;
  return new TransportError('store-unavailable', `Redis at ${addr}: ${why}`, { cause });
}

/** Replies that pass by themselves: the same command may succeed later. */
const PASSING = /^(LOADING|READONLY|OOM|BUSY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|NOSCRIPT|MISCONF)/;

/** Whether an error is Redis's own refusal of this very command, which no repetition will mend. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError' && !PASSING.test(error.message);
}
