/**
 * Connections to Redis. They reconnect for ever, with bounded back-off, each time to where the primary is
 * then and with the credentials of then; a command that cannot be sent, or whose reply got lost, rejects,
 * and whoever sent it decides whether to send it again. Nothing is queued here.
 */
import { Socket } from 'node:net';
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis';
import { TransportError } from '../../errors.ts';
import { readCredentials, watchCredentials } from './credentials.ts';
import { Primary } from './primary.ts';
import { defineScripts, type Scripts } from './scripts.ts';
import type { Address, RedisSettings, RedisTls } from './settings.ts';
import { openSocket } from './socket.ts';

export type { RedisSettings } from './settings.ts';
/** A connection with the data path's scripts as methods. */
export type RedisConnection = Redis & Scripts;

/** However long the client time-out: a connection that takes longer, or is silent for longer, is made anew; ms. */
const LONGEST_HANDSHAKE = 2000;
const LONGEST_SILENCE = 10_000;
/** How often every connection is tried; ms. */
const PING_MS = 3000;
/** How long a blocking command waits at a time; seconds. */
export const BLOCK_SECONDS = 1;
/** Reconnects after 50 ms, doubled up to this; ms. */
const LONGEST_PAUSE = 1000;
/** The primary is elsewhere, or about to be: where, is asked before the next connection. */
const ELSEWHERE = /^(READONLY|MOVED|CLUSTERDOWN|MASTERDOWN|UNBLOCKED)/;

/** How ioredis begins to tell of a command that found no connection, and of one that lost it. */
const NOT_CONNECTED = "Stream isn't writeable";
const BROKEN_OFF = 'Reached the max retries';

const COMMON = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  // Whoever subscribes does so anew with each connection, and hears when it fails.
  autoResubscribe: false,
  // A command in the air when the connection breaks rejects at once; with null it would never settle.
  maxRetriesPerRequest: 0,
  // One right less that an ACL user needs.
  disableClientInfo: true,
  // While Redis loads its data, ask this often whether it is through; it tells its own, mostly too long, estimate.
  maxLoadingRetryTime: 500,
} satisfies RedisOptions;

/** @param purpose a blocking connection waits up to BLOCK_SECONDS for its reply, on purpose */
export function openConnection(
  settings: RedisSettings,
  purpose: 'commands' | 'blocking',
  onError: (error: Error) => void,
): RedisConnection {
  const timeoutMs = handshakeMs(settings);
  const primary = new Primary(settings, (at, command) => ask(settings, at, command));
  const connection = new Redis({
    ...COMMON,
    Connector: connectorTo(
      () => primary.find(),
      settings.tls,
      timeoutMs,
      (at) =>
        onError(unavailable(settings.addr, new Error(`${at.host}:${at.port} is a replica, not the primary`))),
    ),
    db: settings.db,
    // A server that vanished without a word (a lost node) is noticed by its silence; TCP alone takes minutes.
    socketTimeout:
      Math.min(settings.clientTimeoutMs, LONGEST_SILENCE) +
      (purpose === 'blocking' ? BLOCK_SECONDS * 1000 : 0),
    retryStrategy: (attempt) =>
      Math.min(50 * 2 ** Math.min(attempt, 10), LONGEST_PAUSE) * (0.8 + 0.4 * Math.random()),
    reconnectOnError: (error) => ELSEWHERE.test(error.message),
    lazyConnect: true,
  });
  connection.on('error', (error: Error) => onError(unavailable(settings.addr, error)));
  keepLoggedIn(connection, settings, onError);
  keepTesting(connection);
  connection.connect().catch(() => undefined);
  const { mode, slotKey = '' } = settings;
  return mode === 'cluster' ? defineScripts(connection, `${slotKey}:guard`) : defineScripts(connection);
}

/** The same for whoever can do nothing without it: rejects with the trouble when Redis is not there in the client time-out. */
export async function openReady(
  settings: RedisSettings,
  onError: (error: Error) => void = () => undefined,
): Promise<RedisConnection> {
  let trouble: Error | undefined;
  const connection = openConnection(settings, 'commands', (error) => {
    trouble = error;
    onError(error);
  });
  const ready = await new Promise<boolean>((resolve) => {
    const late = setTimeout(() => resolve(false), settings.clientTimeoutMs);
    connection.once('ready', () => {
      clearTimeout(late);
      resolve(true);
    });
  });
  if (ready) return connection;
  connection.disconnect();
  throw trouble ?? unavailable(settings.addr, 'no connection in time');
}

/** Silence shows only where a reply is due: without this, who but listens would listen to a dead primary for ever. */
function keepTesting(connection: Redis): void {
  const timer = setInterval(() => {
    if (connection.status === 'ready') connection.ping().catch(() => undefined);
  }, PING_MS).unref();
  connection.on('end', () => clearInterval(timer));
}

