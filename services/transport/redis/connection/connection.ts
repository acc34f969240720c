/**
 * Connections to Redis. They reconnect without a limit, with bounded back-off, each time to the current primary and with the
 * current credentials. A command that cannot be sent, or whose reply was lost, rejects, and the caller decides whether to send
 * it again. Nothing is queued here.
 */
import { Socket } from 'node:net';
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis';
import { TransportError } from '../../errors.ts';
import { readCredentials } from './credentials.ts';
import { keepLoggedIn } from './login.ts';
import { Primary } from './primary.ts';
import type { Address, RedisSettings, RedisTls } from './settings.ts';
import { openSocket, readCertificateExpiry } from './socket.ts';

export type { RedisSettings } from './settings.ts';

export type RedisConnection = Redis & {
  /**
   * Of a Cluster: a key of our slot that never exists, named by every script beside its own. While the slot is being moved to
   * another node, Redis then refuses the script whole (ASK, TRYAGAIN). Otherwise it could fail midway at a key that has moved
   * already. docs/decisions/0004
   */
  readonly slotGuard?: string;
};

/** Whatever the client time-out: a connection that takes longer, or is silent for longer, is replaced; ms. */
const LONGEST_HANDSHAKE = 2000;
const LONGEST_SILENCE = 10_000;
/** How often every connection is tested; ms. */
const PING_MS = 3000;
/** How long a blocking command waits at a time; seconds. */
export const BLOCK_SECONDS = 1;
/** Reconnects after 50 ms, doubled up to this; ms. */
const LONGEST_PAUSE = 1000;
/** The primary is elsewhere, or about to be: the next connection finds it. */
const ELSEWHERE = /^(READONLY|MOVED|CLUSTERDOWN|MASTERDOWN|UNBLOCKED)/;

/** How the errors of ioredis begin for a command that found no connection, and for one that lost it. */
const NOT_CONNECTED = "Stream isn't writeable";
const BROKEN_OFF = 'Reached the max retries';

const COMMON = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  // Subscribers subscribe for each connection, and see when it fails.
  autoResubscribe: false,
  // A command in flight when the connection breaks rejects at once; with null it would never settle.
  maxRetriesPerRequest: 0,
  // An ACL user needs one right less.
  disableClientInfo: true,
  // While Redis loads its data, ask this often whether it is ready; its own estimate is mostly too long.
  maxLoadingRetryTime: 500,
} satisfies RedisOptions;

/** What is sent in one turn of the event loop leaves in one write: a system call costs as much as two commands. */
class BatchingRedis extends Redis {
  #corked: Redis['stream'] | undefined;

