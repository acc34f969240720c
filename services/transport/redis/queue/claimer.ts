/**
 * Claims entries of the queue for one processor, and waits for them. Waiting and claiming are one round trip: the script
 * follows the blocking command on the same connection, so a lone entry wakes this process once.
 */
import type { Membership } from '../lease/membership.ts';
import { claim, type ClaimReply } from './claim.ts';
import { Pace } from './pace.ts';
import { waitAndClaim } from './wait-and-claim.ts';

/** How long a blocking command waits; s. */
const WAIT_SECONDS = 0.25;
/** Longer than a wait, or the poll lease would be lost between two waits; ms. */
const POLL_LEASE_MS = 600;
/** Between two waits: with many proxies each push would be a batch otherwise; ms. */
const PACE_MS = 1;
/** A process that computes for longer over its last batch lets another one wait meanwhile; ms. */
const SLOW_MS = 10;

export class Claimer {
  readonly #member: Membership;
  readonly #pace = new Pace(PACE_MS);
  /** The highest delivery tag that was received. */
  #received = 0;
  #next = 'claim';
  /** When the last reply came; performance.now(). */
  #repliedAt = Infinity;

  constructor(member: Membership) {
    this.#member = member;
  }

  /** The registration is lost, and its delivery tags with it. */
  forget(): void {
    this.#received = 0;
    this.#next = 'claim';
  }

  /**
   * Resolves with entries, or without any after about WAIT_SECONDS.
   * @param processId the registration that it claims for
   * @returns delivery tag, entry, delivery tag, entry ... behind a word; 'gone' and 'busy': see claim.lua
   */
  async claim(processId: string, most: number): Promise<'gone' | 'busy' | ClaimReply> {
    const slow = performance.now() - this.#repliedAt > SLOW_MS;
    const reply = await this.#send(processId, most, slow);
    this.#repliedAt = performance.now();
    const [next] = reply;
    if (next === 'gone' || next === 'busy') return next;
    if (processId === this.#member.processId) {
      this.#next = next;
      if (reply.length > 1) this.#received = Number(reply.at(-2));
    }
    return reply;
  }

  async #send(processId: string, most: number, slow: boolean): Promise<ClaimReply> {
    const { keys, commands, blocking, release } = this.#member;
    const next = (await this.#member.mayBlock(processId)) ? this.#next : 'claim';
    if (next === 'wait') await this.#pace.turn();
    const what = { processId, received: this.#received, most, pollLeaseMs: POLL_LEASE_MS, slow, release };
    if (next === 'claim') return claim(commands, keys, what);
    const woken =
      next === 'wait'
        ? blocking.blmove(keys.requests, keys.staging(processId), 'RIGHT', 'LEFT', WAIT_SECONDS)
        : blocking.blpop(keys.wakeUpTokens, WAIT_SECONDS);
    const isEmpty = ([word, ...entries]: ClaimReply) =>
      entries.length === 0 && word !== 'gone' && word !== 'busy';
    return waitAndClaim(woken, claim(blocking, keys, what), isEmpty);
  }
}
