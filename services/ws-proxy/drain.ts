/**
 * How a proxy gives up its stations: not ready at once, then it keeps serving while endpoints
 * propagate, then it refuses upgrades and closes sockets at a pace. Firmware reconnects after 1 to
 * 10 s whatever we wish, so the pace of the closing is the pace of the coming back.
 *
 * DrainPlan decides and touches nothing; drain() lets it decide until no socket is left.
 */
import type { Clock } from '../runtime/clock.ts';

export interface DrainSettings {
  /** How long to keep serving, upgrades included, after readiness went away; ms. */
  readonly propagationMs: number;
  readonly socketsPerSecond: number;
  /** Sockets with a running transaction: `wait` until it ends, `close` after all others. */
  readonly transactions: 'wait' | 'close';
  /** After so long (without the propagation) the rest is closed at once; ms. */
  readonly deadlineMs: number;
}

/** What the plan must see of a socket. */
export interface Drainable {
  readonly isOpen: boolean;
  /** A CALL of either side still waits for its answer. */
  readonly hasOpenCall: boolean;
  readonly inTransaction: boolean;
}

export interface DrainStep<S> {
  readonly close: readonly S[];
  /** It was their turn, but a CALL is open: close each as soon as that is answered or timed out. */
  readonly closeWhenAnswered: readonly S[];
  /** The deadline passed: close whatever they are doing. */
  readonly force: readonly S[];
  /** When to ask again, ms since 1970. */
  readonly nextAt: number;
}

/** Share of the pause between two closings by which it varies, so that reconnects do not beat. */
const JITTER = 0.2;
/** After a stall of the event loop at most this much of the pace is caught up; ms. */
const MAX_CATCH_UP = 1000;
/** What a running transaction adds to the rank of a socket; the lowest goes first. */
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
    // In the past: it is somebody's turn, but all that wait are charging.
    return this.#nextAt > now ? this.#nextAt : this.#patienceEnds();
  }

  /** The one whose going disturbs least: idle before waiting for an answer, both before charging. */
  #choose(now: number): S | undefined {
    let best: S | undefined;
    let bestRank = now < this.#patienceEnds() ? TRANSACTION : Number.POSITIVE_INFINITY;
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

  /** Until when transactions may go on: those that wait can then still go at the pace before the deadline. */
  #patienceEnds(): number {
    const { transactions, socketsPerSecond } = this.#settings;
    if (transactions === 'close') return Number.NEGATIVE_INFINITY;
    return this.#deadline - (this.#waiting.size * 1000 * (1 + JITTER)) / socketsPerSecond;
  }
}

/** A socket that a drain can close. */
export interface DrainableSocket extends Drainable {
  /** The station is told that it shall come again; frames it still sends are served. */
  closeForRestart(why: 'drain' | 'drain-forced'): void;
  closeWhenAnswered(): void;
}

export interface DrainTarget<S extends DrainableSocket> {
  /** Open sockets, those whose closing handshake runs included. */
  readonly sockets: Iterable<S>;
  /** Their number, with the handshakes in progress. */
  readonly size: number;
  /** From now on handshakes get 503. */
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

/** How often the driver looks whether the last sockets have gone; ms. */
const LOOK_AGAIN = 100;
/** A peer that does not answer our Close is cut by the socket after a while; this bounds the wait; ms. */
const LAST_GOODBYES = 15_000;

/** Resolves when no socket is left, at the latest a little after the deadline. */
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
  const end = clock.now() + settings.deadlineMs + LAST_GOODBYES;
  while (target.size > 0 && clock.now() < end) {
    const step = plan.step(clock.now());
    for (const socket of step.close) socket.closeForRestart('drain');
    for (const socket of step.closeWhenAnswered) socket.closeWhenAnswered();
    for (const socket of step.force) socket.closeForRestart('drain-forced');
    if (step.force.length > 0) progress.forced(step.force.length);
    await sleep(Math.max(1, Math.min(step.nextAt - clock.now(), LOOK_AGAIN)));
  }
  progress.phase('done', target.size);
}
