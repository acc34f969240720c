/**
 * Takes entries of the queue for one processor, and waits for them. Waiting and taking are one round trip: the
 * script follows the blocking command on the same connection, so a lone entry wakes this process once.
 */
import type { Membership } from '../lease/membership.ts';
import { Pace } from './pace.ts';
import { waitAndTake } from './wait-and-claim.ts';

/** A waiting process looks anew after so long; s. */
const WAIT_SECONDS = 0.25;
/** The right to wait lasts longer than that, or it would be lost between two waits; ms. */
const RIGHT_MS = 600;
/** Between two waits: with many proxies each push would be a batch otherwise; ms. */
const PACE_MS = 1;
/** A process that is away for longer over what it took lets another one wait meanwhile; ms. */
const SLOW_MS = 10;

export class QueueTaker {
  readonly #member: Membership;
  readonly #pace = new Pace(PACE_MS);
  /** The highest running number that was received. */
  #seen = 0;
  #next = 'take';
  /** When the last reply came; performance.now(). */
  #repliedAt = Infinity;

  constructor(member: Membership) {
    this.#member = member;
  }

  /** The registration is lost, and its numbers with it. */
  forget(): void {
    this.#seen = 0;
    this.#next = 'take';
  }

  /**
   * Resolves when there is something to say, within about WAIT_SECONDS.
   * @param pid the registration that it takes for
   * @returns running number, entry, running number, entry ... behind a word; 'gone' and 'busy': see claim.lua
   */
  async take(pid: string, most: number): Promise<'gone' | 'busy' | readonly string[]> {
    const slow = performance.now() - this.#repliedAt > SLOW_MS;
    const reply = await this.#send(pid, most, slow);
    this.#repliedAt = performance.now();
    const [next = ''] = reply;
    if (next === 'gone' || next === 'busy') return next;
    if (pid === this.#member.pid) {
      this.#next = next;
      if (reply.length > 1) this.#seen = Number(reply.at(-2));
    }
    return reply;
  }

  async #send(pid: string, most: number, slow: boolean): Promise<string[]> {
    const { keys, commands, blocking } = this.#member;
    const next = (await this.#member.mayBlock(pid)) ? this.#next : 'take';
    if (next === 'wait') await this.#pace.turn();
    const names = [keys.process(pid), keys.processing(pid), keys.landing(pid)];
    const shared = [keys.requests, keys.rescued, keys.running, keys.waiter, keys.help];
    const all = [...names, ...shared, this.#seen, most, pid, RIGHT_MS, slow ? 'slow' : ''];
    if (next === 'take') return commands.take(...all);
    const woken =
      next === 'wait'
        ? blocking.blmove(keys.requests, keys.landing(pid), 'RIGHT', 'LEFT', WAIT_SECONDS)
        : blocking.blpop(keys.help, WAIT_SECONDS);
    const isEmpty = ([word, ...entries]: string[]) =>
      entries.length === 0 && word !== 'gone' && word !== 'busy';
    return waitAndTake(woken, blocking.take(...all), isEmpty);
  }
}
