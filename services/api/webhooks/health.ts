/**
 * Whether one event fails or the endpoint, and what follows from it. An endpoint is down when several stations failed without a
 * response between that took or refused an event: then it gets one probe at a time, and no event becomes a dead letter. Pure.
 */
import type { Sent } from './post.ts';

export interface Attempts {
  /** Failures of the event, with this one. */
  readonly failures: number;
  /** Those of them that concern the event. */
  readonly refusals: number;
  /** Since the event was stored; ms. */
  readonly ageMs: number;
  /** An event of this age becomes a dead letter; ms. */
  readonly deadLetterAfterMs: number;
  /** No further event of this station may be parked. */
  readonly isFull: boolean;
  /** No further event of the webhook can be parked, so reading waits for those that fail. */
  readonly holdsOthers: boolean;
}

export type Verdict =
  | { readonly kind: 'retry'; readonly afterMs: number }
  | { readonly kind: 'dead-letter'; readonly reason: 'refused' | 'undelivered' | 'backlog-full' };

/** Stations that fail in a row. */
const DOWN_AFTER = 3;
/** Attempts of a refused event; of one that is too old, since the endpoint was down. */
const REFUSED_AFTER = 3;
const TOO_OLD_AFTER = 5;
/** Attempts, over half a minute, of an event for which all others wait. */
const HOLDING_AFTER = 6;
/** Pauses between attempts and between probes; ms. */
const SHORTEST = 1000;
const LONGEST = 300_000;
const LONGEST_OF_PROBES = 60_000;

/** The pause after some failures in a row, spread, so that stations that failed together are not tried together; ms. */
export const pauseAfter = (failures: number, random: () => number, longest = LONGEST): number =>
  Math.min(longest, SHORTEST * 2 ** Math.min(failures - 1, 16)) * (0.5 + random() / 2);

export class EndpointHealth {
  readonly #random: () => number;
  readonly #failing = new Set<string>();
  #probes = 0;
  #isDown = false;

  /** @param isDown as the owner before left it */
  constructor(isDown = false, random: () => number = Math.random) {
    this.#isDown = isDown;
    this.#random = random;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** Pause before the next probe; ms. */
  get probePauseMs(): number {
    return pauseAfter(Math.max(1, this.#probes), this.#random, LONGEST_OF_PROBES);
  }

  /** The endpoint lives: it took an event, or refused one. @returns whether it was down */
  answered(): boolean {
    const wasDown = this.#isDown;
    this.#failing.clear();
    this.#isDown = false;
    this.#probes = 0;
    return wasDown;
  }

  /**
   * @param isProbe it was down when the event was sent
   * @returns whether it is down from now on
   */
  failed(station: string, isProbe = false): boolean {
    if (this.#isDown) {
      if (isProbe) this.#probes++;
      return false;
    }
    this.#failing.add(station);
    this.#isDown = this.#failing.size >= DOWN_AFTER;
    return this.#isDown;
  }

  verdict(sent: Exclude<Sent, { readonly kind: 'delivered' }>, attempts: Attempts): Verdict {
    const { failures, refusals, ageMs, deadLetterAfterMs, isFull, holdsOthers } = attempts;
    const afterMs = Math.max(pauseAfter(failures, this.#random), sent.retryAfterMs ?? 0);
    if (sent.kind === 'gone' || (sent.kind === 'refused' && refusals >= REFUSED_AFTER))
      return { kind: 'dead-letter', reason: 'refused' };
    if (this.#isDown) return { kind: 'retry', afterMs: 0 };
    if (ageMs > deadLetterAfterMs && failures >= TOO_OLD_AFTER)
      return { kind: 'dead-letter', reason: 'undelivered' };
    // While others are delivered, a few stations that fail for long must not hold them.
    return isFull || (holdsOthers && failures >= HOLDING_AFTER)
      ? { kind: 'dead-letter', reason: 'backlog-full' }
      : { kind: 'retry', afterMs };
  }
}
