/**
 * Event webhooks of the API: this process delivers for those whose lease it gets, and shows the state of all. What is asked through the
 * API (a test, a replay) is sent at once by the process that was asked.
 */
import { randomUUID } from 'node:crypto';
import type { Static } from 'typebox';
import type { ClusterClient } from '../../client/cluster-client.ts';
import { type Clock, sleep } from '../../runtime/clock.ts';
import { errorFields, type Log } from '../../runtime/log.ts';
import { QuietLog } from '../../runtime/quiet-log.ts';
import { cloudEvent, type CloudEvent } from '../cloud-event.ts';
import { messageOf } from '../../transport/errors.ts';
import { Problem } from '../problems.ts';
import type * as schemas from '../schemas/webhooks.ts';
import { Delivery } from './delivery.ts';
import type { WebhookMetrics } from './metrics.ts';
import { Poster } from './post.ts';
import type { WebhookSettings } from './settings.ts';
import { type DeadLetter, NEW, type StoredWebhook, WebhookStore } from './store.ts';

export interface WebhooksOptions {
  readonly settings: readonly WebhookSettings[];
  /** `source` of the events. */
  readonly source: string;
  readonly client: Pick<ClusterClient, 'events' | 'state'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: WebhookMetrics;
  /** Aborts when the program stops. */
  readonly stopping: AbortSignal;
}

export type WebhookView = Static<typeof schemas.Webhook>;
export type LetterView = Static<typeof schemas.WebhookDeadLetter>;
export type TestView = Static<typeof schemas.WebhookTest>;

interface One {
  readonly settings: WebhookSettings;
  readonly store: WebhookStore;
  readonly poster: Poster;
}

/** How long a silent owner keeps a webhook, and between looks for those without one; ms. */
const LEASE = 10_000;
const FIND = 2000;
/** From this share of the memory of Redis on no event is parked; from 0.85 on stations would be refused. */
const NEARLY_FULL = 0.7;

