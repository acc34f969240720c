/**
 * How a proxy drains: it is unready immediately, keeps serving while endpoints propagate, then refuses handshakes and
 * closes sockets at a rate. Firmware reconnects 1 to 10 s after a close, whatever the server asks for, so the rate of
 * closing is the rate of reconnecting.
 *
 * DrainPlan decides without side effects; drain() executes its steps until no socket is left.
 */
import type { Clock } from '../runtime/clock.ts';

export interface DrainSettings {
  /** How long to keep serving, handshakes included, after readiness has ended; ms. */
  readonly propagationMs: number;
  readonly socketsPerSecond: number;
  /** Sockets with a running transaction: `wait` until it ends, `close` after all others. */
  readonly transactions: 'wait' | 'close';
  /** Sockets that are open after this time (counted from the end of propagation) are closed immediately; ms. */
  readonly deadlineMs: number;
}

/** The properties of a socket that the plan reads. */
export interface Drainable {
  readonly isOpen: boolean;
  /** A CALL of either side waits for its response. */
  readonly hasOpenCall: boolean;
  readonly inTransaction: boolean;
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
/** The time that is caught up at most after a stall of the event loop; ms. */
const MAX_CATCH_UP = 1000;
/** What a running transaction adds to the rank of a socket; the lowest rank is closed first. */
const TRANSACTION = 2;

export class DrainPlan<S extends Drainable> {
  readonly #waiting: Set<S>;
  readonly #settings: DrainSettings;
  readonly #random: () => number;
  readonly #all: ReadonlySet<S>;
  readonly #deadline: number;
  #nextAt: number;

  /** @param now when closing begins, after the propagation */
  constructor(settings: DrainSettings, sockets: Iterable<S>, now: number, random: () => number) {
    this.#all = new Set(sockets);
    this.#waiting = new Set(this.#all);
    this.#settings = settings;
    this.#random = random;
    this.#deadline = now + settings.deadlineMs;
    this.#nextAt = now;
  }

  step(now: number): DrainStep<S> {
    if (now >= this.#deadline) {
      const force = [...this.#all].filter((socket) => socket.isOpen);
      this.#waiting.clear();
      return { close: [], closeWhenAnswered: [], force, nextAt: Number.POSITIVE_INFINITY };
    }
    const close: S[] = [];
    const closeWhenAnswered: S[] = [];
    this.#nextAt = Math.max(this.#nextAt, now - MAX_CATCH_UP);
    while (this.#nextAt <= now) {
      const socket = this.#choose(now);
      if (socket === undefined) break;
      (socket.hasOpenCall ? closeWhenAnswered : close).push(socket);
      this.#waiting.delete(socket);
      const pause = 1000 / this.#settings.socketsPerSecond;
      this.#nextAt += pause * (1 - JITTER + 2 * JITTER * this.#random());
    }
    return { close, closeWhenAnswered, force: [], nextAt: Math.min(this.#nextStep(now), this.#deadline) };
  }

  #nextStep(now: number): number {
    if (this.#waiting.size === 0) return this.#deadline;
    // A time in the past: a close is due, but all remaining stations are in a transaction.
    return this.#nextAt > now ? this.#nextAt : this.#waitEnds();
  }

  /** The socket whose close disrupts least: idle first, then with an open CALL, then in a transaction. */
  #choose(now: number): S | undefined {
    let best: S | undefined;
    let bestRank = now < this.#waitEnds() ? TRANSACTION : Number.POSITIVE_INFINITY;
    for (const socket of this.#waiting) {
      if (!socket.isOpen) {
        this.#waiting.delete(socket);
        continue;
      }
      const rank = (socket.inTransaction ? TRANSACTION : 0) + (socket.hasOpenCall ? 1 : 0);
      if (rank === 0) return socket;
      if (rank < bestRank) [best, bestRank] = [socket, rank];
    }
    return best;
  }

  /** Until when transactions may continue: the time that is left then is enough to close all remaining sockets at the rate. */
  #waitEnds(): number {
    const { transactions, socketsPerSecond } = this.#settings;
    if (transactions === 'close') return Number.NEGATIVE_INFINITY;
    return this.#deadline - (this.#waiting.size * 1000 * (1 + JITTER)) / socketsPerSecond;
  }
}

/** A socket that a drain can close. */
export interface DrainableSocket extends Drainable {
  /** Asks the station to reconnect; frames that it sends before it closes are still handled. */
  closeForRestart(why: 'drain' | 'drain-forced'): void;
  closeWhenAnswered(): void;
}

export interface DrainTarget<S extends DrainableSocket> {
  /** Open sockets, including those in the closing handshake. */
  readonly sockets: Iterable<S>;
  /** The number of sockets and handshakes in progress. */
  readonly size: number;
  /** Answers all further handshakes with 503. */
  refuseUpgrades(): void;
}

export interface DrainProgress {
  phase(name: 'propagating' | 'closing' | 'done', sessions: number): void;
  forced(count: number): void;
}

export interface DrainTools {
  readonly clock: Clock;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** How often the remaining sockets are checked; ms. */
const CHECK_INTERVAL = 100;
/** Bounds the wait for peers that do not answer a Close frame (each socket has its own time-out for that); ms. */
const LAST_CLOSES = 15_000;

/** Resolves when no socket is left, at the latest shortly after the deadline. */
export async function drain<S extends DrainableSocket>(
  target: DrainTarget<S>,
  settings: DrainSettings,
  progress: DrainProgress,
  tools: DrainTools,
): Promise<void> {
  const { clock, sleep } = tools;
  progress.phase('propagating', target.size);
  await sleep(settings.propagationMs);
  target.refuseUpgrades();
  progress.phase('closing', target.size);
  const plan = new DrainPlan(settings, target.sockets, clock.now(), tools.random);
  const end = clock.now() + settings.deadlineMs + LAST_CLOSES;
  while (target.size > 0 && clock.now() < end) {
    const step = plan.step(clock.now());
    for (const socket of step.close) socket.closeForRestart('drain');
    for (const socket of step.closeWhenAnswered) socket.closeWhenAnswered();
    for (const socket of step.force) socket.closeForRestart('drain-forced');
    if (step.force.length > 0) progress.forced(step.force.length);
    await sleep(Math.max(1, Math.min(step.nextAt - clock.now(), CHECK_INTERVAL)));
  }
  progress.phase('done', target.size);
}
