/**
 * A process among the others: its connections, its registration with a lease, and its share in rescuing those
 * whose lease has run out. A process that finds itself declared dead forgets all that it holds and registers
 * under a new id; what it held is others' by then.
 */
import { randomUUID } from 'node:crypto';
import { sleep } from '../../../runtime/clock.ts';
import { TransportError } from '../../errors.ts';
import {
  openConnection,
  type RedisConnection,
  type RedisSettings,
  unavailable,
} from '../connection/connection.ts';
import type { Keys, Role } from '../keys.ts';
import { rescueDead } from './reclaim.ts';
import { endCallsInTime } from '../calls/station-calls.ts';

export interface MembershipOptions {
  readonly redis: RedisSettings;
  readonly keys: Keys;
  readonly role: Role;
  /** The registration's id begins with it; the Pod's name. */
  readonly name: string;
  readonly leaseMs?: number;
  readonly onError: (error: Error) => void;
  /** Everything held under `pid` is lost. Called before a new id is drawn. */
  readonly onLost: (pid: string) => void;
}

/** A process is dead when it has not renewed for so long; it renews three times as often. */
const LEASE_MS = 10_000;
/** How often each process looks whether the time of a call to a station is up. */
const DEADLINES_MS = 1000;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 2000;

export class Membership {
  readonly keys: Keys;
  readonly commands: RedisConnection;
  readonly blocking: RedisConnection;
  readonly #options: MembershipOptions;
  readonly #leaseMs: number;
  #pid = '';
  #timer: NodeJS.Timeout | undefined;
  #deadlines: NodeJS.Timeout | undefined;
  #beating = false;
  #registering: Promise<void> | undefined;
  /** Counts the blocking connections, and which of them has its client id in the registration. */
  #link = 0;
  #registeredLink = -1;
  #blockingId = 0;
  /** The last registration or renewal, and since when none was late; performance.now(). */
  #renewedAt = -Infinity;
  #inTouchSince = 0;
  readonly #stopped = new AbortController();
  /** Aborts with the next connection that is made: whoever waits after a failure tries at once. */
  #back = new AbortController();

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.keys = options.keys;
    this.commands = openConnection(options.redis, 'commands', options.onError);
    this.blocking = openConnection(options.redis, 'blocking', options.onError);
    this.blocking.on('close', () => {
      this.#link++;
    });
    for (const connection of [this.commands, this.blocking]) {
      connection.on('ready', () => {
        this.#back.abort();
        this.#back = new AbortController();
      });
    }
  }

  /** Id of the registration; empty before the first. */
  get pid(): string {
    return this.#pid;
  }

  /** Where Redis is, for messages. */
  get addr(): string {
    return this.#options.redis.addr;
  }

  get healthy(): boolean {
    return this.#pid !== '' && this.commands.status === 'ready';
  }

  get stopping(): boolean {
    return this.#stopped.signal.aborted;
  }

  /** Resolves with the first registration, for which it waits as long as Redis takes, or when it is stopped before. */
  async start(): Promise<void> {
    await this.#register();
    if (this.stopping) return;
    this.#timer = setInterval(() => void this.#beat(), this.#leaseMs / 3);
    this.#deadlines = setInterval(() => void this.#endCalls(), DEADLINES_MS * (0.9 + 0.2 * Math.random()));
  }

  /** Ends the connections. The registration must have been ended before, or its lease does that. */
  async close(): Promise<void> {
    this.retire();
    this.commands.disconnect();
    this.blocking.disconnect();
  }

  /**
   * Ends the blocking connection in Redis too: a command that waits there would be served after this process has left,
   * and what it moves nobody would find.
   */
  async endBlocking(): Promise<void> {
    this.blocking.disconnect();
    if (this.#blockingId > 0) await this.commands.client('KILL', 'ID', this.#blockingId);
  }

  /** No more renewals and rescues; commands still work. */
  retire(): void {
    this.#stopped.abort();
    clearInterval(this.#timer);
    clearInterval(this.#deadlines);
  }

  /** A script said that `pid` is not registered. Resolves when there is a new registration. */
  async lost(pid: string): Promise<void> {
    if (pid === this.#pid && this.#registering === undefined && !this.stopping) {
      this.#options.onError(
        new TransportError(
          'registration-lost',
          `${pid} was declared dead; it starts anew under another name`,
        ),
      );
      this.#options.onLost(pid);
      this.#registering = this.#register().finally(() => {
        this.#registering = undefined;
      });
    }
    await this.#registering;
  }

  /**
   * Whether the blocking connection may wait now under `pid`; registers its client id when it is a new one.
   * That may find the registration lost: what is moved to a name that has ended, nobody would find.
   */
  async mayBlock(pid: string): Promise<boolean> {
    if (this.#registeredLink !== this.#link) await this.#renew();
    return this.#registeredLink === this.#link && pid === this.#pid && !this.stopping;
  }

  /** Waits after a failure, longer each time, but no longer than until a lost connection is back. */
  async pause(failures: number): Promise<void> {
    const until = AbortSignal.any([this.#stopped.signal, this.#back.signal]);
    await sleep(Math.min(FIRST_PAUSE * 2 ** Math.min(failures, 10), LONGEST_PAUSE), until);
  }

  async #register(): Promise<void> {
    for (let failures = 0; !this.stopping; failures++) {
      const pid = `${this.#options.name}-${randomUUID().slice(0, 8)}`;
      try {
        if (await this.#send(pid, 'new')) {
          this.#pid = pid;
          return;
        }
      } catch (error) {
        if (failures % 10 === 3) this.#options.onError(unavailable(this.addr, error));
        await this.pause(failures);
      }
    }
  }

  async #renew(): Promise<void> {
    const pid = this.#pid;
    if (!(await this.#send(pid, 'renew'))) await this.lost(pid);
  }

  async #send(pid: string, verb: 'new' | 'renew'): Promise<boolean> {
    const { keys } = this;
    // What closes from here on counts as new, and is registered again before it may block.
    const link = this.#link;
    // Asked once a connection: behind a command that waits, the renewal would wait too.
    const known = this.#registeredLink === link;
    const [one, two] = await Promise.all([
      this.commands.client('ID'),
      known ? this.#blockingId : this.blocking.client('ID'),
    ]);
    const members = keys.members(this.#options.role);
    const sent = this.commands.register(
      keys.process(pid),
      members,
      pid,
      this.#leaseMs,
      verb,
      `${one},${two}`,
    );
    if ((await sent) !== 1) return false;
    this.#registeredLink = link;
    this.#blockingId = two;
    const now = performance.now();
    if (now - this.#renewedAt > this.#leaseMs / 2) this.#inTouchSince = now;
    this.#renewedAt = now;
    return true;
  }

  /**
   * Leases that ran out while Redis was away say nothing: whoever comes back first would declare all others
   * dead, and their stations would lose their sockets. So each gets a whole lease to renew.
   */
  get #mayRescue(): boolean {
    return performance.now() - this.#inTouchSince >= this.#leaseMs;
  }

  /** What fails here is tried by all processes every second; its cause is told by whatever else fails. */
  async #endCalls(): Promise<void> {
    if (this.healthy) await endCallsInTime(this.commands, this.keys).catch(() => {});
  }

  async #beat(): Promise<void> {
    if (this.#beating || this.#registering !== undefined) return;
    this.#beating = true;
    try {
      await this.#renew();
      if (this.#mayRescue) await rescueDead(this.commands, this.keys, this.#pid);
    } catch (error) {
      if (!this.stopping) this.#options.onError(unavailable(this.addr, error));
    } finally {
      this.#beating = false;
    }
  }
}
