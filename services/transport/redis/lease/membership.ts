/**
 * A process among the others: its connections, its registration with a lease, and its share in reclaiming those whose lease
 * has ended. A process that finds itself marked dead forgets all that it holds and registers under a new id; other processes
 * have what it held.
 */
import { randomUUID } from 'node:crypto';
import { sleep } from '../../../runtime/clock.ts';
import { TransportError } from '../../errors.ts';
import type { StoreProblem, StoreStatus } from '../../store-status.ts';
import {
  openConnection,
  type RedisConnection,
  type RedisSettings,
  unavailable,
} from '../connection/connection.ts';
import type { Keys, Role } from '../keys.ts';
import { loginRefused } from '../connection/login.ts';
import { endCallsInTime } from '../calls/end-calls-in-time.ts';
import { untilDone } from '../connection/until-done.ts';
import { reclaimDead, reclaimDeadProcessor } from './reclaim.ts';
import { type Lease, register } from './register.ts';
import { renew } from './renew.ts';

export interface MembershipOptions {
  readonly redis: RedisSettings;
  readonly keys: Keys;
  readonly role: Role;
  /** The Pod's name; the process id begins with it. */
  readonly name: string;
  readonly leaseMs?: number;
  /** `namespace/name/uid`: the keys belong to this cluster. Omitted: no check. */
  readonly cluster?: string;
  /** Of a processor; '' or omitted where it is not known. */
  readonly release?: string;
  readonly onError: (error: Error) => void;
  /** Everything held under this process id is lost. Called before a new id is drawn. */
  readonly onLost: (processId: string) => void;
}

/** A process is dead when it has not renewed its lease for so long; it renews three times as often. */
const LEASE_MS = 10_000;
/** How often each process looks for calls to stations whose time is over; ms. */
const DEADLINES_MS = 1000;
/** After a failure, doubled with each further one; ms. */
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2000;

