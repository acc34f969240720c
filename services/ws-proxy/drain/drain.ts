/**
 * The mode of a proxy and its drain. SIGTERM and an order (`PUT /drain`) run the same drain: idle sockets are closed at a
 * rate, those with an open CALL after its response, charging stations last (drain-plan.ts).
 *
 * | | SIGTERM | order |
 * |---|---|---|
 * | before it | serves while endpoints propagate | nothing: the Service selects other Pods already |
 * | at the deadline | closes what is open | waits on for open CALLs, and no longer for transactions |
 * | ends | when no socket is left | with the order `accepting` or `refusing` |
 *
 * The order `shedding` moves only some: idle sockets of those that were open when it came, while handshakes are accepted.
 */
import type { DrainOrder, DrainReport } from '../../contract.ts';
import type { Clock } from '../../runtime/clock.ts';
import { ChargingStations } from './charging-stations.ts';
import { type Drainable, DrainPlan } from './drain-plan.ts';

export interface DrainSettings {
  /** How long to keep serving, handshakes included, after SIGTERM; ms. */
  readonly propagationMs: number;
  /** Closes per second; an order can only lower it. */
  readonly socketsPerSecond: number;
  /** Sockets with a running transaction: `wait` until it ends, `close` after all others. */
  readonly transactions: 'wait' | 'close';
  /** How long a drain may take, from its first close. An order has no forced closes at its end; ms. */
  readonly deadlineMs: number;
}

/** A socket that a drain can close. */
export interface DrainableSocket extends Drainable {
  readonly session: { readonly stationId: string };
  /** An estimate. */
  readonly inTransaction: boolean;
  /** Asks the station to reconnect; frames that it sends before it closes are still handled. */
  closeForRestart(why: 'drain' | 'drain-forced'): void;
  /** The same as soon as no CALL is open. @param onClose is called just before it closes an open socket */
  closeWhenAnswered(onClose: () => void): void;
  /** Takes closeWhenAnswered back. */
  keepOpen(): void;
}

export interface DrainTarget<S extends DrainableSocket> {
  /** Open sockets, including those in the closing handshake. */
  readonly sockets: ReadonlySet<S>;
  /** The number of sockets and handshakes in progress. */
  readonly size: number;
  /** Answers all further handshakes with 503, or no longer. */
  refuseUpgrades(): void;
  acceptUpgrades(): void;
}

export interface DrainProgress<S> {
  mode(mode: DrainOrder['mode']): void;
  phase(name: 'propagating' | 'closing' | 'done', sessions: number): void;
  /** Sockets that the deadline of a SIGTERM closed. */
  forced(count: number): void;
  /**
   * A socket is being closed to move its station.
   * @param rollout of the last order; undefined: there was none
   * @param forced it has an open CALL
   */
  moved(socket: S, rollout: string | undefined, forced: boolean): void;
}

export interface DrainTools {
  readonly clock: Clock;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /**
   * Closes per second of this process now: its share of `ofCluster`, the rate of the last order or setting.
   * @param inMs time until the deadline; Infinity without one
   */
  readonly rate: (ofCluster: number, inMs: number) => number;
  /** Whether other proxies could take stations now; an order waits until then. */
  readonly mayMove?: () => boolean;
  /** Which of these stations have an open transaction. Rejects soon while the store is unavailable: the first close waits for it. */
  readonly charging?: (stationIds: readonly string[]) => Promise<ReadonlySet<string>>;
}

/** An order that comes after SIGTERM. */
export class DrainConflict extends Error {
  override readonly name = 'DrainConflict';
}

/** How often the remaining sockets are checked; ms. */
const CHECK_INTERVAL = 100;
/** Bounds the wait for peers that do not answer a Close frame (each socket has its own time-out for that); ms. */
const LAST_CLOSES = 15_000;

export class Drain<S extends DrainableSocket> {
  readonly #target: DrainTarget<S>;
  readonly #settings: DrainSettings;
  readonly #progress: DrainProgress<S>;
  readonly #tools: DrainTools;
  #mode: DrainOrder['mode'] = 'accepting';
  #order: DrainOrder | undefined;
  #stopping = false;
  #plan: DrainPlan<S> | undefined;
  #running: Promise<void> | undefined;
  #deadline = Number.POSITIVE_INFINITY;
  /** Until when a stopping process waits for its last sockets; ms since 1970. */
  #end = Number.POSITIVE_INFINITY;
  /** Due, with an open CALL. */
  readonly #answering = new Set<S>();
  #moved = 0;
  readonly #charging: ChargingStations;

