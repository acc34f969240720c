/**
 * Reads a proxy's outbox. Waiting and claiming are one round trip: the script follows BLMOVE on the same connection, so a lone
 * response wakes this process once.
 */
import { BLOCK_SECONDS } from '../connection/connection.ts';
import type { Membership } from '../lease/membership.ts';
import { claimOutbox, type OutboxBatch } from './claim-outbox.ts';
import { waitAndClaim } from '../queue/wait-and-claim.ts';

/** After so many entries more are there already: a command that waits for them would be one too many. */
const BUSY = 16;

export class OutboxReader {
  readonly #member: Membership;
  readonly #deliver: (entry: string) => void;
  /** The registration whose outbox is read, the last batch of it, and how many entries that had. */
  #proxyId = '';
  #received = 0;
  #size = 0;

  /** @param deliver gets the entries, oldest first */
  constructor(member: Membership, deliver: (entry: string) => void) {
    this.#member = member;
    this.#deliver = deliver;
  }

  /** Reads until the member stops. */
  async run(): Promise<void> {
    while (!this.#member.stopping) await this.#member.untilDone(() => this.#readOnce());
  }

  async #readOnce(): Promise<void> {
    if (this.#proxyId !== this.#member.processId) {
      this.#proxyId = this.#member.processId;
      this.#received = 0;
      this.#size = BUSY;
    }
    const proxyId = this.#proxyId;
    const wait = this.#size < BUSY && (await this.#member.mayBlock(proxyId));
    const [batch, ...entries] = await this.#claim(proxyId, wait);
    if (batch < 0) return this.#member.lost(proxyId);
    this.#size = entries.length;
    // A batch that was received already is handed out again only when there is no newer one.
    if (batch === this.#received) return;
    this.#received = batch;
    for (let i = entries.length - 1; i >= 0; i--) this.#deliver(entries[i] ?? '');
  }

  async #claim(proxyId: string, wait: boolean): Promise<OutboxBatch> {
    const { keys, commands, blocking } = this.#member;
    const what = { proxyId, received: this.#received };
    if (!wait) return claimOutbox(commands, keys, what);
    const outbox = keys.outbox(proxyId);
    // Only wakes this process and moves nothing: the script behind it claims.
    const woken = blocking.blmove(outbox, outbox, 'RIGHT', 'RIGHT', BLOCK_SECONDS);
    const isEmpty = ([batch, ...entries]: OutboxBatch) => entries.length === 0 && batch >= 0;
    return waitAndClaim(woken, claimOutbox(blocking, keys, what), isEmpty);
  }
}
