/** The work of the owner of a webhook: it reads the stream, sends what is due, and stores how far it is. */
import type { ClusterClient, FollowedPage, NetworkEvent } from '../../client/cluster-client.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import type { Log } from '../../runtime/log.ts';
import { QuietLog } from '../../runtime/quiet-log.ts';
import { idBefore } from '../../transport/stored-lists.ts';
import { cloudEvent, cloudEventOf } from '../cloud-event.ts';
import { EndpointHealth } from './health.ts';
import { type Lane, Lanes, leftOf } from './lanes.ts';
import { AT_ONCE, type Post, type Sent } from './post.ts';
import { type WebhookSettings, wants } from './settings.ts';
import type { DeadLetter, StoredWebhook, WebhookStore } from './store.ts';
import { timeOf, type Waiting, waitingOf } from './waiting.ts';
import type { WebhookMetrics } from './metrics.ts';

export interface DeliveryOptions {
  readonly settings: WebhookSettings;
  readonly source: string;
  readonly events: ReturnType<ClusterClient['events']>;
  readonly store: WebhookStore;
  readonly post: Post;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: WebhookMetrics;
  readonly leaseMs: number;
  /** Whether Redis has room for events that wait. */
  readonly hasRoom: () => boolean;
  /** Aborts when the program stops: another process goes on at once. */
  readonly stopping: AbortSignal;
}

