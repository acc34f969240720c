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
interface Batch {
  readonly entries: string[];
  readonly stored: Promise<void>;
  readonly done: () => void;
  /** When one of its entries may wait no longer; performance.now(). */
  dueAt: number;
  /** Resolves when it waits for no more entries. */
  readonly due: Promise<void>;
  readonly hurry: () => void;
  late: NodeJS.Timeout | undefined;
}

export class QueuePusher {
  readonly #member: Membership;
  readonly #pace = new Pace(PACE_MS);
  /** Oldest first; of these only the last grows. */
  readonly #batches: Batch[] = [];
  #open: Batch | undefined;
  #pushing = false;

  constructor(member: Membership) {
    this.#member = member;
  }

  /** Whether something is not stored yet. */
  get busy(): boolean {
    return this.#batches.length > 0;
  }

  /**
   * Enqueues an entry; resolves when it is stored, at the same time as all of its batch.
   * @param deferredMs how long it may wait for others: waking three idle processes costs more than ten messages. It waits no longer
   * than any of its batch
   */
  push(entry: string, deferredMs: number): Promise<void> {
    let batch = this.#open;
    if (batch === undefined || batch.entries.length >= MAX_BATCH) {
      batch = this.#open = newBatch();
      this.#batches.push(batch);
    }
    batch.entries.push(entry);
    if (deferredMs <= 0 || batch.entries.length >= MAX_BATCH) {
      batch.dueAt = -Infinity;
      batch.hurry();
    } else dueWithin(batch, deferredMs);
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
    await batch.due;
    clearTimeout(batch.late);
    if (batch.entries.length >= MAX_BATCH) return;
    // What else arrives in this turn of the event loop is part of it.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#pace.turn();
  }
}

/** One timer per batch, unless a later entry may wait less. */
function dueWithin(batch: Batch, ms: number): void {
  const at = performance.now() + ms;
  if (at >= batch.dueAt) return;
  batch.dueAt = at;
  clearTimeout(batch.late);
  batch.late = setTimeout(batch.hurry, ms);
}

function newBatch(): Batch {
  const { promise: stored, resolve: done } = Promise.withResolvers<void>();
  const { promise: due, resolve: hurry } = Promise.withResolvers<void>();
  return { entries: [], stored, done, dueAt: Infinity, due, hurry, late: undefined };
}
