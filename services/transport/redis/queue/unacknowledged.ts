/** What becomes of deliveries that have no outcome: they are given back for others, or become dead letters. */
import type { Membership } from '../lease/membership.ts';
import { DEAD_LETTERS_KEPT, giveBack } from '../lease/reclaim.ts';

export class Unfinished {
  readonly #member: Membership;
  readonly #onSettled: () => void;
  readonly #report: (error: Error) => void;

  constructor(member: Membership, onSettled: () => void, report: (error: Error) => void) {
    this.#member = member;
    this.#onSettled = onSettled;
    this.#report = report;
  }

  /**
   * @param inHand loses the number once it is done
   * @param what see requeue.lua   @param why for the dead letter, if it was given back too often
   */
  async giveBack(
    number: string,
    inHand: Set<string>,
    what: 'failed' | 'untried',
    why: string,
  ): Promise<void> {
    const { pid, commands, keys } = this.#member;
    await this.#settle(number, inHand, () => giveBack(commands, keys, pid, number, what, why));
  }

  async bury(number: string, inHand: Set<string>, reason: string): Promise<void> {
    const { pid, commands, keys } = this.#member;
    const names = [keys.processing(pid), keys.deadLetters];
    await this.#settle(number, inHand, () => commands.bury(...names, number, reason, DEAD_LETTERS_KEPT));
  }

  /** Does it until Redis has done it. */
  async #settle(number: string, inHand: Set<string>, action: () => Promise<unknown>): Promise<void> {
    for (let failures = 0; inHand.has(number) && !this.#member.stopping; failures++) {
      try {
        await action();
        inHand.delete(number);
      } catch (error) {
        if (failures % 10 === 3) this.#report(error as Error);
        await this.#member.pause(failures);
      }
    }
    this.#onSettled();
  }
}