  override sendCommand(...command: Parameters<Redis['sendCommand']>): unknown {
    const { stream } = this;
    if (stream !== undefined && stream !== this.#corked) {
      this.#corked = stream;
      stream.cork();
      process.nextTick(() => {
        if (this.#corked === stream) this.#corked = undefined;
        stream.uncork();
      });
    }
    return super.sendCommand(...command);
  }
}

const NO_SUCH_DATABASE = /DB index is out of range/;

/** @param purpose a blocking connection may wait up to BLOCK_SECONDS for its reply */
export function openConnection(
  settings: RedisSettings,
  purpose: 'commands' | 'blocking',
  onError: (error: Error) => void,
): RedisConnection {
  const timeoutMs = handshakeMs(settings);
  const primary = new Primary(settings, (at, command) => ask(settings, at, command));
  const connection = new BatchingRedis({
    ...COMMON,
    Connector: connectorTo(
      () => primary.find(),
      settings.tls,
      timeoutMs,
      (at) =>
        onError(unavailable(settings.addr, new Error(`${at.host}:${at.port} is a replica, not the primary`))),
    ),
    db: settings.db,
    // A server that vanished (a lost node) shows only by its silence; TCP alone takes minutes.
    socketTimeout:
      Math.min(settings.clientTimeoutMs, LONGEST_SILENCE) +
      (purpose === 'blocking' ? BLOCK_SECONDS * 1000 : 0),
    retryStrategy: (attempt) =>
      Math.min(50 * 2 ** Math.min(attempt, 10), LONGEST_PAUSE) * (0.8 + 0.4 * Math.random()),
    reconnectOnError: (error) => ELSEWHERE.test(error.message),
    lazyConnect: true,
  });
  connection.on('error', (error: Error) => {
    onError(unavailable(settings.addr, error));
    // ioredis would go on in database 0.
    if (NO_SUCH_DATABASE.test(error.message)) connection.disconnect(true);
  });
  keepLoggedIn(connection, settings, (error) => onError(unavailable(settings.addr, error)));
  keepTesting(connection);
  connection.connect().catch(() => undefined);
  const { mode, slotKey = '' } = settings;
  return mode === 'cluster' ? Object.assign(connection, { slotGuard: `${slotKey}:guard` }) : connection;
}

/** The same for callers that need it at once: rejects when Redis is not ready within the client time-out. */
export async function openReady(
  settings: RedisSettings,
  onError: (error: Error) => void = () => undefined,
): Promise<RedisConnection> {
  let failure: Error | undefined;
  const connection = openConnection(settings, 'commands', (error) => {
    // The cause: what follows is that there is no connection.
    if (failure === undefined || !error.message.endsWith(': not connected')) failure = error;
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
  throw failure ?? unavailable(settings.addr, 'no connection in time');
}

/** Silence shows only where a reply is due: without this, a subscriber would listen to a dead primary without end. */
function keepTesting(connection: Redis): void {
  const timer = setInterval(() => {
    if (connection.status === 'ready') connection.ping().catch(() => undefined);
  }, PING_MS).unref();
  connection.on('end', () => clearInterval(timer));
}

/**
 * Reads when the certificate of the current primary expires; ms since 1970, undefined while it cannot be read. A connection keeps the
 * certificate of its beginning, and Redis takes another one while it runs: each look connects.
 */
export function certificateExpiry(settings: RedisSettings, tls: RedisTls): () => Promise<number | undefined> {
  const primary = new Primary(settings, (at, command) => ask(settings, at, command));
  let last: Address | undefined;
  return async () => {
    try {
      // Sentinels and nodes whose certificate has expired cannot be asked.
      last = (await primary.find().catch(() => undefined)) ?? last;
      if (last === undefined) return undefined;
      return await readCertificateExpiry(last, tls, handshakeMs(settings));
    } catch {
      return undefined;
    }
  };
}

/** Sends one command to a Sentinel or a node of the Cluster. */
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

/** Makes the sockets of ioredis. It stops reconnecting when this rejects, so a failure is a closed socket. */
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

    /** Sentinels and nodes may still name a former primary: the server itself says what it is. */
    override check(info: { readonly role?: string }): boolean {
      if (info.role !== 'slave') return true;
      if (this.#at !== undefined) onReplica?.(this.#at);
      return false;
    }
  };
}

/** A Service without endpoints drops the handshake: retry soon, its Pod may be back within a second. */
function handshakeMs({ clientTimeoutMs }: RedisSettings): number {
  return Math.min(clientTimeoutMs, LONGEST_HANDSHAKE);
}

export function unavailable(addr: string, cause: unknown): TransportError {
  const said = cause instanceof Error ? cause.message : String(cause);
  // The text of ioredis for a command without a connection would mislead a reader.
  const why = said.startsWith(NOT_CONNECTED)
    ? 'not connected'
    : said.startsWith(BROKEN_OFF)
      ? 'the connection broke off before the reply'
      : said;
  return new TransportError('store-unavailable', `Redis at ${addr}: ${why}`, { cause });
}

/** Errors that pass, by themselves or when Redis is repaired: the same command may succeed later. */
const PASSING =
  /^((LOADING|READONLY|OOM|BUSY|MASTERDOWN|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|UNBLOCKED|NOSCRIPT|MISCONF|NOAUTH|NOPERM|WRONGPASS)\b|ERR The user executing the script )/;

/** Whether a command that failed so certainly had no effect; after a lost reply that is unknown. */
export function wasNotDone(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    error.message.startsWith(NOT_CONNECTED) || (error.name === 'ReplyError' && PASSING.test(error.message))
  );
}

/** Whether Redis refused this very command: repeating it cannot help. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError' && !PASSING.test(error.message);
}