/** Every handshake has the credentials of its time; those that change meanwhile are told to Redis at once. */
function keepLoggedIn(connection: Redis, settings: RedisSettings, onError: (error: Error) => void): void {
  Object.assign(connection.options, readCredentials(settings));
  const refresh = (): boolean => {
    try {
      const before = connection.options.password;
      const fresh = readCredentials(settings);
      Object.assign(connection.options, fresh);
      return fresh.password !== undefined && fresh.password !== before;
    } catch (error) {
      onError(error as Error);
      return false;
    }
  };
  connection.on('close', refresh);
  const stop = watchCredentials(settings, () => {
    if (!refresh() || connection.status !== 'ready') return;
    const { username = 'default', password = '' } = connection.options;
    connection.auth(username, password).catch((error: Error) => {
      // Of no consequence to this connection. The error itself carries the password.
      const why = new Error(`the changed password is refused: ${error.message}`);
      onError(unavailable(settings.addr, why));
    });
  });
  connection.on('end', stop);
}

/** Asks a Sentinel or a node of the Cluster one thing. */
async function ask(
  settings: RedisSettings,
  at: Address,
  [name, ...words]: readonly [string, ...string[]],
): Promise<unknown> {
  const { mode, sentinel = settings } = settings;
  const login = mode === 'sentinel' ? sentinel : settings;
  const tls = mode === 'sentinel' && sentinel.tls === false ? undefined : settings.tls;
  const timeoutMs = handshakeMs(settings);
  const { username, password } = readCredentials(login);
  const client = new Redis({
    ...COMMON,
    Connector: connectorTo(() => Promise.resolve(at), tls, timeoutMs),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    protocol: 2,
    commandTimeout: timeoutMs,
    enableReadyCheck: false,
    retryStrategy: () => null,
    lazyConnect: true,
  });
  let failed: Error | undefined;
  client.on('error', (error: Error) => (failed ??= error));
  try {
    await client.connect();
    return await client.call(name, ...words);
  } catch (error) {
    throw failed ?? error;
  } finally {
    client.disconnect();
  }
}

/** What ioredis gets its sockets from. It ends for good when this rejects, so failures are sockets that are closed. */
function connectorTo(
  find: () => Promise<Address>,
  tls: RedisTls | undefined,
  timeoutMs: number,
  onReplica?: (at: Address) => void,
) {
  return class extends AbstractConnector {
    #at: Address | undefined;

    constructor() {
      super(timeoutMs);
    }

    override async connect(): Promise<Socket> {
      this.connecting = true;
      const stream = await find()
        .then((at) => openSocket((this.#at = at), tls, timeoutMs))
        .catch((error: Error) => {
          this.firstError = error;
          return new Socket().destroy();
        });
      if (!this.connecting) stream.destroy();
      this.stream = stream;
      return stream;
    }

    /** Sentinels and nodes may still name a primary that was one: it is asked itself. */
    override check(info: { readonly role?: string }): boolean {
      if (info.role !== 'slave') return true;
      if (this.#at !== undefined) onReplica?.(this.#at);
      return false;
    }
  };
}

/** A Service without endpoints swallows the handshake: try again soon, its Pod may be back within a second. */
function handshakeMs({ clientTimeoutMs }: RedisSettings): number {
  return Math.min(clientTimeoutMs, LONGEST_HANDSHAKE);
}

export function unavailable(addr: string, cause: unknown): TransportError {
  const said = cause instanceof Error ? cause.message : String(cause);
  // What ioredis says of a command while there is no connection would send a reader after the wrong thing.
  const why = said.startsWith(NOT_CONNECTED)
    ? 'not connected'
    : said.startsWith(BROKEN_OFF)
      ? 'the connection broke off before the reply'
      : said;
  return new TransportError('store-unavailable', `Redis at ${addr}: ${why}`, { cause });
}

/** Replies that pass by themselves, or once somebody has mended Redis: the same command may succeed later. */
const PASSING =
  /^((LOADING|READONLY|OOM|BUSY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|UNBLOCKED|NOSCRIPT|MISCONF|NOAUTH|NOPERM|WRONGPASS)\b|ERR The user executing the script )/;

/** Whether a command that failed so had no effect for sure; a lost reply leaves that open. */
export function wasNotDone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.message.startsWith(NOT_CONNECTED) || (error.name === 'ReplyError' && PASSING.test(error.message))
  );
}

/** Whether an error is Redis's own refusal of this very command, which no repetition will mend. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError' && !PASSING.test(error.message);
}