export class Membership {
  readonly keys: Keys;
  readonly commands: RedisConnection;
  readonly blocking: RedisConnection;
  readonly #options: MembershipOptions;
  readonly #leaseMs: number;
  #processId = '';
  #timer: NodeJS.Timeout | undefined;
  #deadlines: NodeJS.Timeout | undefined;
  #renewing = false;
  #leaving = false;
  /** The id under which the others know that it leaves. */
  #leavingAs = '';
  #registering: Promise<void> | undefined;
  /** Counts the blocking connections; the registration has the client id of this one. */
  #link = 0;
  #registeredLink = -1;
  #blockingId = 0;
  /** The last registration or renewal, and since when none was late; performance.now(). */
  #renewedAt = -Infinity;
  #connectedSince = 0;
  #identity: number | undefined;
  #taken: StoreProblem | undefined;
  #refused: StoreProblem | undefined;
  readonly #stopped = new AbortController();
  /** Aborts with the next connection: what waits after a failure is tried at once. */
  #reconnected = new AbortController();

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.keys = options.keys;
    this.commands = openConnection(options.redis, 'commands', (error) => {
      // A connection that is logged in stays so, whatever becomes of a changed password.
      if (this.commands.status !== 'ready') {
        this.#refused = loginRefused(error) ? { kind: 'login-refused', message: error.message } : undefined;
      }
      options.onError(error);
    });
    this.commands.on('ready', () => (this.#refused = undefined));
    this.blocking = openConnection(options.redis, 'blocking', options.onError);
    this.blocking.on('close', () => {
      this.#link++;
    });
    for (const connection of [this.commands, this.blocking]) {
      connection.on('ready', () => {
        this.#reconnected.abort();
        this.#reconnected = new AbortController();
      });
    }
  }

  /** Id of the registration; empty before the first. */
  get processId(): string {
    return this.#processId;
  }

  get release(): string {
    return this.#options.release ?? '';
  }

  /** Where Redis is, for messages. */
  get addr(): string {
    return this.#options.redis.addr;
  }

  get healthy(): boolean {
    return this.#processId !== '' && this.commands.status === 'ready';
  }

  /** The identity is left out while Redis is away: meanwhile it may have become another one. */
  get store(): StoreStatus {
    const problem = this.#refused ?? this.#taken;
    return {
      ...(problem !== undefined && { problem }),
      ...(this.healthy && this.#identity !== undefined && { identity: this.#identity }),
    };
  }

  get stopping(): boolean {
    return this.#stopped.signal.aborted;
  }

  /** Tells the others, now and with each renewal, that this process takes nothing more and will end. */
  leave(): void {
    this.#leaving = true;
    if (this.healthy) void this.#renewAndReclaim();
  }

  /** Whether all proxies leave. */
  async isEnding(): Promise<boolean> {
    return (await this.commands.exists(this.keys.ending)) === 1;
  }

  /** Resolves with the first registration, however long Redis takes, or when it is stopped before. */
  async start(): Promise<void> {
    await this.#register();
    if (this.stopping) return;
    this.#timer = setInterval(() => void this.#renewAndReclaim(), this.#leaseMs / 3);
    this.#deadlines = setInterval(() => void this.#endCalls(), DEADLINES_MS * (0.9 + 0.2 * Math.random()));
  }

  /** Ends the connections. The registration must have been ended before, or it ends with its lease. */
  async close(): Promise<void> {
    this.retire();
    this.commands.disconnect();
    this.blocking.disconnect();
  }

  /**
   * Ends the blocking connection in Redis too: a command that waits there would be served after this process has left, and
   * the entry that it moves would be lost.
   */
  async endBlocking(): Promise<void> {
    this.blocking.disconnect();
    if (this.#blockingId > 0) await this.commands.client('KILL', 'ID', this.#blockingId);
  }

  /** Stops renewing and reclaiming; commands still work. */
  retire(): void {
    this.#stopped.abort();
    clearInterval(this.#timer);
    clearInterval(this.#deadlines);
  }

  /** A script found no living registration. Resolves when there is a new one. */
  async lost(processId: string): Promise<void> {
    if (processId === this.#processId && this.#registering === undefined && !this.stopping) {
      const what = `${processId} was marked dead by another process; it registers under a new id`;
      this.#options.onError(new TransportError('registration-lost', what));
      this.#options.onLost(processId);
      this.#registering = this.#register().finally(() => {
        this.#registering = undefined;
        if (this.#leaving) void this.#renewAndReclaim();
      });
    }
    await this.#registering;
    await this.#reclaim(processId);
  }

  /**
   * A command that waited under the lost id may have been served: at the latest when it returns, the script behind it finds
   * the registration lost, and this runs again.
   */
  async #reclaim(lost: string): Promise<void> {
    if (this.#options.role !== 'processor' || lost === this.#processId || this.stopping) return;
    await this.untilDone(() => reclaimDeadProcessor(this.commands, this.keys, lost));
  }

  /**
   * Whether the blocking connection may wait now under this process id; registers its client id when it is a new one.
   * That may find the registration lost: an entry that is moved to a list of an ended registration would be lost.
   */
  async mayBlock(processId: string): Promise<boolean> {
    if (this.#registeredLink !== this.#link) await this.#renew();
    return this.#registeredLink === this.#link && processId === this.#processId && !this.stopping;
  }

  /** Runs an action until it succeeds; gives up when this process stops, or when `ended` says so. See untilDone. */
  untilDone<T>(action: () => Promise<T>, ended?: () => boolean): Promise<T | undefined> {
    return untilDone(action, {
      ended: () => this.stopping || ended?.() === true,
      pause: (failures) => this.#pause(failures),
      report: (error) => this.#options.onError(unavailable(this.addr, error)),
    });
  }

  /** A connection that is back ends the pause. */
  async #pause(failures: number): Promise<void> {
    const until = AbortSignal.any([this.#stopped.signal, this.#reconnected.signal]);
    await sleep(Math.min(FIRST_PAUSE * 2 ** Math.min(failures, 10), LONGEST_PAUSE), until);
  }

  async #register(): Promise<void> {
    const attempt = async () => {
      const processId = `${this.#options.name}-${randomUUID().slice(0, 8)}`;
      if (await this.#send(processId, (...words) => this.#claim(...words))) this.#processId = processId;
    };
    const before = this.#processId;
    while (this.#processId === before && !this.stopping) await this.untilDone(attempt);
  }

  /** @throws TransportError prefix-taken while the keys belong to another cluster */
  async #claim(connection: RedisConnection, keys: Keys, lease: Lease): Promise<boolean> {
    const { release } = this;
    const { cluster } = this.#options;
    const result = await register(connection, keys, { ...lease, cluster, release });
    this.#taken = undefined;
    if (result.kind === 'taken') {
      const owner = result.owner.replace(/\/[^/]*$/, '');
      const message = `PrefixTaken: the Redis prefix "${keys.prefix}" belongs to cluster ${owner}`;
      this.#taken = { kind: 'prefix-taken', message };
      throw new TransportError('prefix-taken', message);
    }
    if (result.kind === 'registered') this.#identity = result.identity;
    return result.kind === 'registered';
  }

  async #renew(): Promise<void> {
    const processId = this.#processId;
    const leaving = this.#leaving;
    const renewal = (...[connection, keys, lease]: Parameters<typeof renew>) =>
      renew(connection, keys, { ...lease, leaving });
    if (!(await this.#send(processId, renewal))) return this.lost(processId);
    if (leaving) this.#leavingAs = processId;
  }

  async #send(processId: string, script: typeof renew): Promise<boolean> {
    // A connection that closes from here on counts as new, and is registered again before it may block.
    const link = this.#link;
    // Read once a connection: behind a command that waits, the renewal would wait too.
    const known = this.#registeredLink === link;
    const [one, two] = await Promise.all([
      this.commands.client('ID'),
      known ? this.#blockingId : this.blocking.client('ID'),
    ]);
    const { role } = this.#options;
    const lease = { role, processId, leaseMs: this.#leaseMs, clientIds: [one, two] };
    if (!(await script(this.commands, this.keys, lease))) return false;
    this.#registeredLink = link;
    this.#blockingId = two;
    const now = performance.now();
    if (now - this.#renewedAt > this.#leaseMs / 2) this.#connectedSince = now;
    this.#renewedAt = now;
    return true;
  }

  /**
   * Leases that ended while Redis was away prove nothing: the first process that reconnects would mark all others dead, and
   * their stations would lose their sockets. So each process gets a whole lease to renew.
   */
  get #mayReclaim(): boolean {
    return performance.now() - this.#connectedSince >= this.#leaseMs;
  }

  /** All processes try this every second, and other commands report why it fails. */
  async #endCalls(): Promise<void> {
    if (this.healthy) await endCallsInTime(this.commands, this.keys).catch(() => {});
  }

  async #renewAndReclaim(): Promise<void> {
    if (this.#renewing || this.#registering !== undefined) return;
    this.#renewing = true;
    try {
      do await this.#renew();
      while (this.#leaving && this.#leavingAs !== this.#processId && !this.stopping);
      if (this.#mayReclaim) await reclaimDead(this.commands, this.keys, this.#processId);
    } catch (error) {
      if (!this.stopping) this.#options.onError(unavailable(this.addr, error));
    } finally {
      this.#renewing = false;
    }
  }
}
