/**
 * Enqueues entries in batches: everything that arrived since the last LPUSH is part of the next one. One batch is in flight at
 * a time, and a failed one stops those behind it, so the order is kept.
 */
import type { Membership } from '../lease/membership.ts';
import { Pace } from './pace.ts';

/** Entries in one LPUSH: keeps any one command short for the other clients of this Redis. */
const MAX_BATCH = 256;
/** Between two LPUSHes: each costs a round trip here, and wakes a processor; ms. */
const PACE_MS = 2;
/** Waking three idle processes costs more than ten messages; ms. */
const LINGER_MS = 10;

interface Batch {
  readonly entries: string[];
  readonly stored: Promise<void>;
  readonly done: () => void;
  /** Of its first entry; performance.now(). */
  readonly since: number;
  /** Resolves when it lingers no longer. */
  readonly due: Promise<void>;
  readonly hurry: () => void;
}

export class QueuePusher {
  readonly #member: Membership;
  readonly #lingerMs: number;
  readonly #pace = new Pace(PACE_MS);
  /** Oldest first; of these only the last grows. */
  readonly #batches: Batch[] = [];
  #open: Batch | undefined;
  #pushing = false;

  /** @param lingerMs how long a batch of deferrable entries lingers for more of them */
  constructor(member: Membership, lingerMs: number = LINGER_MS) {
    this.#member = member;
    this.#lingerMs = lingerMs;
  }

  /** Whether something is not stored yet. */
  get busy(): boolean {
    return this.#batches.length > 0;
  }

  /**
   * Enqueues an entry; resolves when it is stored, at the same time as all of its batch.
   * @param deferrable it may linger; another one takes those before it along
   */
  push(entry: string, deferrable: boolean): Promise<void> {
    let batch = this.#open;
    if (batch === undefined || batch.entries.length >= MAX_BATCH) {
      batch = this.#open = newBatch();
      this.#batches.push(batch);
    }
    batch.entries.push(entry);
    if (!deferrable || batch.entries.length >= MAX_BATCH) batch.hurry();
    if (!this.#pushing) {
      this.#pushing = true;
      void this.#pushAll();
    }
    return batch.stored;
  }

  async #pushAll(): Promise<void> {
    const { commands, keys } = this.#member;
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      await this.#turn(batch);
      if (batch === this.#open) this.#open = undefined;
      const { entries } = batch;
      const length = await this.#member.untilDone(() => commands.lpush(keys.requests, ...entries));
      if (length === undefined) break;
      this.#batches.shift();
      batch.done();
    }
    this.#pushing = false;
  }

  async #turn(batch: Batch): Promise<void> {
    const left = batch.since + this.#lingerMs - performance.now();
    if (left <= 0) batch.hurry();
    const late = left > 0 ? setTimeout(batch.hurry, left) : undefined;
    await batch.due;
    clearTimeout(late);
    if (batch.entries.length >= MAX_BATCH) return;
    // What else arrives in this turn of the event loop is part of it.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#pace.turn();
  }
}

function newBatch(): Batch {
  const { promise: stored, resolve: done } = Promise.withResolvers<void>();
  const { promise: due, resolve: hurry } = Promise.withResolvers<void>();
  return { entries: [], since: performance.now(), stored, done, due, hurry };
}
