/**
 * The proxy side of the data path: frames go into `ocpp:requests` in batches, answers
 * come from this proxy's outbox, and sessions are taken and ended by compare.
 *
 * With Redis away, frames wait here (their sockets bound how many), and go on in the same order when it is
 * back; a batch whose reply was lost is sent again, which acknowledge.lua copes with.
 */
import { TransportError } from '../errors.ts';
import type { Gateway, GatewayConnection, GatewayEvents, StationSession, StationSink } from '../gateway.ts';
import type { TransportLoad } from '../load.ts';
import { type RedisSettings, unavailable } from './connection/connection.ts';
import { type OutboxEntry, readOutbox } from './queue/envelope.ts';
import { RedisGatewayEvents } from './state/events.ts';
import type { Keys } from './keys.ts';
import { readLoad } from './queue/load.ts';
import { Membership } from './lease/membership.ts';
import { OutboxReader } from './queue/outbox-reader.ts';
import { QueuePusher } from './queue/pusher.ts';
import { endProxy, endSessions } from './lease/reclaim.ts';
import { retrying } from './connection/retry.ts';
import { type ConnectionHost, StationConnection } from './session/station-connection.ts';
import { StoreMemory } from './connection/memory-guard.ts';

export interface RedisGatewayOptions {
  readonly redis: RedisSettings;
  readonly keys: Keys;
  /** The Pod's name; the process's id in Redis begins with it. */
  readonly name: string;
  readonly leaseMs?: number;
  readonly forkInterop?: boolean;
}

/** How often each connection is held against its session; ms, and how many in one script. */
const REFRESH_MS = 10_000;
const REFRESH_AT_ONCE = 500;

export class RedisGateway implements Gateway, ConnectionHost {
  readonly events: GatewayEvents;
  readonly #options: RedisGatewayOptions;
  readonly #member: Membership;
  readonly #queue: QueuePusher;
  readonly #memory: StoreMemory;
  readonly #connections = new Map<number, StationConnection>();
  /** Ended here and not yet in Redis. */
  readonly #ending = new Set<StationConnection>();
  readonly #failed: ((error: Error) => void)[] = [];
  #loop: Promise<void> = Promise.resolve();
  #refresher: NodeJS.Timeout | undefined;

