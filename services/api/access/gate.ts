/**
 * The way of a request to the API: a known access token, its rate, its scope. Unknown tokens are limited by address; a known one
 * never waits for the failures of others at its address, as no guess can find 256 random bits.
 */
import { countedAddress } from '../../access/counted-address.ts';
import type { Clock } from '../../runtime/clock.ts';
import { Problem } from '../problems.ts';
import type { AccessTokens, Caller } from './access-tokens.ts';
import { Rates } from './rates.ts';
import { includes, type Scope } from './scope.ts';

/** Refused tokens of one address. */
const REFUSALS = { perSecond: 5, burst: 50 };

export class Gate {
  readonly #tokens: Pick<AccessTokens, 'callerOf'>;
  readonly #requests: Rates;
  readonly #refusals: Rates;

  /** @param perSecond requests of one token; twice as many at once */
  constructor(tokens: Pick<AccessTokens, 'callerOf'>, perSecond: number, clock: Clock) {
    this.#tokens = tokens;
    this.#requests = new Rates({ perSecond, burst: 2 * perSecond }, clock);
    this.#refusals = new Rates(REFUSALS, clock);
  }

  /** Rejects with `unauthorized` or `rate-limited`. */
  async enter(authorization: string | undefined, address: string): Promise<Caller> {
    const caller = await this.#tokens.callerOf(authorization);
    if (caller === undefined) {
      const seconds = this.#refusals.take(countedAddress(address));
      if (seconds > 0) throw limited('too many refused access tokens from this address', seconds);
      const detail =
        authorization === undefined
          ? 'send the header Authorization: Bearer <access token>'
          : 'the access token is not one of this API; it may have been removed';
      throw new Problem('unauthorized', detail, { headers: { 'www-authenticate': 'Bearer' } });
    }
    const seconds = this.#requests.take(caller.name);
    if (seconds > 0) throw limited(`too many requests with the access token ${caller.name}`, seconds);
    return caller;
  }
}

/** @throws Problem */
export function checkScope(caller: Caller, needed: Scope): void {
  if (includes(caller.scope, needed)) return;
  const detail = `this needs the scope ${needed}, and the access token ${caller.name} has ${caller.scope}`;
  throw new Problem('forbidden', detail);
}

const limited = (why: string, seconds: number) =>
  new Problem('rate-limited', `${why}: try again in ${seconds} s`, {
    headers: { 'retry-after': `${seconds}` },
  });
