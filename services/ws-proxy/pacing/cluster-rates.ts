/**
 * This process's shares of the rates of the cluster: it renews their lease every second, more often while stations wait, and
 * says what the process may use now. Without a valid lease, because the store is away, it permits itself an equal part of each
 * rate: rate / processes, as many as there were in the last reply.
 */
import { sleep } from '../../runtime/clock.ts';
import {
  EQUAL_PART,
  type LeaseRates,
  RATE_NAMES,
  type RateLease,
  type RateName,
  type RateRequest,
  type RateRequests,
} from '../../transport/rates.ts';

export interface ClusterRatesOptions {
  readonly lease: LeaseRates;
  /** Of the cluster, per second; 0: no limit. Read each time, as they may change. */
  readonly rates: Readonly<Record<RateName, number>>;
  /** What the process could use; called once per renewal. */
  readonly demands: Readonly<Record<RateName, () => number>>;
  /** How many stations wait now, for people who watch. */
  readonly waiting?: Readonly<Partial<Record<RateName, () => number>>>;
  /** Whether stations wait for longer than a renewal takes to come: a storm has begun. */
  readonly isPressed?: () => boolean;
  /** Monotonic time in ms. */
  readonly now?: () => number;
}

/** A lease is renewed so often; ms. */
const RENEW_INTERVAL = 1000;
/**
 * And so often while stations wait, as two processes need two or three renewals to find their fair shares; also after a renewal
 * that failed. ms.
 */
const PRESSED_INTERVAL = 200;
const FIRST_INTERVAL = 200;
/** How long start() waits for the first lease; ms. */
const FIRST_LEASE = 2000;

export class ClusterRates {
  readonly #options: ClusterRatesOptions;
  readonly #now: () => number;
  readonly #stopped = new AbortController();
  #lease: RateLease | undefined;
  #validUntil = -Infinity;
  /** Own demand in the last lease. */
  #reported: Readonly<Record<RateName, number>> = { closes: 0, handshakes: 0, boots: 0 };

  constructor(options: ClusterRatesOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Resolves with the first share of the handshakes, or when that takes too long. */
  async start(): Promise<void> {
    const timeout = new AbortController();
    const end = this.#now() + FIRST_LEASE;
    await Promise.race([this.#firstShare(end), sleep(FIRST_LEASE, timeout.signal)]);
    timeout.abort();
    void this.#renewals();
  }

  /** The others leave a newcomer nothing before they have renewed. */
  async #firstShare(end: number): Promise<void> {
    for (;;) {
      await this.renew();
      if (this.#lease?.shares.handshakes.share !== 0 || this.#now() > end) return;
      await sleep(FIRST_INTERVAL, this.#stopped.signal);
    }
  }

  /** Stops renewing; the gateway releases the lease when it stops. */
  stop(): void {
    this.#stopped.abort();
  }

  /** What this process may use; Infinity where there is no limit. */
  perSecond(name: RateName): number {
    const rate = this.#options.rates[name];
    if (rate === 0) return Infinity;
    const share = this.#valid?.shares[name].share;
    return Math.max(share ?? rate / (this.#lease?.processes ?? 1), LEAST);
  }

  /**
   * What this process will be able to use soon, if its demand is this now. A share follows demand by a second or two: when a
   * storm begins, the process that reported it first has nearly all of the rate.
   */
  expectedPerSecond(name: RateName, demand: number): number {
    const rate = this.#options.rates[name];
    const lease = this.#valid;
    if (rate === 0 || lease === undefined) return this.perSecond(name);
    const equal = rate * EQUAL_PART;
    const others = Math.max(0, lease.shares[name].demand - this.#reported[name]);
    const fair = (rate * (demand + equal / lease.processes)) / (demand + others + equal);
    return Math.max(this.perSecond(name), fair);
  }

  /** Demand of the whole cluster in seconds of its rate, as of the last renewal; 0 without a lease. */
  load(name: RateName): number {
    const rate = this.#options.rates[name];
    return rate === 0 ? 0 : (this.#valid?.shares[name].demand ?? 0) / rate;
  }

  /** Whether the shares are those of a valid lease. */
  get isLeased(): boolean {
    return this.#valid !== undefined;
  }

  /** Renews once. It does not reject: without a store there is no lease. @returns whether there is one */
  async renew(): Promise<boolean> {
    const from = this.#now();
    try {
      const requests = this.#requests();
      const lease = await this.#options.lease(requests);
      this.#lease = lease;
      this.#reported = {
        closes: requests.closes.demand,
        handshakes: requests.handshakes.demand,
        boots: requests.boots.demand,
      };
      this.#validUntil = from + lease.validMs;
      return true;
    } catch {
      // Other commands report that the store is away.
      return false;
    }
  }

  get #valid(): RateLease | undefined {
    return this.#now() < this.#validUntil ? this.#lease : undefined;
  }

  async #renewals(): Promise<void> {
    const { isPressed = () => false } = this.#options;
    let next = this.#now() + RENEW_INTERVAL;
    while (!this.#stopped.signal.aborted) {
      await sleep(PRESSED_INTERVAL, this.#stopped.signal);
      if (this.#stopped.signal.aborted || (this.#now() < next && !isPressed())) continue;
      const from = this.#now();
      next = (await this.renew()) ? from + RENEW_INTERVAL : 0;
    }
  }

  #requests(): RateRequests {
    const { rates, demands, waiting = {} } = this.#options;
    const each = RATE_NAMES.map((name): [RateName, RateRequest] => {
      const hadShare = (this.#lease?.shares[name].share ?? 0) > 0;
      const used = hadShare ? { used: this.perSecond(name) } : {};
      return [name, { rate: rates[name], demand: demands[name](), ...used, waiting: waiting[name]?.() ?? 0 }];
    });
    return Object.fromEntries(each) as Record<RateName, RateRequest>;
  }
}

/** Instead of nothing, which would stop whatever waits for the next one; per second. */
const LEAST = 0.001;
