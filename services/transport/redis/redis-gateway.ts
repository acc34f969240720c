/**
 * The proxy side of the data path: enqueues frames to `ocpp:requests` in batches, reads responses from this proxy's outbox,
 * and opens and ends sessions by compare.
 *
 * While Redis is away, frames wait here (their sockets bound how many), and are enqueued in the same order when it is back. A
 * batch whose reply was lost is sent again: acknowledge.lua applies duplicates once.
 */
import { randomUUID } from 'node:crypto';
import { MessageType } from '../../ocpp/frame.ts';
import { TransportError } from '../errors.ts';
import type { Gateway, GatewayConnection, GatewayEvents, StationSession, StationSink } from '../gateway.ts';
import type { TransportLoad } from '../load.ts';
import type { RateLease, RateRequests } from '../rates.ts';
import type { StoreStatus } from '../store-status.ts';
import { type RedisSettings, unavailable } from './connection/connection.ts';
import { type OutboxEntry, readOutbox } from './queue/envelope.ts';
import { RedisGatewayEvents } from './state/events.ts';
import type { Keys } from './keys.ts';
import { queueLoad } from './queue/queue-load.ts';
import { Membership } from './lease/membership.ts';
import { OutboxReader } from './outbox/outbox-reader.ts';
import { QueuePusher } from './queue/pusher.ts';
import { leaseRates, releaseRates } from './lease/lease-rates.ts';
import { closeProxy } from './lease/reclaim.ts';
import { RedisRollouts } from './rollout/redis-rollouts.ts';
import { testQueue } from './rollout/self-test.ts';
import { lostSessions } from './session/lost-sessions.ts';
import { openSession } from './session/open-session.ts';
import { SessionEnds } from './session/session-ends.ts';
import { requeueCall } from './calls/requeue-call.ts';
import { reserve } from './state/reserve.ts';
import { RedisState } from './state/state-reader.ts';
import type { StateStore } from '../stored-state.ts';
import { Readers } from './connection/readers.ts';
import { retrying } from './connection/retry.ts';
import { type ConnectionHost, StationConnection } from './session/station-connection.ts';
import { MemoryGuard } from './connection/memory-guard.ts';

export interface RedisGatewayOptions {
  readonly redis: RedisSettings;
  readonly keys: Keys;
  /** The Pod's name; the proxy id begins with it. */
  readonly name: string;
  readonly leaseMs?: number;
  /** `namespace/name/uid` of the cluster that owns the keys. */
  readonly cluster?: string;
  /** Processors of ocpp-go share the Redis (ocpp-go/interop.ts). */
  readonly ocppGoInterop?: boolean;
}

const RESPONSES: ReadonlySet<number> = new Set([MessageType.CallResult, MessageType.CallError]);
/** How often each connection is compared with its session; ms, and how many in one script. */
const REFRESH_MS = 10_000;
const REFRESH_AT_ONCE = 500;

export class RedisGateway implements Gateway, ConnectionHost {
  readonly events: GatewayEvents;
  readonly rollouts: RedisRollouts;
  readonly state: StateStore;
  readonly #options: RedisGatewayOptions;
  readonly #member: Membership;
  readonly #queue: QueuePusher;
  readonly #memory: MemoryGuard;
  readonly #connections = new Map<number, StationConnection>();
  readonly #ends: SessionEnds;
  /** In the leases of rates: it stays when the process registers again. */
  readonly #lessee: string;
  readonly #failed: ((error: Error) => void)[] = [];
  #loop: Promise<void> = Promise.resolve();
  #refresher: NodeJS.Timeout | undefined;

