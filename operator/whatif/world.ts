/**
 * A model of one cluster in steps of one second: messages arrive, wait in one queue and are handled by the processors, whose
 * number a scaler sets. The operator's own code computes the signals, from the metrics that the model's Pods would have. The
 * model leaves out what the decision does not see: sockets, single messages, the deliveries that a scale-in repeats.
 */
import { METRIC } from '../../services/contract.ts';
import type { Signals } from '../scaling/demand.ts';
import { type History, remember, signalsOf, workSince } from '../signals/signals.ts';
import { Backlog } from './backlog.ts';
import { Fleet } from './fleet.ts';
import { jitter, poisson } from './noise.ts';

type Over<T> = (second: number) => T;

export interface Conditions {
  /** Length of the run. */
  readonly seconds: number;
  /** Mean number of messages that arrive in a second. */
  readonly arrivals: Over<number>;
  /** Deliveries per second of one processor that is always busy. */
  readonly capacity: Over<number>;
  /** The same of all processors together, if a service that they share limits them. */
  readonly sharedCapacity?: Over<number>;
  /** Time until a Pod that is made in this second is ready. */
  readonly startupSeconds: Over<number>;
  /** No Pod can be scraped. */
  readonly blind?: Over<boolean>;
  /** Share of the arriving messages that no processor can handle: each is delivered five times. */
  readonly failing?: Over<number>;
  /** Connected stations. */
  readonly stations?: number;
  /** Time in which Redis answers. */
  readonly storeSeconds?: Over<number>;
  /** Deliveries that one processor handles at the same time. */
  readonly concurrency: number;
  /** Makes arrivals and capacities vary; without it they are exact. */
  readonly seed?: number;
}

/** What a scaler gets. */
export interface View {
  /** ms since 1970 */
  readonly now: number;
  readonly replicas: number;
  readonly readyReplicas: number;
  readonly signals: Signals;
}

export interface Scaler {
  readonly name: string;
  /** Called after each scrape, every 5 s. */
  readonly decide: (view: View) => { readonly replicas: number; readonly why: string };
}

/** The state at the end of a second. */
export interface Moment {
  readonly second: number;
  readonly arrived: number;
  readonly completed: number;
  readonly replicas: number;
  readonly ready: number;
  /** Messages that are not handled yet. */
  readonly backlog: number;
  /** Age of the oldest of them, s. */
  readonly oldestSeconds: number;
}

/** A change of the number of processors. */
export interface Change {
  readonly second: number;
  readonly from: number;
  readonly to: number;
  readonly why: string;
}

export interface Run {
  readonly scaler: string;
  readonly moments: readonly Moment[];
  readonly changes: readonly Change[];
}

export const SCRAPE_SECONDS = 5;
/** Deliveries of a message that no processor can handle. */
const MOST_DELIVERIES = 5;
const CAPACITY_DEVIATION = 0.02;
const STORE_SECONDS = 0.001;
/** When the model's time begins; any time does. */
const BEGIN = Date.parse('2026-01-05T00:00:00Z');
const STALE_MS = 15_000;
const PROXY = 'ws-proxy-1';

const timeOf = (second: number) => BEGIN + second * 1000;

/** @param replicas processors at the beginning, all of them ready */
export function run(conditions: Conditions, scaler: Scaler, replicas: number): Run {
  const world = new World(conditions, replicas);
  const moments: Moment[] = [];
  const changes: Change[] = [];
  for (let second = 0; second < conditions.seconds; second += 1) {
    moments.push(world.step(second));
    const end = second + 1;
    if (end % SCRAPE_SECONDS !== 0) continue;
    const view = world.view(end);
    const { replicas: wanted, why } = scaler.decide(view);
    if (wanted === view.replicas) continue;
    changes.push({ second: end, from: view.replicas, to: wanted, why });
    world.scale(wanted, end);
  }
  return { scaler: scaler.name, moments, changes };
}

class World {
  readonly #conditions: Conditions;
  readonly #backlog = new Backlog();
  readonly #fleet = new Fleet();
  #history: History = new Map();
  #scrapedAt = -Infinity;
  #forwarded = 0;
  /** Messages that are being handled while nothing waits. */
  #running = 0;

