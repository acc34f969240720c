/** Settles deliveries that have no outcome: requeues them for any processor, or makes them dead letters. */
import { deadLetter } from '../dead-letters/dead-letter.ts';
import type { Membership } from '../lease/membership.ts';
import type { Claimed, InFlight } from './in-flight.ts';
import { requeue } from './requeue.ts';

export class Unacknowledged {
  readonly #member: Membership;
  readonly #inFlight: InFlight;

  constructor(member: Membership, inFlight: InFlight) {
    this.#member = member;
    this.#inFlight = inFlight;
  }

  /** @param counted whether the delivery counts   @param reason for the dead letter, if it was delivered too often */
  requeue(claimed: Claimed, counted: boolean, reason: string): Promise<void> {
    const { processId, commands, keys } = this.#member;
    const { tag } = claimed;
    return this.#settle(claimed, () => requeue(commands, keys, { processId, tag, counted, reason }));
  }

  deadLetter(claimed: Claimed, reason: string): Promise<void> {
    const { processId, commands, keys } = this.#member;
    const { tag } = claimed;
    return this.#settle(claimed, () => deadLetter(commands, keys, { processId, tag, reason }));
  }

  async #settle(claimed: Claimed, action: () => Promise<void>): Promise<void> {
    if (!this.#inFlight.holds(claimed)) return;
    await this.#member.untilDone(action, () => !this.#inFlight.holds(claimed));
    this.#inFlight.settle(claimed);
  }
}