  constructor(
    target: DrainTarget<S>,
    settings: DrainSettings,
    progress: DrainProgress<S>,
    tools: DrainTools,
  ) {
    this.#target = target;
    this.#settings = settings;
    this.#progress = progress;
    this.#tools = tools;
    this.#charging = new ChargingStations(tools.clock, tools.charging);
    progress.mode(this.#mode);
  }

  get mode(): DrainOrder['mode'] {
    return this.#mode;
  }

  /** Whether a signal has ended the life of this process. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Number of stations that the order `shedding` still has to move. */
  get toShed(): number {
    return this.#mode === 'shedding' ? Math.max(0, this.#movesLeft()) : 0;
  }

  /** Whether an order took this process out of the Service. */
  get leaving(): boolean {
    return this.#order?.leaving === true;
  }

  /** Repeating an order changes nothing. @throws DrainConflict after SIGTERM */
  order(order: DrainOrder): void {
    if (this.#stopping) throw new DrainConflict('this process is stopping: it drains until it ends');
    const isNewRollout = order.rollout !== this.#order?.rollout;
    if (isNewRollout) this.#moved = 0;
    this.#order = order;
    const before = this.#mode;
    this.#setMode(order.mode);
    if (order.mode === 'accepting' || order.mode === 'shedding') this.#target.acceptUpgrades();
    else this.#target.refuseUpgrades();
    const isAnother = order.mode !== before || isNewRollout;
    if (isAnother && order.mode !== 'draining') this.#endPlan();
    if (order.mode === 'accepting' || order.mode === 'refusing') return;
    if (isAnother) this.#begin(false);
    // A repeated order may allow more moves.
    else this.#run();
  }

  report(): Omit<DrainReport, 'handshakes'> {
    const { rollout, moves } = this.#order ?? {};
    let inTransaction = 0;
    for (const socket of this.#target.sockets) if (this.#inTransaction(socket)) inTransaction += 1;
    return {
      mode: this.#mode,
      ...(rollout !== undefined && { rollout }),
      ...(moves !== undefined && { moves }),
      ...(this.leaving && { leaving: true }),
      sessions: this.#target.sockets.size,
      inTransaction,
      moved: this.#moved,
    };
  }

  /** Drains without an end. Resolves when no socket is left, at the latest shortly after the deadline. */
  async stop(): Promise<void> {
    const { clock, sleep } = this.#tools;
    const isOrdered = this.#mode === 'refusing' || this.#mode === 'draining';
    this.#stopping = true;
    this.#setMode('draining');
    if (!isOrdered) {
      this.#endPlan();
      this.#progress.phase('propagating', this.#target.size);
      await sleep(this.#settings.propagationMs);
    }
    this.#target.refuseUpgrades();
    this.#progress.phase('closing', this.#target.size);
    this.#end = clock.now() + this.#settings.deadlineMs + LAST_CLOSES;
    this.#begin(true);
    await this.#running;
    this.#progress.phase('done', this.#target.size);
  }

  #setMode(mode: DrainOrder['mode']): void {
    this.#mode = mode;
    this.#progress.mode(mode);
  }

  #begin(force: boolean): void {
    const { clock, random } = this.#tools;
    const { transactions, deadlineMs } = this.#settings;
    this.#deadline = clock.now() + deadlineMs;
    this.#plan = new DrainPlan<S>(
      {
        rate: () => this.#rate(),
        transactions,
        deadlineMs,
        force,
        idleOnly: this.#mode === 'shedding',
        inTransaction: (socket) => this.#inTransaction(socket),
        random,
      },
      this.#target.sockets,
      clock.now(),
    );
    this.#run();
  }

  #endPlan(): void {
    this.#plan = undefined;
    for (const socket of this.#answering) socket.keepOpen();
    this.#answering.clear();
    this.#charging.forget();
  }

  #rate(): number {
    if (!this.#stopping && this.#tools.mayMove?.() === false) return 0;
    const { socketsPerSecond } = this.#settings;
    // After SIGTERM the process must end in time, whatever was ordered before.
    const ordered = this.#stopping ? undefined : this.#order?.ratePerSecond;
    const ofCluster = Math.min(ordered ?? socketsPerSecond, socketsPerSecond);
    const inMs = this.#mode === 'shedding' ? Infinity : this.#deadline - this.#tools.clock.now();
    return Math.min(this.#tools.rate(ofCluster, inMs), ofCluster);
  }

  #inTransaction(socket: S): boolean {
    return socket.inTransaction || this.#charging.has(socket.session.stationId);
  }

  /** One loop at a time; it picks up another plan and other limits by itself. */
  #run(): void {
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined;
    });
  }

  async #loop(): Promise<void> {
    const { clock, sleep } = this.#tools;
    const isMoving = () => this.#mode === 'draining' || this.toShed > 0;
    while (this.#plan !== undefined && isMoving() && this.#target.size > 0 && clock.now() < this.#end) {
      await this.#charging.refresh(this.#stationIds());
      const nextAt = this.#step();
      await sleep(Math.max(1, Math.min(nextAt - clock.now(), CHECK_INTERVAL)));
    }
  }

  /** @returns the time of the next step */
  #step(): number {
    const plan = this.#plan;
    // An order may have ended the plan meanwhile.
    if (plan === undefined) return 0;
    // No station must be taken for idle because the register does not answer.
    if (this.#mode === 'shedding' && !this.#charging.isKnown) return Number.POSITIVE_INFINITY;
    const step = plan.step(this.#tools.clock.now(), this.#movesLeft());
    for (const socket of step.close) this.#close(socket, 'drain');
    for (const socket of step.closeWhenAnswered) {
      this.#answering.add(socket);
      socket.closeWhenAnswered(() => {
        this.#answering.delete(socket);
        this.#count(socket, false);
      });
    }
    for (const socket of step.force) this.#close(socket, 'drain-forced');
    if (step.force.length > 0) this.#progress.forced(step.force.length);
    return step.nextAt;
  }

  #close(socket: S, why: 'drain' | 'drain-forced'): void {
    if (!socket.isOpen) return;
    this.#count(socket, socket.hasOpenCall);
    socket.closeForRestart(why);
  }

  #count(socket: S, forced: boolean): void {
    this.#moved += 1;
    // A Pod whose last order is `accepting` terminates for another reason.
    const { mode, rollout } = this.#order ?? { mode: 'accepting' };
    this.#progress.moved(socket, mode === 'accepting' ? undefined : rollout, forced);
  }

  #movesLeft(): number {
    const moves = this.#stopping ? undefined : this.#order?.moves;
    if (moves === undefined) return Number.POSITIVE_INFINITY;
    // One that closed by itself, before its response, is no move.
    for (const socket of this.#answering) if (!socket.isOpen) this.#answering.delete(socket);
    return moves - this.#moved - this.#answering.size;
  }

  #stationIds(): string[] {
    return Array.from(this.#target.sockets, ({ session }) => session.stationId);
  }
}