/** Parked events of all stations, and of one. */
const MOST_PARKED = 20_000;
const MOST_OF_STATION = 2000;
/** From this age on the first event of a lane lets it be parked when the window is full; ms. */
const LATE = 1000;
/** Between writes, and between looks for what is due; ms. */
const SETTLE = 500;
const LOOK = 100;
/** How long the stop waits for responses, without which the next owner sends these events again; ms. */
const LAST_REQUESTS = 3000;

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #lanes = new Lanes();
  readonly #health: EndpointHealth;
  readonly #over = new AbortController();
  readonly #quiet: QuietLog;
  readonly #owner: string;
  #webhook: StoredWebhook;
  #letters: DeadLetter[] = [];
  #inFlight = 0;
  #nextProbeAt = 0;
  #hasChanged = false;
  /** One write at a time: each has the whole record. */
  #writing: Promise<void> = Promise.resolve();
  /** The write that has not begun: all that is settled before it begins is part of it. */
  #nextWrite: Promise<void> | undefined;
  #room = Promise.withResolvers<void>();

  constructor(options: DeliveryOptions, webhook: StoredWebhook) {
    this.#options = options;
    this.#webhook = webhook;
    this.#quiet = new QuietLog(options.log, options.clock);
    this.#owner = webhook.owner;
    this.#health = new EndpointHealth(webhook.downSince !== '');
  }

  get webhook(): StoredWebhook {
    return this.#webhook;
  }

  /** Until the program stops or another process is the owner. Rejects as the store does; then it is taken over again. */
  async run(): Promise<void> {
    const { stopping, store } = this.#options;
    const stop = () => this.#over.abort();
    stopping.addEventListener('abort', stop);
    if (stopping.aborted) stop();
    try {
      for await (const [station, parked] of store.stations()) this.#lanes.restore(station, parked);
      await Promise.all([this.#read(), this.#send(), this.#keep()]);
      const end = performance.now() + LAST_REQUESTS;
      while (this.#inFlight > 0 && performance.now() < end) await sleep(LOOK / 4);
      await this.#settle({ owner: '', leaseUntil: 0 });
    } finally {
      stop();
      stopping.removeEventListener('abort', stop);
      await this.#writing.catch(() => undefined);
    }
  }

  async #read(): Promise<void> {
    const { events } = this.#options;
    const { signal } = this.#over;
    await this.#guarded(async () => {
      for await (const page of events.follow({ after: this.#webhook.cursor, signal })) {
        this.#take(page);
        if (this.#lanes.isFull) await this.#settle();
        while (this.#lanes.isFull && !signal.aborted) {
          this.#room = Promise.withResolvers();
          await Promise.race([this.#room.promise, sleep(LOOK, signal)]);
        }
      }
    });
  }

  #take({ items, isGap }: FollowedPage<NetworkEvent>): void {
    const { settings, source, clock } = this.#options;
    const [oldest] = items;
    const now = clock.now();
    if (isGap === true && oldest !== undefined) this.#noteGap(oldest);
    for (const event of items)
      if (wants(settings, event.type)) this.#lanes.add(waitingOf(cloudEventOf(event, source), event.id), now);
      else this.#lanes.skip(event.id);
    if (items.length > 0) this.#hasChanged = true;
    this.#pump();
  }

  /** Entries between the cursor and the oldest one were dropped before they were read. */
  #noteGap({ id: oldest, at }: NetworkEvent): void {
    const { source, metrics, settings } = this.#options;
    const { cursor: after, gaps } = this.#webhook;
    this.#webhook = { ...this.#webhook, gaps: gaps + 1 };
    metrics.gap(settings.name);
    const about = { webhook: settings.name, after, oldest };
    this.#quiet.error('gap', about, 'events were dropped before they were delivered');
    const gap = { id: `gap-${after}`, source, type: 'gap', time: at, data: { after, oldest } };
    // Before the oldest entry: the cursor must not move over that one with it.
    this.#lanes.add(waitingOf(cloudEvent(gap), idBefore(oldest)));
  }

  async #send(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      this.#pump();
      await sleep(LOOK, signal);
    }
  }

  #pump(): void {
    while (this.#inFlight < AT_ONCE && !this.#over.signal.aborted) {
      const now = this.#options.clock.now();
      if (this.#health.isDown && (this.#inFlight > 0 || now < this.#nextProbeAt)) return;
      const lane = this.#lanes.next(now);
      if (lane === undefined) return;
      this.#inFlight++;
      void this.#guarded(async () => this.#attempt(lane)).finally(() => {
        this.#inFlight--;
        this.#lanes.done(lane);
        if (!this.#lanes.isFull) this.#room.resolve();
        this.#pump();
      });
    }
  }

  async #attempt(lane: Lane): Promise<void> {
    const { store, post } = this.#options;
    if (leftOf(lane) > 0 && lane.head.length === 0) {
      // What is settled must be removed before the next ones are read.
      await (lane.settled.length > 0 ? this.#settle() : this.#writing);
      this.#lanes.load(lane, await store.head(lane.station));
    }
    const waiting = this.#lanes.firstOf(lane);
    if (waiting === undefined) return;
    const isProbe = this.#health.isDown;
    const sent = await post(waiting.id, waiting.text);
    if (this.#over.signal.aborted && sent.kind !== 'delivered') return;
    if (sent.kind === 'delivered') this.#delivered(lane);
    else this.#failed(lane, waiting, sent, isProbe);
    this.#hasChanged = true;
  }

  #delivered(lane: Lane): void {
    const { clock, metrics, settings } = this.#options;
    metrics.delivered(settings.name);
    this.#lanes.settle(lane);
    this.#webhook = { ...this.#webhook, deliveredAt: `${clock.now()}` };
    this.#answered();
  }

  #answered(): void {
    if (!this.#health.answered()) return;
    this.#nextProbeAt = 0;
    const { log, settings } = this.#options;
    this.#webhook = { ...this.#webhook, downSince: '' };
    log.info({ webhook: settings.name }, 'the endpoint answers again');
    this.#lanes.hurry();
  }

  /** @param isProbe the endpoint was down when it was sent; those that were in flight when it went down say nothing new */
  #failed(
    lane: Lane,
    waiting: Waiting,
    sent: Exclude<Sent, { readonly kind: 'delivered' }>,
    isProbe: boolean,
  ): void {
    const { clock, metrics, settings, hasRoom } = this.#options;
    const { name: webhook, deadLetterAfterSeconds } = settings;
    const now = clock.now();
    metrics.failed(webhook);
    lane.failures++;
    this.#webhook = { ...this.#webhook, failedAt: `${now}`, lastError: sent.why };
    if (sent.kind !== 'failed') {
      lane.refusals++;
      this.#answered();
    } else if (this.#health.failed(lane.station, isProbe)) {
      this.#webhook = { ...this.#webhook, downSince: `${now}` };
      this.#quiet.warn(
        'down',
        { webhook, why: sent.why },
        'the endpoint is down: it gets one event at a time',
      );
    }
    if (this.#health.isDown && sent.kind === 'failed')
      this.#nextProbeAt = Math.max(
        this.#nextProbeAt,
        now + Math.max(sent.retryAfterMs ?? 0, this.#health.probePauseMs),
      );
    const verdict = this.#health.verdict(sent, {
      failures: lane.failures,
      refusals: lane.refusals,
      ageMs: now - timeOf(waiting),
      deadLetterAfterMs: deadLetterAfterSeconds * 1000,
      isFull: lane.parked >= MOST_OF_STATION,
      holdsOthers: this.#lanes.isFull && (this.#lanes.parked >= MOST_PARKED || !hasRoom()),
    });
    if (verdict.kind === 'retry') {
      lane.dueAt = now + verdict.afterMs;
      return;
    }
    const { reason } = verdict;
    metrics.deadLettered(webhook);
    const { station: stationId } = lane;
    const about = {
      webhook,
      ...(stationId !== '' && { stationId }),
      event: waiting.id,
      reason,
      why: sent.why,
    };
    this.#quiet.warn(reason, about, 'an event became a dead letter');
    const letter = { reason: `${reason}: ${sent.why}`, attempts: lane.failures };
    this.#letters.push({ waiting, ...letter, at: new Date(now).toISOString() });
    this.#lanes.settle(lane);
  }

  /** Stores the progress, and renews the lease. */
  async #keep(): Promise<void> {
    const { clock, leaseMs } = this.#options;
    const { signal } = this.#over;
    await this.#guarded(async () => {
      while (!signal.aborted) {
        await sleep(SETTLE, signal);
        const isDue = this.#webhook.leaseUntil - clock.now() < (2 * leaseMs) / 3;
        if (!signal.aborted && (this.#hasChanged || isDue || this.#lanes.isFull)) await this.#settle();
      }
    });
  }

  /** One write: events that are parked, removed or dead letters, and the cursor. */
  #settle(change?: Partial<StoredWebhook>): Promise<void> {
    if (change === undefined && this.#nextWrite !== undefined) return this.#nextWrite;
    const next = this.#writing.then(async () => {
      const { store, clock, leaseMs, metrics, settings } = this.#options;
      this.#nextWrite = undefined;
      this.#hasChanged = false;
      // Before events are parked: those that are not held here then count with the time that was stored.
      const waitingSince = this.#oldest();
      const lanes = this.#changedLanes();
      const deadLetters = this.#letters.splice(0);
      const cursor = this.#lanes.advance() ?? this.#webhook.cursor;
      const leaseUntil = clock.now() + leaseMs;
      const { parked } = this.#lanes;
      this.#webhook = { ...this.#webhook, cursor, leaseUntil, waitingSince, parked, ...change };
      if (!(await store.settle(this.#owner, this.#webhook, { lanes, deadLetters }))) this.#over.abort();
      metrics.report(settings.name, this.#webhook);
      this.#room.resolve();
    });
    this.#writing = next;
    this.#nextWrite = next;
    return next;
  }

  /** Lanes that fail or have parked events park those of the window; of a full window also those that are late. */
  #changedLanes() {
    const { clock, hasRoom } = this.#options;
    const { isFull } = this.#lanes;
    const late = this.#health.isDown ? Number.POSITIVE_INFINITY : clock.now() - LATE;
    const changed = [];
    for (const lane of this.#lanes.all) {
      const isHeld = lane.failures > 0 || leftOf(lane) > 0 || (isFull && this.#lanes.isLate(lane, late));
      const mayPark = isHeld && this.#lanes.parked < MOST_PARKED && hasRoom();
      const added = mayPark ? this.#lanes.park(lane) : [];
      const removed = this.#lanes.takeSettled(lane);
      if (added.length + removed.length === 0) continue;
      changed.push({ station: lane.station, added, removed, parked: lane.parked });
    }
    return changed;
  }

  #oldest(): string {
    let oldest = Number.POSITIVE_INFINITY;
    const note = (waiting: Waiting | undefined) => {
      if (waiting !== undefined) oldest = Math.min(oldest, timeOf(waiting));
    };
    note(this.#lanes.oldest);
    for (const lane of this.#lanes.all) {
      const [first] = lane.head;
      note(first);
      const { waitingSince } = this.#webhook;
      if (first === undefined && leftOf(lane) > 0 && waitingSince !== '')
        oldest = Math.min(oldest, Number(waitingSince));
    }
    return Number.isFinite(oldest) ? `${oldest}` : '';
  }

  /** A failure of the store ends the run; its writes reject too. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#over.abort();
      this.#writing = Promise.reject(error);
      this.#writing.catch(() => undefined);
    }
  }
}