  constructor(conditions: Conditions, replicas: number) {
    this.#conditions = conditions;
    this.#fleet.scale(replicas, 0, 0);
  }

  scale(replicas: number, second: number): void {
    this.#fleet.scale(replicas, second, this.#conditions.startupSeconds(second));
  }

  step(second: number): Moment {
    const { failing, concurrency } = this.#conditions;
    const arrived = this.#arrived(second);
    const share = failing?.(second) ?? 0;
    this.#backlog.add(arrived, 1 + share * (MOST_DELIVERIES - 1), second);
    this.#forwarded += arrived;

    const ready = this.#fleet.ready(second);
    const own = ready * this.#conditions.capacity(second);
    const done = this.#backlog.handle(this.#capacity(ready, second));
    const completed = done.messages * (1 - share);
    const isSaturated = this.#backlog.messages > 0 && done.deliveries > 0;
    this.#running = own > 0 ? (done.deliveries * ready) / own : 0;
    // As the programs report it: the share of their time that they compute, or the share of their messages in flight.
    const slots = ready * concurrency;
    const inFlight = Math.min(slots, this.#backlog.messages + this.#running);
    const computing = own > 0 ? Math.min(1, done.deliveries / own) : 1;
    const busyShare = isSaturated ? Math.max(computing, inFlight / slots) : computing;
    // By Little's law.
    const handlerSeconds = done.deliveries > 0 ? inFlight / done.deliveries : 0;
    this.#fleet.work({ completed, busyShare, handlerSeconds }, second);
    return {
      second,
      arrived,
      completed,
      replicas: this.#fleet.size,
      ready,
      backlog: this.#backlog.messages,
      oldestSeconds: this.#backlog.oldest(0, second + 1),
    };
  }

  view(second: number): View {
    const now = timeOf(second);
    const before = this.#scrapedAt;
    const replicas = this.#fleet.size;
    this.#scrape(second, now);
    this.#scrapedAt = now;
    const processors = this.#fleet.readyNames(second).map((pod) => ({ pod, readyMs: 0 }));
    const signals = signalsOf(this.#history, { proxies: [PROXY], processors, now, staleMs: STALE_MS });
    const work = workSince(this.#history, before);
    return {
      now,
      replicas,
      readyReplicas: this.#fleet.ready(second),
      signals: work === undefined ? signals : { ...signals, work },
    };
  }

  /** A Pod that is gone is forgotten; one that does not answer is not. */
  #scrape(second: number, at: number): void {
    const shared = this.#shared(second, at);
    const processors = this.#fleet.samples(shared, second, at);
    const proxy = {
      pod: PROXY,
      component: 'ws-proxy' as const,
      at,
      values: {
        ...shared,
        [METRIC.proxyForwarded]: this.#forwarded,
        [METRIC.proxySessions]: this.#conditions.stations ?? 0,
      },
    };
    const existing = [PROXY, ...processors.map(({ pod }) => pod)];
    const blind = this.#conditions.blind?.(second) === true;
    this.#history = remember(this.#history, blind ? [] : [proxy, ...processors], existing);
  }

  /** The figures of the queue, which every Pod reports. */
  #shared(second: number, at: number): Record<string, number> {
    const all = this.#backlog.messages + this.#running;
    const inFlight = Math.min(all, this.#fleet.ready(second) * this.#conditions.concurrency);
    const depth = Math.round(all - inFlight);
    return {
      [METRIC.queueDepth]: depth,
      [METRIC.queueInFlight]: Math.round(inFlight),
      [METRIC.queueOldestSeconds]: depth > 0 ? this.#backlog.oldest(inFlight, second) : 0,
      [METRIC.queueSampledAt]: at / 1000,
      [METRIC.storeResponseSeconds]: this.#conditions.storeSeconds?.(second) ?? STORE_SECONDS,
    };
  }

  #arrived(second: number): number {
    const { arrivals, seed } = this.#conditions;
    return seed === undefined ? arrivals(second) : poisson(arrivals(second), seed, second);
  }

  #capacity(ready: number, second: number): number {
    const { capacity, sharedCapacity, seed } = this.#conditions;
    const all = Math.min(ready * capacity(second), sharedCapacity?.(second) ?? Infinity);
    return seed === undefined ? all : all * jitter(CAPACITY_DEVIATION, seed, second);
  }
}
