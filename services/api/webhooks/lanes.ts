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
  /** Those of them that concern the event. */
  refusals: number;
  /** Before this it is not tried; ms since 1970. */
  dueAt: number;
  isBusy: boolean;
  isListed: boolean;
}

export const leftOf = ({ parked, settled }: Lane): number => parked - settled.length;

/** Parked events of a lane that are held here. */
export const HEAD = 20;
/** Parked events of all lanes that are held here; the others are read when it is their turn. */
const MOST_HEADS = 5000;
/** Entries since the cursor that are not settled; and all, of which a settled one has no text. */
const WINDOW = 1000;
const MOST_ENTRIES = 20 * WINDOW;

interface Entry {
  readonly position: string;
  /** When it was read; ms since 1970. */
  readonly at: number;
  /** null: settled. */
  waiting: Waiting | null;
}

export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that may be tried now, in turn, and those that wait for their time. */
  readonly #ready: Lane[] = [];
  readonly #later = new Set<Lane>();
  /** Entries since the cursor in their order. */
  #window: Entry[] = [];
  readonly #entries = new WeakMap<Waiting, Entry>();
  /** Entries of the window that are not settled. */
  #open = 0;
  #parked = 0;
  /** In the heads of all lanes. */
  #heads = 0;

  /** No more is read until it has room again. */
  get isFull(): boolean {
    return this.#open >= WINDOW || this.#window.length >= MOST_ENTRIES;
  }

  get parked(): number {
    return this.#parked;
  }

  /** Lanes with something to deliver. */
  get all(): Iterable<Lane> {
    return this.#lanes.values();
  }

  skip(position: string): void {
    this.#window.push({ position, at: 0, waiting: null });
  }

  /** @param at when it was read; ms since 1970 */
  add(waiting: Waiting, at = 0): void {
    const entry = { position: waiting.position, at, waiting };
    this.#window.push(entry);
    this.#entries.set(waiting, entry);
    this.#open++;
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
    this.#heads += found.length;
    if (found.length > 0) return;
    this.#parked -= leftOf(lane);
    lane.parked = lane.settled.length;
  }

  /** The first event of a lane needs no further attempt. */
  settle(lane: Lane): void {
    const [parked] = lane.head;
    if (parked === undefined) {
      const waiting = lane.queue.shift();
      if (waiting !== undefined) this.#close(waiting);
    } else {
      lane.head.shift();
      this.#heads--;
      lane.settled.push(parked);
    }
    [lane.failures, lane.refusals, lane.dueAt] = [0, 0, 0];
  }

  /** Ends the attempt. */
  done(lane: Lane): void {
    lane.isBusy = false;
    lane.isListed = false;
    if (this.#heads > MOST_HEADS) this.#heads -= lane.head.splice(0).length;
    this.#list(lane);
  }

  /** Every lane may be tried at once: the endpoint is back. Refusals count on, as they were not its fault. */
  hurry(): void {
    for (const lane of this.#lanes.values()) [lane.failures, lane.dueAt] = [lane.refusals, 0];
  }

  /** Whether the first event of its window was read before a time; ms since 1970. */
  isLate({ queue: [first] }: Lane, before: number): boolean {
    return first !== undefined && (this.#entries.get(first)?.at ?? 0) < before;
  }

  /** Moves the window of a lane to its parked ones; their order stays. @returns them, to be stored */
  park(lane: Lane): readonly Waiting[] {
    const moved = lane.queue.splice(0);
    if (lane.head.length === leftOf(lane)) {
      // The event in flight is the first of the head, if there was none.
      const inFlight = lane.isBusy && lane.head.length === 0 ? 1 : 0;
      const room = Math.min(HEAD - lane.head.length, Math.max(inFlight, MOST_HEADS - this.#heads));
      const held = moved.slice(0, Math.max(0, room));
      lane.head.push(...held);
      this.#heads += held.length;
    }
    lane.parked += moved.length;
    this.#parked += moved.length;
    for (const waiting of moved) this.#close(waiting);
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
    const first = this.#window.findIndex(({ waiting }) => waiting !== null);
    return this.#window.splice(0, first < 0 ? this.#window.length : first).at(-1)?.position;
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
      refusals: 0,
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

  #close(waiting: Waiting): void {
    const entry = this.#entries.get(waiting);
    if (entry === undefined || entry.waiting === null) return;
    entry.waiting = null;
    this.#open--;
  }

  #forget(lane: Lane): void {
    this.#lanes.delete(lane.station);
  }
}
