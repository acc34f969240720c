/**
 * Slows guesses of passwords. An attempt counts from its beginning and is restored unless it failed, so attempts at the same time are
 * limited as well. Each counts for its pair of identity and address, and for its address. Where people may have chosen the passwords, it also
 * counts for its identity. Other passwords are random: a limit per identity would protect nothing, and let strangers lock stations out.
 *
 * A pair that authenticated lately counts only for itself: guesses from elsewhere do not lock a station out, and a wrong station behind a
 * NAT does not lock out the two hundred others. Memory is bounded: what failed last is remembered.
 */
import type { Clock } from '../runtime/clock.ts';
import { countedAddress } from './counted-address.ts';

interface Limit {
  /** Failures at once, and failures regained per second. */
  readonly burst: number;
  readonly perSecond: number;
}

/** A station with a wrong password that retries every 10 s is never slowed more than that. */
const PAIR: Limit = { burst: 5, perSecond: 1 / 10 };
const IDENTITY: Limit = { burst: 20, perSecond: 1 / 10 };
/** As many at once as an address may have handshakes in progress: a fleet that shares one is not slowed while it authenticates. */
const ADDRESS: Limit = { burst: 2500, perSecond: 5 };
/** Keys of each kind. */
const REMEMBERED = 20_000;
/** How long an authentication protects its pair; ms. */
const TRUSTED_FOR = 7 * 86_400_000;

/** An attempt that has begun. */
export interface Attempt {
  /** Counts it for its identity as well, once. @throws AttemptsError */
  countForIdentity(): void;
  /** It was no failure. */
  restore(): void;
}

export class AttemptsError extends Error {
  override readonly name = 'AttemptsError';
  /** Until the next attempt. */
  readonly seconds: number;

  constructor(seconds: number) {
    super(
      'too many failed attempts of this station from this address, of this station, or from this address',
    );
    this.seconds = seconds;
  }
}

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

  /** @throws AttemptsError; then nothing is counted */
  begin(identity: string, address: string): Attempt {
    const pair = pairOf(identity, address);
    const isTrusted = this.#clock.now() - (this.#succeeded.get(pair) ?? -Infinity) < TRUSTED_FOR;
    const counted: Counted[] = [];
    const count = (...keys: Counted[]) => {
      const now = this.#clock.now();
      const seconds = Math.max(...keys.map(({ failures, key }) => failures.wait(key, now)));
      if (seconds > 0) throw new AttemptsError(seconds);
      for (const { failures, key } of keys) failures.add(key, now);
      counted.push(...keys);
    };
    const ofAddress = { failures: this.#addresses, key: countedAddress(address) };
    count({ failures: this.#pairs, key: pair }, ...(isTrusted ? [] : [ofAddress]));
    let isForIdentity = isTrusted;
    return {
      countForIdentity: () => {
        if (!isForIdentity) count({ failures: this.#identities, key: identity });
        isForIdentity = true;
      },
      restore: () => {
        const now = this.#clock.now();
        for (const { failures, key } of counted.splice(0)) failures.remove(key, now);
      },
    };
  }

  succeeded(identity: string, address: string): void {
    const pair = pairOf(identity, address);
    this.#succeeded.delete(pair);
    this.#succeeded.set(pair, this.#clock.now());
    bound(this.#succeeded);
  }
}

const pairOf = (identity: string, address: string) => `${countedAddress(address)} ${identity}`;

interface Counted {
  readonly failures: Failures;
  readonly key: string;
}

/** Failures by key, as the time at which all of them are forgiven. */
class Failures {
  readonly #limit: Limit;
  /** Oldest first; ms since 1970. */
  readonly #forgivenAt = new Map<string, number>();

  constructor(limit: Limit) {
    this.#limit = limit;
  }

  /** Seconds until the next attempt; 0 now. */
  wait(key: string, now: number): number {
    const { burst, perSecond } = this.#limit;
    const failures = ((this.#from(key, now) - now) / 1000) * perSecond;
    // Whole failures: one less than the burst leaves room for one more.
    return failures > burst - 1 + 1e-6 ? Math.ceil((failures - (burst - 1)) / perSecond) : 0;
  }

  add(key: string, now: number): void {
    this.#set(key, this.#from(key, now) + this.#step);
  }

  remove(key: string, now: number): void {
    const from = this.#from(key, now) - this.#step;
    if (from > now) this.#set(key, from);
    else this.#forgivenAt.delete(key);
  }

  get #step(): number {
    return 1000 / this.#limit.perSecond;
  }

  /** A clock that was set back does not lengthen a wait. */
  #from(key: string, now: number): number {
    const at = Math.max(now, this.#forgivenAt.get(key) ?? now);
    const most = now + this.#limit.burst * this.#step;
    if (at <= most) return at;
    this.#set(key, most);
    return most;
  }

  #set(key: string, at: number): void {
    this.#forgivenAt.delete(key);
    this.#forgivenAt.set(key, at);
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
