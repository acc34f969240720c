/**
 * Reads a proxy's outbox. Waiting and taking are one round trip: the script follows BLMOVE on the same connection,
 * so a lone answer wakes this process once.
 */
import { BLOCK_SECONDS, unavailable } from '../connection/connection.ts';
import type { Membership } from '../lease/membership.ts';
import type { OutboxBatch } from '../connection/scripts.ts';
import { waitAndTake } from './wait-and-claim.ts';

/** After so many entries more are there already: waiting for them would be one command too many. */
const BUSY = 16;

export class OutboxReader {
  readonly #member: Membership;
  readonly #deliver: (entry: string) => void;
  readonly #report: (error: Error) => void;
  /** The registration whose outbox is read, the last batch of it, and how many entries that had. */
  #pid = '';
  #seen = 0;
  #size = 0;

  /** @param deliver is given the entries, oldest first */
  constructor(member: Membership, deliver: (entry: string) => void, report: (error: Error) => void) {
    this.#member = member;
    this.#deliver = deliver;
    this.#report = report;
  }

  /** Reads until the member stops. */
  async run(): Promise<void> {
    for (let failures = 0; !this.#member.stopping;) {
      try {
        await this.#readOnce();
        failures = 0;
      } catch (error) {
        if (this.#member.stopping) return;
        if (failures++ % 10 === 3) this.#report(unavailable(this.#member.addr, error));
        await this.#member.pause(failures);
      }
    }
  }

  async #readOnce(): Promise<void> {
    if (this.#pid !== this.#member.pid) {
      this.#pid = this.#member.pid;
      this.#seen = 0;
      this.#size = BUSY;
    }
    const pid = this.#pid;
    const wait = this.#size < BUSY && (await this.#member.mayBlock(pid));
    const [batch, ...entries] = await (wait ? this.#waitAndTake(pid) : this.#take(pid));
    if (batch < 0) return this.#member.lost(pid);
    this.#size = entries.length;
    // A batch that was seen already comes again only when nothing newer is there.
    if (batch === this.#seen) return;
    this.#seen = batch;
    for (let i = entries.length - 1; i >= 0; i--) this.#deliver(entries[i] ?? '');
  }

  #take(pid: string): Promise<OutboxBatch> {
    return this.#member.commands.takeOutbox(...this.#arguments(pid));
  }

  async #waitAndTake(pid: string): Promise<OutboxBatch> {
    const { keys, blocking } = this.#member;
    const outbox = keys.outbox(pid);
    // Wakes this one waiter and moves nothing: the script behind it takes.
    const woken = blocking.blmove(outbox, outbox, 'RIGHT', 'RIGHT', BLOCK_SECONDS);
    const isEmpty = ([batch, ...entries]: OutboxBatch) => entries.length === 0 && batch >= 0;
    return waitAndTake(woken, blocking.takeOutbox(...this.#arguments(pid)), isEmpty);
  }

  #arguments(pid: string): (string | number)[] {
    const { keys } = this.#member;
    return [keys.process(pid), keys.outbox(pid), keys.inflight(pid), this.#seen, keys.prefix];
  }
}
