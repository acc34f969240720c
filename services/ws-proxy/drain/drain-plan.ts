/**
 * Which sockets a drain closes next, and when, without side effects. Firmware reconnects 1 to 10 s after a close, whatever
 * the server asks for, so the rate of closing is the rate of reconnecting.
 */

export interface PlanSettings<S> {
  /** Closes per second of this process at the moment; 0 pauses. */
  readonly rate: () => number;
  /** Sockets with a running transaction: `wait` until it ends, `close` after all others. */
  readonly transactions: 'wait' | 'close';
  /** Until when transactions may continue, from the start of the plan; ms. */
  readonly deadlineMs: number;
  /** Whether sockets that are open at the deadline are closed immediately, whatever is open. */
  readonly force: boolean;
  /** Only idle sockets are closed: no open CALL, no transaction. */
  readonly idleOnly: boolean;
  readonly inTransaction: (socket: S) => boolean;
  readonly random: () => number;
}

/** The properties of a socket that the plan reads. */
export interface Drainable {
  readonly isOpen: boolean;
  /** A CALL of either side waits for its response. */
  readonly hasOpenCall: boolean;
}

export interface DrainStep<S> {
  readonly close: readonly S[];
  /** Due, but with an open CALL: close each as soon as that gets its response or times out. */
  readonly closeWhenAnswered: readonly S[];
  /** The deadline has passed: close them whatever is open. */
  readonly force: readonly S[];
  /** Time of the next step; ms since 1970. */
  readonly nextAt: number;
}

/** The pause between two closes varies by this share, so that reconnects do not synchronise. */
const JITTER = 0.2;
/** The time that is caught up at most after a stall of the event loop; seconds. */
const MAX_CATCH_UP = 0.1;
/** When a close that is due and not possible is tried again; ms. */
const RETRY_MS = 100;
/** What a running transaction adds to the rank of a socket; the lowest rank is closed first. */
const TRANSACTION = 2;

export class DrainPlan<S extends Drainable> {
  readonly #waiting: Set<S>;
  readonly #settings: PlanSettings<S>;
  readonly #all: ReadonlySet<S>;
  readonly #deadline: number;
  /** What is missing until the next close, in closes. */
  #missing = 0;
  #steppedAt: number;

  /** @param now when closing begins, after the propagation */
  constructor(settings: PlanSettings<S>, sockets: Iterable<S>, now: number) {
    this.#all = new Set(sockets);
    this.#waiting = new Set(this.#all);
    this.#settings = settings;
    this.#deadline = now + settings.deadlineMs;
    this.#steppedAt = now;
  }

  /** @param most sockets that may become due in this step */
  step(now: number, most = Number.POSITIVE_INFINITY): DrainStep<S> {
    if (this.#settings.force && now >= this.#deadline) {
      const force = [...this.#all].filter((socket) => socket.isOpen);
      this.#waiting.clear();
      return { close: [], closeWhenAnswered: [], force, nextAt: Number.POSITIVE_INFINITY };
    }
    const close: S[] = [];
    const closeWhenAnswered: S[] = [];
    this.#earn(now);
    while (this.#missing <= 0 && close.length + closeWhenAnswered.length < most) {
      const socket = this.#choose(now);
      if (socket === undefined) break;
      (socket.hasOpenCall ? closeWhenAnswered : close).push(socket);
      this.#waiting.delete(socket);
      this.#missing += 1 - JITTER + 2 * JITTER * this.#settings.random();
    }
    // Time in which nothing may close is not caught up: the cluster would close more than its rate later.
    this.#missing = Math.max(this.#missing, 0);
    return { close, closeWhenAnswered, force: [], nextAt: this.#nextStep(now) };
  }

  #earn(now: number): void {
    const rate = this.#settings.rate();
    const seconds = Math.max(0, now - this.#steppedAt) / 1000;
    this.#steppedAt = now;
    // Without a rate nothing is due, not even the first.
    this.#missing =
      rate > 0
        ? Math.max(this.#missing - seconds * rate, -rate * MAX_CATCH_UP)
        : Math.max(this.#missing, Number.MIN_VALUE);
  }

  #nextStep(now: number): number {
    const deadline = now < this.#deadline ? this.#deadline : Number.POSITIVE_INFINITY;
    if (this.#waiting.size === 0) return deadline;
    // Nothing is missing: a close is due, but all remaining stations are in a transaction, or no more may move now.
    const waitEnds = this.#waitEnds();
    const retryAt = waitEnds > now ? waitEnds : now + RETRY_MS;
    const next = this.#missing > 0 ? now + (this.#missing * 1000) / this.#settings.rate() : retryAt;
    return Math.min(next, deadline);
  }

  /** The socket whose close disrupts least: idle first, then with an open CALL, then in a transaction. */
  #choose(now: number): S | undefined {
    let best: S | undefined;
    let bestRank = now < this.#waitEnds() ? TRANSACTION : Number.POSITIVE_INFINITY;
    if (this.#settings.idleOnly) bestRank = 0;
    for (const socket of this.#waiting) {
      if (!socket.isOpen) {
        this.#waiting.delete(socket);
        continue;
      }
      const rank = (this.#settings.inTransaction(socket) ? TRANSACTION : 0) + (socket.hasOpenCall ? 1 : 0);
      if (rank === 0) return socket;
      if (rank < bestRank) [best, bestRank] = [socket, rank];
    }
    return best;
  }

  /** Until when transactions may continue: the time that is left then is enough to close all remaining sockets at the rate. */
  #waitEnds(): number {
    if (this.#settings.transactions === 'close') return Number.NEGATIVE_INFINITY;
    const rate = this.#settings.rate();
    return rate > 0 ? this.#deadline - (this.#waiting.size * 1000 * (1 + JITTER)) / rate : this.#deadline;
  }
}
