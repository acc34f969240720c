/**
 * A gateway whose stations may also be answered, and called, by processors of ocpp-go. They read `ocpp:requests` with BRPOP,
 * understand our envelope, and write to `ocpp:responses:{id}`, which no other program of ours reads. So the gateway polls that
 * list: often while a CALL of the station is open, now and then otherwise.
 *
 * ocpp-go answers stations, not connections. Entries that are in the list when a station connects belong to an earlier
 * connection and are dropped: a station must not get a remote start that it missed hours ago.
 * For a rollout or a migration, not permanently: BRPOP loses the entries of a crashed processor, and polling costs Redis.
 */
import { readFrame } from '../../../ocpp/frame.ts';
import { LONGEST_MESSAGE_ID } from '../../../ocpp/frame-repair.ts';
import { sleep } from '../../../runtime/clock.ts';
import { TransportError } from '../../errors.ts';
import type {
  Gateway,
  GatewayConnection,
  GatewayEvents,
  StationSession,
  StationSink,
} from '../../gateway.ts';
import type { GatewayRollouts } from '../../rollout.ts';
import type { ReadLoad } from '../../load.ts';
import type { LeaseRates } from '../../rates.ts';
import type { StateStore } from '../../stored-state.ts';
import type { ReadStoreStatus } from '../../store-status.ts';
import {
  openConnection,
  type RedisConnection,
  type RedisSettings,
  unavailable,
} from '../connection/connection.ts';
import { untilDone } from '../connection/until-done.ts';
import type { Keys } from '../keys.ts';
import { dropResponses } from './drop-responses.ts';
import { healSession } from './heal-session.ts';
import { OcppGoLink } from './link.ts';
import { takeResponses } from './take-responses.ts';

export interface OcppGoInteropOptions {
  readonly redis: RedisSettings;
  readonly keys: Keys;
}

/** Pause between two rounds of polling; ms. Stations without an open CALL are polled once in so many rounds. */
const POLL_MS = 100;
const ROUNDS = 20;
/** Stations in one script, and entries of one station in it. */
const AT_ONCE = 200;
const ENTRIES = 16;
/** A station with an open CALL is polled every round for so long; ms. */
const EAGER_MS = 60_000;

export class OcppGoInterop implements Gateway {
  readonly events: GatewayEvents;
  readonly state: StateStore;
  readonly load: ReadLoad;
  readonly rollouts: GatewayRollouts;
  readonly leaseRates: LeaseRates;
  readonly store?: ReadStoreStatus;
  readonly #inner: Gateway;
  readonly #options: OcppGoInteropOptions;
  readonly #commands: RedisConnection;
  readonly #links = new Map<string, OcppGoLink>();
  /** Of `#links`, those with an open CALL. */
  readonly #eager = new Set<OcppGoLink>();
  readonly #failed: ((error: Error) => void)[] = [];
  readonly #stopped = new AbortController();
  #idle: Iterator<OcppGoLink> = this.#links.values();
  #loop: Promise<void> = Promise.resolve();

  constructor(inner: Gateway, options: OcppGoInteropOptions) {
    this.events = inner.events;
    this.state = inner.state;
    this.load = inner.load;
    this.rollouts = inner.rollouts;
    this.leaseRates = inner.leaseRates;
    if (inner.store !== undefined) this.store = inner.store;
    this.#inner = inner;
    this.#options = options;
    this.#commands = openConnection(options.redis, 'commands', (error) => this.#report(error));
  }

  get id(): string {
    return this.#inner.id;
  }

  async start(): Promise<void> {
    await this.#inner.start();
    this.#loop = this.#poll();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop;
    this.#commands.disconnect();
    await this.#inner.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  isHealthy(): boolean {
    return this.#inner.isHealthy() && this.#commands.status === 'ready';
  }

  leave(): void {
    this.#inner.leave?.();
  }

  isFull(): boolean {
    return this.#inner.isFull();
  }

