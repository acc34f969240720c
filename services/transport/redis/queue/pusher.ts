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

  /** Enqueues an entry; resolves when it is stored, at the same time as all of its batch. */
  push(entry: string): Promise<void> {
    if (this.#open === undefined || this.#open.entries.length >= MAX_BATCH) {
      this.#open = newBatch();
      this.#batches.push(this.#open);
    }
    this.#open.entries.push(entry);
    if (!this.#pushing) {
      this.#pushing = true;
      setImmediate(() => void this.#pushAll());
    }
    return this.#open.stored;
  }

  async #pushAll(): Promise<void> {
    const { commands, keys } = this.#member;
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      if (batch.entries.length < MAX_BATCH) await this.#pace.turn();
      if (batch === this.#open) this.#open = undefined;
      const { entries } = batch;
      const length = await this.#member.untilDone(() => commands.lpush(keys.requests, ...entries));
      if (length === undefined) break;
      this.#batches.shift();
      batch.done();
    }
    this.#pushing = false;
  }
}

function newBatch(): Batch {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { entries: [], stored: promise, done: resolve };
}
