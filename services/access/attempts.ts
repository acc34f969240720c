/**
 * Slows guesses of passwords. Failures are counted for each pair of identity and address, for each identity, and for each address. A pair
 * that authenticated lately counts only for itself: guesses from elsewhere do not lock a station out, and a wrong station behind a NAT does
 * not lock out the two hundred others. Memory is bounded: what failed last is remembered.
 */
import type { Clock } from '../runtime/clock.ts';

interface Limit {
  /** Failures at once, and failures regained per second. */
  readonly burst: number;
  readonly perSecond: number;
}

/** A station with a wrong password that retries every 10 s is never slowed more than that. */
const PAIR: Limit = { burst: 5, perSecond: 1 / 10 };
const IDENTITY: Limit = { burst: 20, perSecond: 1 / 10 };
/** 200 stations behind one address may all fail once, such as after a change of their entries. */
const ADDRESS: Limit = { burst: 400, perSecond: 5 };
/** Keys of each kind. */
const REMEMBERED = 20_000;
/** How long an authentication protects its pair; ms. */
const TRUSTED_FOR = 7 * 86_400_000;

export class Attempts {
  readonly #clock: Clock;
  readonly #pairs = new Failures(PAIR);
  readonly #identities = new Failures(IDENTITY);
  readonly #addresses = new Failures(ADDRESS);
  /** When each pair authenticated last, oldest first; ms since 1970. */
  readonly #succeeded = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Seconds until the next attempt; 0 now. It counts nothing. */
  wait(identity: string, address: string): number {
    const now = this.#clock.now();
    const pair = pairOf(identity, address);
    const own = this.#pairs.wait(pair, now);
    if (own > 0 || this.#isTrusted(pair, now)) return own;
    return Math.max(this.#identities.wait(identity, now), this.#addresses.wait(networkOf(address), now));
  }

  failed(identity: string, address: string): void {
    const now = this.#clock.now();
    const pair = pairOf(identity, address);
    this.#pairs.add(pair, now);
    if (this.#isTrusted(pair, now)) return;
    this.#identities.add(identity, now);
    this.#addresses.add(networkOf(address), now);
  }

  succeeded(identity: string, address: string): void {
    const pair = pairOf(identity, address);
    this.#succeeded.delete(pair);
    this.#succeeded.set(pair, this.#clock.now());
    bound(this.#succeeded);
  }

  #isTrusted(pair: string, now: number): boolean {
    return now - (this.#succeeded.get(pair) ?? -Infinity) < TRUSTED_FOR;
  }
}

const pairOf = (identity: string, address: string) => `${address} ${identity}`;

/** One client of IPv6 has a whole /64. */
const networkOf = (address: string) => (address.includes(':') ? address.split(':', 4).join(':') : address);

/** Failures by key, as the time at which all of them are forgiven. */
class Failures {
  readonly #limit: Limit;
  /** Oldest first; ms since 1970. */
  readonly #forgivenAt = new Map<string, number>();

  constructor(limit: Limit) {
    this.#limit = limit;
  }

  wait(key: string, now: number): number {
    const { burst, perSecond } = this.#limit;
    const failures = (((this.#forgivenAt.get(key) ?? now) - now) / 1000) * perSecond;
    // Whole failures: one less than the burst leaves room for one more.
    return failures > burst - 1 + 1e-6 ? Math.ceil((failures - (burst - 1)) / perSecond) : 0;
  }

  add(key: string, now: number): void {
    const from = Math.max(now, this.#forgivenAt.get(key) ?? now);
    this.#forgivenAt.delete(key);
    this.#forgivenAt.set(key, from + 1000 / this.#limit.perSecond);
    bound(this.#forgivenAt);
  }
}

function bound(map: Map<string, number>): void {
  if (map.size <= REMEMBERED) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