  constructor(options: RedisGatewayOptions) {
    this.#options = options;
    this.#lessee = `${options.name}-${randomUUID().slice(0, 8)}`;
    const onError = (error: Error) => this.#report(error);
    this.#member = new Membership({ ...options, role: 'proxy', onError, onLost: () => this.#revokeAll() });
    this.#queue = new QueuePusher(this.#member);
    this.#ends = new SessionEnds(this.#member, onError);
    this.events = new RedisGatewayEvents(this.#member, onError);
    this.rollouts = new RedisRollouts(this.#member, onError);
    const readers = new Readers(this.#member.commands, () => this.#member.commands, 0);
    this.state = new RedisState(this.#member, readers, options.redis, options.keys);
    this.#memory = new MemoryGuard(this.#member.commands, onError);
  }

  get id(): string {
    return this.#member.processId;
  }

  async start(): Promise<void> {
    await this.#member.start();
    if (this.#member.stopping) return;
    this.#memory.start();
    this.#loop = new OutboxReader(this.#member, (entry) => this.#deliver(entry)).run();
    this.#refresher = setInterval(() => void this.#refresh(), this.#options.leaseMs ?? REFRESH_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#refresher);
    this.#memory.stop();
    const busy = () => this.#queue.busy || this.rollouts.busy;
    for (let left = 100; busy() && this.isHealthy() && left > 0; left--) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { processId, commands, keys } = this.#member;
    this.#member.retire();
    this.#member.blocking.disconnect();
    try {
      if (processId !== '' && commands.status === 'ready') {
        await releaseRates(commands, keys, this.#lessee);
        await closeProxy(commands, keys, processId, true);
      }
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

  selfTest(timeoutMs: number): Promise<void> {
    return testQueue(this.#member, timeoutMs);
  }

  onError(listener: (error: Error) => void): void {
    this.#failed.push(listener);
  }

  readonly load = async (): Promise<TransportLoad> => {
    const load = await queueLoad(this.#member.commands, this.#member.keys);
    const { share } = this.#memory;
    return share === undefined ? load : { ...load, memoryShare: share };
  };

  readonly leaseRates = (requests: RateRequests): Promise<RateLease> => {
    const { commands, keys } = this.#member;
    return leaseRates(commands, keys, { process: this.#lessee, requests });
  };
  readonly store = (): StoreStatus => this.#member.store;

  leave(): void {
    this.#member.leave();
  }

  async open(session: StationSession, sink: StationSink): Promise<GatewayConnection> {
    if (!this.isHealthy()) throw unavailable(this.#options.redis.addr, 'not connected');
    const { processId: proxyId, commands, keys } = this.#member;
    // Drawn before the script, so that a script that is sent twice opens one connection. The clock as the floor keeps epochs
    // rising when Redis has lost the counter: older ones may still be in proxies and frames.
    const { redis } = this.#options;
    const draw = () => reserve(commands, { counter: keys.epoch, count: 1, floor: Date.now() });
    const epoch = await retrying(redis, draw).catch((error: unknown) => {
      throw unavailable(redis.addr, error);
    });
    const connection = new StationConnection(this, session, proxyId, epoch, sink);
    this.#connections.set(epoch, connection);
    try {
      const opened = await retrying(redis, () => openSession(commands, keys, { proxyId, epoch, session }));
      if (opened.kind === 'unregistered') {
        void this.#member.lost(proxyId);
        throw new TransportError('registration-lost', 'this proxy lost its registration');
      }
      if (opened.kind === 'replaced') {
        throw new TransportError('session-refused', 'the station has connected again');
      }
      connection.open = true;
      if (opened.movedMs !== undefined) connection.movedAt = performance.now() - opened.movedMs;
      return connection;
    } catch (error) {
      // The script may have run, and only its reply was lost.
      void connection.close();
      throw error instanceof TransportError ? error : unavailable(redis.addr, error);
    }
  }

  push(entry: string, deferredMs: number): Promise<void> {
    return this.#queue.push(entry, deferredMs);
  }

  /** Ends the session in Redis, now or when Redis is back. */
  async closed(connection: StationConnection): Promise<void> {
    if (!this.#connections.delete(connection.epoch)) return;
    await this.#ends.end(connection);
  }

  #deliver(raw: string): void {
    const entry = readOutbox(raw);
    if (entry === undefined) return;
    const connection = this.#connections.get(entry.epoch);
    if (entry.type === 0) {
      this.#connections.delete(entry.epoch);
      connection?.sink.revoked('replaced', 'the station has connected again');
    } else if (connection?.sink.deliver(entry) !== true) {
      if (entry.timeoutMs !== undefined) void this.#requeue(entry);
    } else if (connection.movedAt !== undefined && RESPONSES.has(entry.type)) {
      this.rollouts.recordGap(performance.now() - connection.movedAt);
      connection.movedAt = undefined;
    }
  }

  /**
   * A call that counts as sent and was not written, as its socket is closed: it waits for the next connection. Tried once: if
   * this fails, or is later than the session's end, the call ends as uncertain.
   */
  async #requeue({ messageId, epoch }: OutboxEntry): Promise<void> {
    const { commands, keys } = this.#member;
    try {
      await requeueCall(commands, keys, { messageId, epoch });
    } catch (error) {
      if (!this.#member.stopping) this.#report(unavailable(this.#options.redis.addr, error));
    }
  }

  /** Finds sessions that this proxy lost without notice, and ends sessions that could not be ended before. */
  async #refresh(): Promise<void> {
    const { processId: proxyId, commands, keys } = this.#member;
    const ocppGoInterop = this.#options.ocppGoInterop === true;
    try {
      await this.#ends.flush();
      const all = [...this.#connections.values()];
      for (let i = 0; i < all.length; i += REFRESH_AT_ONCE) {
        const connections = all
          .slice(i, i + REFRESH_AT_ONCE)
          .filter((one) => one.open && one.proxyId === proxyId);
        const lost = await lostSessions(commands, keys, { proxyId, ocppGoInterop, connections });
        for (const epoch of lost) this.#revoke(epoch);
      }
    } catch (error) {
      if (!this.#member.stopping) this.#report(unavailable(this.#options.redis.addr, error));
    }
  }

  #revoke(epoch: number): void {
    const connection = this.#connections.get(epoch);
    if (connection === undefined) return;
    this.#connections.delete(epoch);
    connection.sink.revoked('lost', 'the connection has lost its session');
  }

  #revokeAll(): void {
    const all = [...this.#connections.values()];
    this.#connections.clear();
    for (const { sink } of all) sink.revoked('lost', 'the proxy lost its lease');
  }

  #report(error: Error): void {
    for (const listener of this.#failed) listener(error);
  }
}
