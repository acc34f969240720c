/** The rate limits of a station server: paced ones of the cluster, of the connects of one identity, of the messages on one socket. */

import type { SocketLimits } from '../limits.ts';
import { SharedPart, type SharedRate } from './shared-rate.ts';

/** Part of a second's worth that may be spent at once. */
const AT_ONCE = 0.1;
/** The least of that: one, and what a timer that is a little late has earned in excess. */
const LEAST_AT_ONCE = 1.1;

/**
 * A rate that is spent evenly and may change: at most a tenth of a second's worth at once, and then as much less, so that no
 * second has more than the rate. (A rate below ten still permits one at once.)
 */
export class PacedRate {
  readonly #rate: () => number;
  #tokens: number;
  #filledAt: number;

  /** @param rate per second; Infinity: no limit. @param now ms */
  constructor(rate: () => number, now: number) {
    this.#rate = rate;
    this.#tokens = atOnce(rate());
    this.#filledAt = now;
  }

  /** Whether take() would be true. @param now ms */
  permits(now: number): boolean {
    const rate = this.#rate();
    if (rate === Infinity) return true;
    const earned = (Math.max(0, now - this.#filledAt) / 1000) * spentOf(rate);
    this.#tokens = Math.min(atOnce(rate), this.#tokens + earned);
    this.#filledAt = now;
    return this.#tokens >= 1;
  }

  /** Takes one; false when the rate is used up. @param now ms */
  take(now: number): boolean {
    if (!this.permits(now)) return false;
    if (this.#rate() < Infinity) this.#tokens -= 1;
    return true;
  }
}

/** What is spent of a rate in a second in which there is always something to spend. */
export const spentOf = (rate: number): number => rate * (1 - AT_ONCE);

const atOnce = (rate: number): number => Math.max(LEAST_AT_ONCE, rate * AT_ONCE);

export interface ReconnectLimits {
  /** How often one identity may connect at once. */
  readonly burst: number;
  /** How many connects it regains. */
  readonly perMinute: number;
}

type OwnReconnectLimits = { readonly [K in keyof ReconnectLimits]?: ReconnectLimits[K] | undefined };

/** A station that loses its connection retries in seconds, and some firmware opens several connections at its start. */
const RECONNECTS: ReconnectLimits = { burst: 10, perMinute: 30 };
const REMEMBERED = 20_000;

interface Tokens {
  left: number;
  at: number;
}

/**
 * Limits the connects of each identity: a station that reconnects ten times a second costs a session, two events and a
 * takeover each time. Memory is bounded: the identities that connected last are remembered, and a forgotten one has a
 * full burst again. A client that knows an identity can use up its tokens; only credentials prevent that.
 */
export class ReconnectRate {
  readonly #limits: () => ReconnectLimits | undefined;
  /** Oldest first. */
  readonly #identities = new Map<string, Tokens>();

  /** @param limits are read each time, as they may change */
  constructor(limits: () => ReconnectLimits | undefined = () => undefined) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#identities.size;
  }

  /**
   * Takes a connect; returns 0, or the seconds after which the identity may try again.
   * @param now ms
   * @param own limits where it connects, instead of those for all
   */
  connect(identity: string, now: number, own: OwnReconnectLimits = {}): number {
    const all = this.#limits() ?? RECONNECTS;
    const { burst = all.burst, perMinute = all.perMinute } = own;
    const perSecond = perMinute / 60;
    const known = this.#identities.get(identity) ?? { left: burst, at: now };
    const earned = (Math.max(0, now - known.at) / 1000) * perSecond;
    const left = Math.min(burst, known.left + earned);
    const tokens = { left: left < 1 ? left : left - 1, at: now };
    this.#identities.delete(identity);
    this.#identities.set(identity, tokens);
    if (this.#identities.size > REMEMBERED) {
      for (const oldest of this.#identities.keys()) {
        this.#identities.delete(oldest);
        break;
      }
    }
    return left < 1 ? Math.ceil((1 - left) / perSecond) : 0;
  }
}

export type MessageLimits = Pick<SocketLimits, 'messagesPerSecond' | 'messagesPerSecondOfAll'>;

/** How far a station may be ahead of its message rate; ms. */
const BURST_MS = 2000;

/**
 * The rate of the messages on one socket that flow control does not hold back: SENDs, responses, pings and texts that
 * are no frame. (A CALL waits for the response to the previous one.) A socket above the rate is not read for a while:
 * nothing is lost or answered, and other stations keep their share. All messages count in the rate of the process.
 */
export class MessageRate {
  /** Why the socket is not to be read: it is above its own rate, or above its part of the total. */
  over: 'flood' | 'total' | undefined;
  /** When the counted messages would have arrived at the permitted rate; ms since 1970. */
  #freeAt = 0;
  /** Until when the total holds it back; ms since 1970. */
  #heldUntil = 0;
  #part: SharedPart | undefined;

  /**
   * Counts a message.
   * @param isCall it waits for the response to the previous one, and counts in the total only
   * @returns whether the socket has just come above its rate or its part
   */
  count(now: number, limits: MessageLimits, total: SharedRate, isCall: boolean): boolean {
    const before = this.over;
    if (!isCall) {
      this.#freeAt = Math.max(this.#freeAt, now) + 1000 / limits.messagesPerSecond;
      if (this.#freeAt - now > BURST_MS) this.over = 'flood';
    }
    if (limits.messagesPerSecondOfAll > 0) {
      this.#part ??= new SharedPart();
      this.#heldUntil = total.count(this.#part, limits.messagesPerSecondOfAll, now);
      if (this.#heldUntil > 0) this.over ??= 'total';
    }
    return before === undefined && this.over !== undefined;
  }

  /** @returns whether the socket has just come within its rates */
  sweep(now: number): boolean {
    if (this.over === undefined || now < this.#heldUntil) return false;
    if (this.over === 'flood' && now < this.#freeAt) return false;
    this.over = undefined;
    return true;
  }
}
