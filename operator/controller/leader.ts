/**
 * Leader election: one of several operators holds a Lease and renews it. Clocks of machines are never compared: a follower
 * takes over when it has seen the Lease unchanged, by its own monotonic clock, for the whole lease duration. Every write
 * is a compare-and-swap on the version read or last written, so two can never both win. A leader that cannot renew resigns
 * before others may take over, and its process ends.
 */
import { StoreError } from '../kube/object-store.ts';
import { type Clock, sleep } from '../../services/runtime/clock.ts';
import { errorFields, type Log } from '../../services/runtime/log.ts';
import type { Lease, LeaseSpec, LeaseStore } from './lease.ts';

export interface LeaderOptions {
  readonly store: LeaseStore;
  /** Unique per process: a Pod name and a random part. */
  readonly identity: string;
  readonly onAcquired: () => void;
  /** Leadership was lost. Another process may lead from now on: end this one. */
  readonly onLost: (reason: string) => void;
  readonly log: Log;
  /** Wall clock, only for the times written into the Lease. */
  readonly clock: Clock;
  readonly monotonic?: Clock;
  readonly random?: () => number;
  readonly timings?: LeaderTimings;
}

export interface LeaderTimings {
  readonly leaseMs: number;
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

/** The timings of Kubernetes' own controllers. */
const TIMINGS: LeaderTimings = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2000 };

/** Errors of a write that mean: read the Lease again. */
const READ_AGAIN: ReadonlySet<string> = new Set(['conflict', 'not-found']);

export class LeaderElector {
  readonly #options: LeaderOptions;
  readonly #timings: LeaderTimings;
  readonly #monotonic: Clock;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #lease: Lease | undefined;
  /** When, by the monotonic clock, the current version of the Lease was first seen. */
  #observedAt = 0;
  /** Until when, by the monotonic clock, this process leads without a further renewal. */
  #leadingUntil = Number.NEGATIVE_INFINITY;
  #deadline: NodeJS.Timeout | undefined;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#timings = options.timings ?? TIMINGS;
    this.#monotonic = options.monotonic ?? { now: () => performance.now() };
  }

  /** Whether this process leads now; correct also after a suspension in which no timer ran. */
  get leading(): boolean {
    return this.#monotonic.now() < this.#leadingUntil;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops and, if this process leads, releases the Lease so that the next leader need not wait. Does not call onLost. */
  async stop(): Promise<void> {
    const held = this.leading;
    this.#stop.abort();
    this.#resign();
    await this.#running;
    if (!held || this.#lease === undefined) return;
    try {
      await this.#release(this.#lease);
    } catch (error) {
      this.#options.log.warn(
        errorFields(error),
        'lease not released, the next leader waits until it expires',
      );
    }
  }

  async #release(held: Lease): Promise<void> {
    const { store, identity } = this.#options;
    const signal = AbortSignal.timeout(this.#timings.retryMs);
    const free = { holderIdentity: '', leaseDurationSeconds: 1, renewTime: this.#microTime() };
    try {
      await store.update({ ...held.spec, ...free }, held.version, signal);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'conflict')) throw error;
      // A renewal was in flight at the stop.
      const now = await store.get(signal);
      if (now?.spec.holderIdentity === identity) {
        await store.update({ ...now.spec, ...free }, now.version, signal);
      }
    }
  }

  async #run(): Promise<void> {
    const random = this.#options.random ?? Math.random;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#tryOnce();
      } catch (error) {
        // Losing a race is normal; every other error is logged.
        const raced = error instanceof StoreError && error.code === 'conflict';
        if (!raced && !this.#stop.signal.aborted) {
          this.#options.log.warn(errorFields(error), 'cannot read or write the lease, retrying');
        }
      }
      await sleep(this.#timings.retryMs * (1 + 0.2 * random()), this.#stop.signal);
    }
  }

  async #tryOnce(): Promise<void> {
    const limit = AbortSignal.timeout(this.#timings.renewDeadlineMs / 2);
    const signal = AbortSignal.any([this.#stop.signal, limit]);
    if (this.#holding && this.#lease !== undefined) {
      try {
        return await this.#write(this.#lease, signal);
      } catch (error) {
        // Another process wrote it, or the response to our own write was lost: read it.
        if (!(error instanceof StoreError) || !READ_AGAIN.has(error.code)) throw error;
      }
    }
    await this.#readAndTake(signal);
  }

  /** Reads the Lease and takes it if it is free. */
  async #readAndTake(signal: AbortSignal): Promise<void> {
    const { store, identity } = this.#options;
    const found = await store.get(signal);
    const before = this.#monotonic.now();
    this.#observe(found, before);
    if (found === undefined) {
      this.#lease = await store.create(this.#claim(undefined), signal);
      return this.#won(before);
    }
    const { holderIdentity, leaseDurationSeconds } = found.spec;
    const mine = holderIdentity === identity;
    const until = this.#observedAt + leaseDurationSeconds * 1000;
    if (this.#holding && !mine) return this.#lost(`${holderIdentity || 'another process'} took the lease`);
    if (!mine && holderIdentity !== '' && before < until) return;
    await this.#write(found, signal);
  }

  async #write(over: Lease, signal: AbortSignal): Promise<void> {
    const before = this.#monotonic.now();
    this.#lease = await this.#options.store.update(this.#claim(over.spec), over.version, signal);
    this.#observedAt = before;
    this.#won(before);
  }

  get #holding(): boolean {
    return this.#leadingUntil !== Number.NEGATIVE_INFINITY;
  }

  #observe(found: Lease | undefined, now: number): void {
    if (found?.version !== this.#lease?.version) this.#observedAt = now;
    this.#lease = found;
  }

  #claim(before: LeaseSpec | undefined): LeaseSpec {
    const now = this.#microTime();
    const renewed = before?.holderIdentity === this.#options.identity;
    return {
      holderIdentity: this.#options.identity,
      leaseDurationSeconds: Math.ceil(this.#timings.leaseMs / 1000),
      acquireTime: renewed ? before.acquireTime : now,
      renewTime: now,
      leaseTransitions: before === undefined ? 0 : before.leaseTransitions + (renewed ? 0 : 1),
    };
  }

  /** @param at start of the write: the deadline counts from there, as others cannot have seen the write earlier */
  #won(at: number): void {
    if (this.#stop.signal.aborted) return;
    const acquired = !this.#holding;
    this.#leadingUntil = at + this.#timings.renewDeadlineMs;
    clearTimeout(this.#deadline);
    const left = Math.max(0, this.#leadingUntil - this.#monotonic.now());
    this.#deadline = setTimeout(() => this.#lost('the lease was not renewed in time'), left);
    if (!acquired) return;
    this.#options.log.info({ identity: this.#options.identity }, 'became leader');
    // In its own microtask: an error of the callback must not count as an error of the lease.
    queueMicrotask(this.#options.onAcquired);
  }

  #lost(reason: string): void {
    this.#resign();
    this.#stop.abort();
    this.#options.log.error({ reason }, 'no longer leading');
    this.#options.onLost(reason);
  }

  #resign(): void {
    clearTimeout(this.#deadline);
    this.#leadingUntil = Number.NEGATIVE_INFINITY;
  }

  #microTime(): string {
    return new Date(this.#options.clock.now()).toISOString().replace('Z', '000Z');
  }
}
