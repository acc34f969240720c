/**
 * What waits for one webhook: a lane for each station, with one event in flight. Events of the window came from the stream since the
 * cursor; parked ones are in Redis, before those of the window, and the first of them are here too. The cursor moves over
 * entries of the window that are settled: delivered, dead-lettered, left out or parked. Pure: it reads no clock and no store.
 */
import type { Waiting } from './waiting.ts';

export interface Lane {
  readonly station: string;
  /** In the window. */
  readonly queue: Waiting[];
  /** The first of those that are parked. */
  readonly head: Waiting[];
  /** Parked ones that are settled, and not yet removed from Redis. */
  readonly settled: Waiting[];
  /** In Redis: also those of `settled`. */
  parked: number;
  /** Failures of the first event. */
  failures: number;
  /** Before this it is not tried; ms since 1970. */
  dueAt: number;
  isBusy: boolean;
  isListed: boolean;
}

export const leftOf = ({ parked, settled }: Lane): number => parked - settled.length;

/** Parked events of a lane that are held here. */
export const HEAD = 20;

export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that may be tried now, in turn, and those that wait for their time. */
  readonly #ready: Lane[] = [];
  readonly #later = new Set<Lane>();
  /** Entries since the cursor in their order; null: settled when it was read. */
  #window: { readonly position: string; readonly waiting: Waiting | null }[] = [];
  readonly #settled = new WeakSet<Waiting>();
  #parked = 0;

  /** Entries since the cursor. */
  get size(): number {
    return this.#window.length;
  }

  get parked(): number {
    return this.#parked;
  }

  /** Lanes with something to deliver. */
  get all(): Iterable<Lane> {
    return this.#lanes.values();
  }

  skip(position: string): void {
    this.#window.push({ position, waiting: null });
  }

  add(waiting: Waiting): void {
    this.#window.push({ position: waiting.position, waiting });
    const lane = this.#laneOf(waiting.station);
    lane.queue.push(waiting);
    this.#list(lane);
  }

  /** Of an owner before. */
  restore(station: string, parked: number): void {
    const lane = this.#laneOf(station);
    lane.parked = parked;
    this.#parked += parked;
    this.#list(lane);
  }

  /** The next lane that is due, which is then busy until done(). */
  next(now: number): Lane | undefined {
    for (const lane of this.#later) {
      if (lane.dueAt > now) continue;
      this.#later.delete(lane);
      this.#ready.push(lane);
    }
    const lane = this.#ready.shift();
    if (lane !== undefined) lane.isBusy = true;
    return lane;
  }

  /** Of a busy lane: the first event; undefined if it must be read from Redis. */
  firstOf(lane: Lane): Waiting | undefined {
    return leftOf(lane) > 0 ? lane.head[0] : lane.queue[0];
  }

  /** The first parked events, as they were read from Redis. Without any its count was wrong. */
  load(lane: Lane, found: readonly Waiting[]): void {
    lane.head.push(...found);
    if (found.length > 0) return;
    this.#parked -= leftOf(lane);
    lane.parked = lane.settled.length;
  }

  /** The first event of a lane needs no further attempt. */
  settle(lane: Lane): void {
    const [parked] = lane.head;
    if (parked === undefined) {
      const waiting = lane.queue.shift();
      if (waiting !== undefined) this.#settled.add(waiting);
    } else {
      lane.head.shift();
      lane.settled.push(parked);
    }
    lane.failures = 0;
    lane.dueAt = 0;
  }

  /** Ends the attempt. */
  done(lane: Lane): void {
    lane.isBusy = false;
    lane.isListed = false;
    this.#list(lane);
  }

  /** Every lane may be tried at once: the endpoint is back. */
  hurry(): void {
    for (const lane of this.#lanes.values()) [lane.failures, lane.dueAt] = [0, 0];
  }

  /** Moves the window of a lane to its parked ones; their order stays. @returns them, to be stored */
  park(lane: Lane): readonly Waiting[] {
    const moved = lane.queue.splice(0);
    if (lane.head.length === leftOf(lane)) lane.head.push(...moved.slice(0, HEAD - lane.head.length));
    lane.parked += moved.length;
    this.#parked += moved.length;
    for (const waiting of moved) this.#settled.add(waiting);
    return moved;
  }

  /** @returns the parked events that are settled, to be removed */
  takeSettled(lane: Lane): readonly Waiting[] {
    const taken = lane.settled.splice(0);
    lane.parked -= taken.length;
    this.#parked -= taken.length;
    if (lane.parked === 0 && lane.queue.length === 0 && !lane.isBusy) this.#forget(lane);
    return taken;
  }

  /** The position up to which all is settled; undefined: no further than before. */
  advance(): string | undefined {
    let count = 0;
    for (const { waiting } of this.#window) {
      if (waiting !== null && !this.#settled.has(waiting)) break;
      count++;
    }
    return this.#window.splice(0, count).at(-1)?.position;
  }

  /** Of the oldest event that waits in the window. */
  get oldest(): Waiting | undefined {
    return this.#window.find(({ waiting }) => waiting !== null)?.waiting ?? undefined;
  }

  #laneOf(station: string): Lane {
    const known = this.#lanes.get(station);
    if (known !== undefined) return known;
    const lane: Lane = {
      station,
      queue: [],
      head: [],
      settled: [],
      parked: 0,
      failures: 0,
      dueAt: 0,
      isBusy: false,
      isListed: false,
    };
    this.#lanes.set(station, lane);
    return lane;
  }

  #list(lane: Lane): void {
    if (lane.isListed || lane.isBusy) return;
    if (lane.queue.length === 0 && leftOf(lane) === 0) {
      if (lane.parked === 0) this.#forget(lane);
      return;
    }
    lane.isListed = true;
    if (lane.dueAt > 0) this.#later.add(lane);
    else this.#ready.push(lane);
  }

  #forget(lane: Lane): void {
    this.#lanes.delete(lane.station);
  }
}