  selfTest(timeoutMs: number): Promise<void> {
    return this.#inner.selfTest(timeoutMs);
  }

  onError(listener: (error: Error) => void): void {
    this.#failed.push(listener);
    this.#inner.onError(listener);
  }

  async open(session: StationSession, sink: StationSink): Promise<GatewayConnection> {
    const proxyId = this.#inner.id;
    const link = new OcppGoLink(session, sink, proxyId, {
      eager: (on) => void (on ? this.#eager.add(link) : this.#eager.delete(link)),
      closed: () => {
        this.#eager.delete(link);
        this.#links.delete(String(link.epoch));
      },
    });
    link.connection = await this.#inner.open(session, link);
    try {
      const { stationId } = session;
      await dropResponses(this.#commands, this.#options.keys, { proxyId, stationId, epoch: link.epoch });
    } catch (error) {
      void link.connection.close();
      throw unavailable(this.#options.redis.addr, error);
    }
    this.#links.set(String(link.epoch), link);
    return link;
  }

  async #poll(): Promise<void> {
    const { signal } = this.#stopped;
    const pause = () => sleep(POLL_MS, signal);
    const report = (error: unknown) => this.#report(unavailable(this.#options.redis.addr, error));
    while (!signal.aborted) {
      await untilDone(() => this.#pollOnce(), { ended: () => signal.aborted, pause, report });
      await pause();
    }
  }

  async #pollOnce(): Promise<void> {
    const now = Date.now();
    for (const link of this.#eager) if (now - link.askedAt > EAGER_MS) this.#eager.delete(link);
    const due = [...new Set([...this.#eager, ...this.#nextIdle()])];
    for (let i = 0; i < due.length; i += AT_ONCE) await this.#take(due.slice(i, i + AT_ONCE));
  }

  /** The idle stations of this round: each has its turn within ROUNDS. */
  #nextIdle(): OcppGoLink[] {
    const share: OcppGoLink[] = [];
    for (let left = Math.ceil(this.#links.size / ROUNDS); left > 0; left--) {
      let next = this.#idle.next();
      if (next.done === true) next = (this.#idle = this.#links.values()).next();
      if (next.done !== true) share.push(next.value);
    }
    return share;
  }

  async #take(links: readonly OcppGoLink[]): Promise<void> {
    const proxyId = links[0]?.proxyId ?? '';
    const connections = links
      .filter((link) => link.proxyId === proxyId)
      .map(({ session: { stationId }, epoch }) => ({ stationId, epoch }));
    const what = { proxyId, most: ENTRIES, connections };
    const taken = await takeResponses(this.#commands, this.#options.keys, what);
    for (let i = 0; i < taken.length; i += 2) {
      const link = this.#links.get(taken[i] ?? '');
      const entry = taken[i + 1] ?? '';
      if (link === undefined) continue;
      if (entry === '') await healSession(this.#commands, this.#options.keys, link);
      else this.#deliver(link, entry);
    }
  }

  /** An envelope, or the bare array: the key names the station. */
  #deliver(link: OcppGoLink, entry: string): void {
    const payload = payloadOf(entry);
    const read = readFrame(payload, link.session.protocol, LONGEST_MESSAGE_ID);
    if (read.ok) {
      const { type, id } = read.frame;
      link.deliver({ type, messageId: id, text: JSON.stringify(payload) });
    } else {
      const what = `an entry of ${this.#options.keys.responses(link.session.stationId)} is unreadable`;
      this.#report(new TransportError('bad-envelope', `${what}: ${read.fault.reason}`));
    }
  }

  #report(error: Error): void {
    for (const listener of this.#failed) listener(error);
  }
}

function payloadOf(entry: string): unknown {
  try {
    const value: unknown = JSON.parse(entry);
    return Array.isArray(value) ? value : (value as { readonly payload?: unknown } | null)?.payload;
  } catch {
    return undefined;
  }
}
