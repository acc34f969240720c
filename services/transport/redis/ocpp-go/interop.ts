/**
 * A gateway whose stations may also be answered, and called, by processors of the fork: those take `ocpp:requests`
 * with BRPOP, as they understand our envelope, and write to `ocpp:responses:{id}`, which nothing of ours would read.
 * So that list is polled: often while a CALL of the station is open, now and then otherwise.
 *
 * The fork answers stations, not connections. What stands in the list when a station connects is of before and is
 * dropped; nothing may write to the station a remote start that it missed hours ago.
 * For a rollout or a move, not for ever: BRPOP loses what a crashed processor held, and polling costs Redis.
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
import type { ReadLoad } from '../../load.ts';
import {
  openConnection,
  type RedisConnection,
  type RedisSettings,
  unavailable,
} from '../connection/connection.ts';
import { ForkLink } from './link.ts';
import { escapeKey, type Keys } from '../keys.ts';

export interface ForkInteropOptions {
  readonly redis: RedisSettings;
  readonly keys: Keys;
}

/** Pause between two looks for answers; ms. Those that wait for none are looked at once in so many rounds. */
const POLL_MS = 100;
const ROUNDS = 20;
/** Stations in one script, and entries of one station in it. */
const AT_ONCE = 200;
const ENTRIES = 16;
/** An open CALL is looked for so eagerly for this long; ms. */
const EAGER_MS = 60_000;

export class ForkInterop implements Gateway {
  readonly events: GatewayEvents;
  readonly load: ReadLoad;
  readonly #inner: Gateway;
  readonly #options: ForkInteropOptions;
  readonly #commands: RedisConnection;
  readonly #links = new Map<string, ForkLink>();
  /** Of `#links`, those with an open CALL. */
  readonly #eager = new Set<ForkLink>();
  readonly #failed: ((error: Error) => void)[] = [];
  readonly #stopped = new AbortController();
  #idle: Iterator<ForkLink> = this.#links.values();
  #loop: Promise<void> = Promise.resolve();

  constructor(inner: Gateway, options: ForkInteropOptions) {
    this.events = inner.events;
    this.load = inner.load;
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

  isFull(): boolean {
    return this.#inner.isFull();
  }

  onError(listener: (error: Error) => void): void {
    this.#failed.push(listener);
    this.#inner.onError(listener);
  }

  async open(session: StationSession, sink: StationSink): Promise<GatewayConnection> {
    const pid = this.#inner.id;
    const link = new ForkLink(session, sink, pid, {
      eager: (on) => void (on ? this.#eager.add(link) : this.#eager.delete(link)),
      closed: () => {
        this.#eager.delete(link);
        this.#links.delete(String(link.epoch));
      },
    });
    link.connection = await this.#inner.open(session, link);
    try {
      await this.#take([link], 0);
    } catch (error) {
      void link.connection.close();
      throw unavailable(this.#options.redis.addr, error);
    }
    this.#links.set(String(link.epoch), link);
    return link;
  }

  async #poll(): Promise<void> {
    for (let failures = 0; !this.#stopped.signal.aborted;) {
      const now = Date.now();
      for (const link of this.#eager) if (now - link.askedAt > EAGER_MS) this.#eager.delete(link);
      const due = new Set([...this.#eager, ...this.#nextIdle()]);
      try {
        const all = [...due];
        for (let i = 0; i < all.length; i += AT_ONCE) await this.#look(all.slice(i, i + AT_ONCE));
        failures = 0;
      } catch (error) {
        if (failures++ % 10 === 3) this.#report(unavailable(this.#options.redis.addr, error));
      }
      await sleep(POLL_MS, this.#stopped.signal);
    }
  }

  /** The share of this round, so that every link has its turn within ROUNDS. */
  #nextIdle(): ForkLink[] {
    const share: ForkLink[] = [];
    for (let left = Math.ceil(this.#links.size / ROUNDS); left > 0; left--) {
      let next = this.#idle.next();
      if (next.done === true) next = (this.#idle = this.#links.values()).next();
      if (next.done !== true) share.push(next.value);
    }
    return share;
  }

  async #look(links: readonly ForkLink[]): Promise<void> {
    const taken = await this.#take(links, ENTRIES);
    for (let i = 0; i < taken.length; i += 2) {
      const link = this.#links.get(taken[i] ?? '');
      const entry = taken[i + 1] ?? '';
      if (link === undefined) continue;
      if (entry === '') await this.#heal(link);
      else this.#deliver(link, entry);
    }
  }

  #take(links: readonly ForkLink[], entries: number): Promise<string[]> {
    const { keys } = this.#options;
    const pid = links[0]?.pid ?? '';
    const pairs = links
      .filter((link) => link.pid === pid)
      .flatMap(({ session, epoch }) => [escapeKey(session.stationId), epoch]);
    return this.#commands.takeForkAnswers(keys.process(pid), keys.prefix, entries, ...pairs);
  }

  async #heal(link: ForkLink): Promise<void> {
    const { keys } = this.#options;
    const { pid, epoch, openedAt, settled } = link;
    const { stationId, remoteAddress, protocol, metadata } = link.session;
    const names = [keys.process(pid), keys.session(stationId), keys.lastEpoch(stationId), keys.active];
    const heads = [pid, escapeKey(stationId), stationId, epoch, new Date(openedAt).toISOString()];
    const facts = [remoteAddress, protocol, JSON.stringify(metadata ?? {}), settled];
    await this.#commands.healSession(...names, keys.sessions(pid), ...heads, ...facts);
  }

  /** An envelope, or the bare array: the key says whose it is. */
  #deliver(link: ForkLink, entry: string): void {
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
