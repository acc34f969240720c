/** Settles deliveries that have no outcome: requeues them, hands them over to another release, or makes them dead letters. */
import type { HandOver } from '../../transport.ts';
import { deadLetter } from '../dead-letters/dead-letter.ts';
import type { Membership } from '../lease/membership.ts';
import { handOver } from './hand-over.ts';
import type { Claimed, InFlight } from './in-flight.ts';
import { requeue } from './requeue.ts';

export class Unacknowledged {
  readonly #member: Membership;
  readonly #inFlight: InFlight;
  readonly #onHandOver: (handOver: HandOver) => void;

  /** @param onHandOver called for each delivery that another release is to handle */
  constructor(member: Membership, inFlight: InFlight, onHandOver: (handOver: HandOver) => void) {
    this.#member = member;
    this.#inFlight = inFlight;
    this.#onHandOver = onHandOver;
  }

  /** @param counted whether the delivery counts   @param reason for the dead letter, if it was delivered too often */
  async requeue(claimed: Claimed, counted: boolean, reason: string): Promise<void> {
    const { processId, commands, keys, release } = this.#member;
    const { tag } = claimed;
    const result = await this.#settle(claimed, () =>
      requeue(commands, keys, { processId, release, tag, counted, reason }),
    );
    claimed.trace?.unsettled(result ?? 'lost');
    if (result === 'handed-over') this.#onHandOver({ release, reason });
  }

  /** What this process cannot handle is for another release, or else a dead letter. */
  async reject(claimed: Claimed, reason: string): Promise<'handed-over' | 'dead-letter'> {
    if (await this.handOver(claimed, reason)) return 'handed-over';
    const { processId, commands, keys } = this.#member;
    const { tag } = claimed;
    await this.#settle(claimed, () => deadLetter(commands, keys, { processId, tag, reason }));
    claimed.trace?.unsettled('dead-letter');
    return 'dead-letter';
  }

  /**
   * @returns whether another release is to handle it; if not, it is still in flight here. What this processor does not hold any
   * more was handed over by a script whose reply was lost.
   */
  async handOver(claimed: Claimed, reason: string): Promise<boolean> {
    const { processId, commands, keys, release } = this.#member;
    if (release === '' || !this.#inFlight.holds(claimed)) return false;
    const { tag } = claimed;
    const attempt = () => handOver(commands, keys, { processId, release, tag });
    const done = await this.#member.untilDone(attempt, () => !this.#inFlight.holds(claimed));
    if (done === undefined || done === 'no-release') return false;
    this.#inFlight.settle(claimed);
    claimed.trace?.unsettled('handed-over');
    this.#onHandOver({ release, reason });
    return true;
  }

  async #settle<T>(claimed: Claimed, action: () => Promise<T>): Promise<T | undefined> {
    if (!this.#inFlight.holds(claimed)) return undefined;
    const result = await this.#member.untilDone(action, () => !this.#inFlight.holds(claimed));
    this.#inFlight.settle(claimed);
    return result;
  }
}