  constructor(options: RedisGatewayOptions) {
    this.#options = options;
    this.#member = new Membership({
      ...options,
      role: 'proxy',
      onError: (error) => this.#report(error),
      onLost: () => this.#revokeAll(),
    });
    this.#queue = new QueuePusher(this.#member, (error) => this.#report(error));
    this.events = new RedisGatewayEvents(this.#member, (error) => this.#report(error));
    this.#memory = new StoreMemory(this.#member.commands, (error) => this.#report(error));
  }

  get id(): string {
    return this.#member.pid;
  }

  async start(): Promise<void> {
    await this.#member.start();
    if (this.#member.stopping) return;
    this.#memory.start();
    const deliver = (entry: string) => this.#deliver(entry);
    this.#loop = new OutboxReader(this.#member, deliver, (error) => this.#report(error)).run();
    this.#refresher = setInterval(() => void this.#refresh(), this.#options.leaseMs ?? REFRESH_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#refresher);
    this.#memory.stop();
    for (let left = 100; this.#queue.busy && this.isHealthy() && left > 0; left--) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { pid, commands, keys } = this.#member;
    this.#member.retire();
    this.#member.blocking.disconnect();
    try {
      if (pid !== '' && commands.status === 'ready') await endProxy(commands, keys, pid, true);
    } catch (error) {
      this.#report(error as Error);
    }
    await this.#member.close();
    await this.#loop;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  isHealthy(): boolean {
    return this.#member.healthy;
  }

  isFull(): boolean {
    return this.#memory.full;
  }

  onError(listener: (error: Error) => void): void {
    this.#failed.push(listener);
  }

  readonly load = async (): Promise<TransportLoad> => {
    const load = await readLoad(this.#member.commands, this.#member.keys);
    const { share } = this.#memory;
    return share === undefined ? load : { ...load, memoryShare: share };
  };

  async open(session: StationSession, sink: StationSink): Promise<GatewayConnection> {
    if (!this.isHealthy()) throw unavailable(this.#options.redis.addr, 'not connected');
    const { pid, commands, keys } = this.#member;
    // Drawn before the script, so that a script that is sent twice stays one connection. The clock as the least
    // keeps epochs rising when Redis has lost the counter: older ones may live on in proxies and frames.
    const { redis } = this.#options;
    const draw = () => commands.reserve(keys.epoch, 1, Date.now());
    const epoch = await retrying(redis, draw).catch((error: unknown) => {
      throw unavailable(redis.addr, error);
    });
    const connection = new StationConnection(this, session, pid, epoch, sink);
    this.#connections.set(epoch, connection);
    try {
      const taken = await this.#takeSession(session, connection);
      if (taken === 0) void this.#member.lost(pid);
      if (taken !== 1) {
        const why = taken === 0 ? 'this proxy lost its registration' : 'the station has connected again';
        throw new TransportError(taken === 0 ? 'registration-lost' : 'session-refused', why);
      }
      connection.open = true;
      return connection;
    } catch (error) {
      // Perhaps the script ran and only its reply was lost.
      void connection.close();
      throw error instanceof TransportError ? error : unavailable(this.#options.redis.addr, error);
    }
  }

  /** Queues an entry; resolves when it is stored. */
  push(entry: string): Promise<void> {
    return this.#queue.push(entry);
  }

  /** Ends the session in Redis, now or when Redis is back. */
  async closed(connection: StationConnection): Promise<void> {
    if (!this.#connections.delete(connection.epoch)) return;
    this.#ending.add(connection);
    await this.#endSessions().catch((error: Error) => this.#report(error));
  }

  async #takeSession(session: StationSession, { epoch, pid, station }: StationConnection): Promise<number> {
    const { commands, keys } = this.#member;
    const { stationId, remoteAddress, protocol, metadata } = session;
    const now = new Date().toISOString();
    const event = {
      event: 'connect',
      charge_point_id: stationId,
      ws_server_id: pid,
      timestamp: now,
      remote_addr: remoteAddress,
      connection: epoch,
    };
    const names = [
      keys.process(pid),
      keys.session(stationId),
      keys.lastEpoch(stationId),
      keys.active,
      keys.sessions(pid),
    ];
    const facts = [keys.prefix, pid, station, stationId, epoch, now, remoteAddress, protocol];
    const texts = [JSON.stringify(metadata ?? {}), JSON.stringify(event)];
    return retrying(this.#options.redis, () => commands.takeSession(...names, ...facts, ...texts));
  }

  #deliver(raw: string): void {
    const entry = readOutbox(raw);
    if (entry === undefined) return;
    const connection = this.#connections.get(entry.epoch);
    if (entry.type === 0) {
      this.#connections.delete(entry.epoch);
      connection?.sink.revoked('replaced', 'the station has connected again');
    } else if (connection?.sink.deliver(entry) !== true && entry.timeoutMs !== undefined) {
      void this.#handBack(entry);
    }
  }

  /**
   * A call that counts as sent and was not written, as its socket is gone: it waits for the next connection. Tried
   * once: if this fails, or comes after the session's end, the call ends as uncertain.
   */
  async #handBack({ messageId, epoch }: OutboxEntry): Promise<void> {
    const { commands, keys } = this.#member;
    try {
      await commands.endCall(keys.requests, keys.prefix, 'hand-back', messageId, epoch);
    } catch (error) {
      if (!this.#member.stopping) this.#report(unavailable(this.#options.redis.addr, error));
    }
  }

  /** Finds sessions that are not this proxy's any more although nobody could tell it, and retries what is to end. */
  async #refresh(): Promise<void> {
    const { pid, commands, keys } = this.#member;
    const heads = [keys.prefix, pid, this.#options.forkInterop === true ? 'fork' : ''];
    try {
      await this.#endSessions();
      const all = [...this.#connections.values()];
      for (let i = 0; i < all.length; i += REFRESH_AT_ONCE) {
        const chunk = all.slice(i, i + REFRESH_AT_ONCE).filter((one) => one.open && one.pid === pid);
        const pairs = chunk.flatMap(({ station, epoch }) => [station, epoch]);
        for (const epoch of await commands.lostSessions(keys.requests, ...heads, ...pairs)) {
          this.#revoke(Number(epoch));
        }
      }
    } catch (error) {
      if (!this.#member.stopping) this.#report(unavailable(this.#options.redis.addr, error));
    }
  }

  #revoke(epoch: number): void {
    const connection = this.#connections.get(epoch);
    if (connection === undefined) return;
    this.#connections.delete(epoch);
    connection.sink.revoked('lost', 'the session is not this connection’s any more');
  }

  #revokeAll(): void {
    const all = [...this.#connections.values()];
    this.#connections.clear();
    for (const { sink } of all) sink.revoked('lost', 'the proxy lost its lease');
  }

  async #endSessions(): Promise<void> {
    const ending = [...this.#ending];
    if (ending.length === 0) return;
    const { commands, keys } = this.#member;
    for (const pid of new Set(ending.map((connection) => connection.pid))) {
      const ours = ending.filter((one) => one.pid === pid);
      await endSessions(
        commands,
        keys,
        pid,
        ours.map(({ station, epoch }) => [station, String(epoch)]),
      );
      for (const connection of ours) this.#ending.delete(connection);
    }
  }

  #report(error: Error): void {
    for (const listener of this.#failed) listener(error);
  }
}
