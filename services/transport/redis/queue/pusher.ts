/**
 * Puts entries into the queue in batches: what came since the last LPUSH goes out with the next one. One batch is in
 * the air at a time, and one that failed stops those behind it, so the order holds.
 */
import { unavailable } from '../connection/connection.ts';
import type { Membership } from '../lease/membership.ts';
import { Pace } from './pace.ts';

/** Entries in one LPUSH: keeps any one command short for the others on this Redis. */
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
  readonly #report: (error: Error) => void;
  readonly #pace = new Pace(PACE_MS);
  /** Oldest first; of these only the last grows. */
  readonly #batches: Batch[] = [];
  #open: Batch | undefined;
  #pushing = false;

  constructor(member: Membership, report: (error: Error) => void) {
    this.#member = member;
    this.#report = report;
  }

  /** Whether something is not stored yet. */
  get busy(): boolean {
    return this.#batches.length > 0;
  }

  /** Queues an entry; resolves when it is stored, at the same time as all of its batch. */
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
    let failures = 0;
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      if (batch.entries.length < MAX_BATCH) await this.#pace.turn();
      if (batch === this.#open) this.#open = undefined;
      try {
        const { commands, keys } = this.#member;
        await commands.lpush(keys.requests, ...batch.entries);
      } catch (error) {
        if (this.#member.stopping) break;
        if (failures++ % 10 === 0) this.#report(unavailable(this.#member.addr, error));
        await this.#member.pause(failures);
        continue;
      }
      failures = 0;
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