export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #all: ReadonlyMap<string, One>;
  readonly #log: QuietLog;
  readonly #owner = randomUUID();
  readonly #running = new Map<string, Promise<void>>();
  #hasRoom = true;

  constructor(options: WebhooksOptions) {
    this.#options = options;
    this.#log = new QuietLog(options.log, options.clock);
    this.#all = new Map(
      options.settings.map((settings) => [
        settings.name,
        {
          settings,
          store: new WebhookStore(options.client.state, settings.name),
          poster: new Poster(settings, options.clock),
        },
      ]),
    );
  }

  /** Delivers until the program stops. */
  async follow(): Promise<void> {
    const { stopping } = this.#options;
    while (!stopping.aborted && this.#all.size > 0) {
      await this.#lookForRoom();
      for (const one of this.#all.values()) {
        if (this.#running.has(one.settings.name)) continue;
        try {
          await this.#take(one);
        } catch (error) {
          this.#log.warn('webhooks', errorFields(error), 'the state of webhooks cannot be read');
        }
      }
      await sleep(FIND, stopping);
    }
    await Promise.all(this.#running.values());
    for (const { poster } of this.#all.values()) poster[Symbol.dispose]();
  }

  async list(): Promise<WebhookView[]> {
    return Promise.all([...this.#all.values()].map((one) => this.#viewOf(one)));
  }

  get(name: string): Promise<WebhookView> {
    return this.#viewOf(this.#named(name));
  }

  /** Sends an event of the type `ocpp.test` now. */
  async test(name: string): Promise<TestView> {
    const { source, clock } = this.#options;
    const time = new Date(clock.now()).toISOString();
    const event = cloudEvent({ id: `test-${randomUUID()}`, source, type: 'test', time, data: {} });
    const began = performance.now();
    const sent = await this.#send(this.#named(name), event);
    const milliseconds = Math.round(performance.now() - began);
    const view = { id: event.id, delivered: sent.kind === 'delivered', milliseconds };
    return sent.kind === 'delivered' ? view : { ...view, error: sent.why };
  }

  /** The oldest first. */
  async letters(name: string): Promise<LetterView[]> {
    const letters = await this.#named(name).store.letters();
    return letters.map(({ waiting, reason, attempts, at }) => {
      const event = JSON.parse(waiting.text) as CloudEvent;
      return { id: waiting.id, at, reason, attempts, event };
    });
  }

  /** Sends it now; a delivered one is dropped. Rejects with `no-such-entry`, `not-delivered`. */
  async replay(name: string, id: string): Promise<void> {
    const one = this.#named(name);
    const letter = await this.#letter(one, id);
    const sent = await one.poster.post(letter.waiting.id, letter.waiting.text);
    if (sent.kind !== 'delivered')
      throw new Problem('not-delivered', `the webhook ${name} did not take the event: ${sent.why}`);
    await one.store.dropLetter(letter);
  }

  /** Rejects with `no-such-entry`. */
  async drop(name: string, id: string): Promise<void> {
    const one = this.#named(name);
    await one.store.dropLetter(await this.#letter(one, id));
  }

  /**
   * Removes what is stored of a webhook that is no longer configured. Rejects with `no-such-webhook`, and with `webhook-configured` for one
   * that this or another process has.
   */
  async forget(name: string): Promise<void> {
    if (this.#all.has(name)) throw configured(name);
    const store = new WebhookStore(this.#options.client.state, name);
    const known = await store.read();
    if (known === undefined) throw unknown(name);
    const isOwned = known.owner !== '' && known.leaseUntil > this.#options.clock.now();
    if (isOwned || !(await store.forget(known))) throw configured(name);
  }

  /** While the memory cannot be read, the last reading counts. */
  async #lookForRoom(): Promise<void> {
    const { client } = this.#options;
    try {
      const share = (await client.state.memoryShare()) ?? 0;
      const hasRoom = share < NEARLY_FULL;
      if (this.#hasRoom && !hasRoom)
        this.#log.warn('nearly full', { share }, 'Redis is nearly full: no event of a webhook is parked');
      this.#hasRoom = hasRoom;
    } catch (error) {
      this.#log.warn('memory', errorFields(error), 'the memory use of Redis cannot be read');
    }
  }

  async #take(one: One): Promise<void> {
    const { client, clock } = this.#options;
    const { store, settings } = one;
    const known = await store.read();
    const now = clock.now();
    if (known !== undefined && known.owner !== '' && known.leaseUntil > now) return;
    const cursor = known?.cursor ?? (await beginning(client));
    const mine = { ...(known ?? NEW), cursor, owner: this.#owner, leaseUntil: now + LEASE };
    if (!(await store.take(known, mine))) return;
    const { name } = settings;
    const running = this.#deliver(one, mine).finally(() => {
      this.#running.delete(name);
      this.#options.metrics.forget(name);
    });
    this.#running.set(name, running);
  }

  async #deliver({ settings, store, poster }: One, webhook: StoredWebhook): Promise<void> {
    const { client, clock, log, metrics, source, stopping } = this.#options;
    const { post } = poster;
    const hasRoom = () => this.#hasRoom;
    const common = { settings, source, store, post, clock, log, metrics, stopping, hasRoom };
    try {
      await new Delivery({ ...common, events: client.events(), leaseMs: LEASE }, webhook).run();
    } catch (error) {
      this.#log.warn(settings.name, { webhook: settings.name, ...errorFields(error) }, 'a webhook pauses');
      await this.#release(store, `this webhook pauses: ${messageOf(error)}`).catch(() => undefined);
    }
  }

  /** Without an owner it counts as not delivering, and the next pass tries it again. */
  async #release(store: WebhookStore, lastError: string): Promise<void> {
    const known = await store.read();
    if (known?.owner !== this.#owner) return;
    const failedAt = `${this.#options.clock.now()}`;
    await store.take(known, { ...known, owner: '', leaseUntil: 0, failedAt, lastError });
  }

  async #viewOf({ settings, store }: One): Promise<WebhookView> {
    const [known, deadLetters] = await Promise.all([store.read(), store.letterCount()]);
    const { owner, leaseUntil, downSince, waitingSince, parked, gaps, ...stored } = known ?? NEW;
    const now = this.#options.clock.now();
    const isOwned = owner !== '' && leaseUntil > now;
    const { origin, pathname } = new URL(settings.url);
    const lag = waitingSince === '' ? 0 : Math.max(0, Math.round((now - Number(waitingSince)) / 1000));
    return {
      name: settings.name,
      url: `${origin}${pathname}`,
      types: [...settings.types],
      state: isOwned ? (downSince === '' ? 'delivering' : 'down') : 'starting',
      parked,
      gaps,
      deadLetters,
      lagSeconds: lag,
      ...(stored.cursor !== '' && { cursor: stored.cursor }),
      ...(stored.deliveredAt !== '' && { deliveredAt: timeOf(stored.deliveredAt) }),
      ...(stored.failedAt !== '' && { failedAt: timeOf(stored.failedAt), lastError: stored.lastError }),
    };
  }

  async #letter({ store, settings: { name } }: One, id: string): Promise<DeadLetter> {
    const found = (await store.letters()).find(({ waiting }) => waiting.id === id);
    if (found !== undefined) return found;
    throw new Problem('no-such-entry', `the webhook ${name} has no dead letter ${id}`);
  }

  #send({ poster }: One, event: CloudEvent) {
    return poster.post(event.id, JSON.stringify(event));
  }

  #named(name: string): One {
    const one = this.#all.get(name);
    if (one === undefined) throw unknown(name);
    return one;
  }
}

const configured = (name: string) =>
  new Problem('webhook-configured', `the webhook ${name} gets events: remove it from the settings`);

const unknown = (name: string) =>
  new Problem('no-such-webhook', `no webhook has the name ${name.slice(0, 100)}`);

/** A new webhook begins with new events. In an empty stream not with the first cursor of all, after which nothing counts as dropped. */
async function beginning(client: Pick<ClusterClient, 'events'>): Promise<string> {
  const end = await client.events().end();
  return end === '0-0' ? '0-1' : end;
}

const timeOf = (ms: string): string => new Date(Number(ms)).toISOString();
