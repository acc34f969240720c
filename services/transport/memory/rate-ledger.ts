/** The leases of rates on a memory bus: the same rules as redis/lease/lease-rates.lua, over a map. */
import {
  EQUAL_PART,
  RATE_LEASE_MS,
  RATE_NAMES,
  type RateLease,
  type RateName,
  type RateRequest,
  type RateRequests,
  type RateShare,
} from '../rates.ts';

interface Leased extends RateRequest {
  readonly share: number;
}

interface Lease {
  /** ms */
  readonly until: number;
  readonly rates: Readonly<Record<RateName, Leased>>;
}

export class RateLedger {
  readonly #leases = new Map<string, Lease>();
  /** When the ledger was empty last; ms. */
  #since = -Infinity;

  /** Leases, or renews. @param now ms */
  lease(process: string, requests: RateRequests, now: number): RateLease {
    for (const [other, { until }] of this.#leases) if (until <= now) this.#leases.delete(other);
    if (this.#leases.size === 0) this.#since = now;
    this.#leases.delete(process);
    const isNew = now - this.#since < RATE_LEASE_MS;
    const others = [...this.#leases.values()];
    const each = RATE_NAMES.map((name) => {
      const rates = others.map((lease) => lease.rates[name]);
      return [name, shareOf(requests[name], rates, isNew)] as const;
    });
    const shares = Object.fromEntries(each) as Record<RateName, RateShare>;
    const leased = RATE_NAMES.map(
      (name) => [name, { ...requests[name], share: shares[name].share }] as const,
    );
    const rates = Object.fromEntries(leased) as Record<RateName, Leased>;
    this.#leases.set(process, { until: now + RATE_LEASE_MS, rates });
    return { shares, validMs: RATE_LEASE_MS, processes: this.#leases.size };
  }

  /** Ends the lease of a process that uses no share any more. */
  release(process: string): void {
    this.#leases.delete(process);
  }
}

/** @param isNew the ledger may have lost leases that are valid: a process gets no more than it uses already */
function shareOf(own: RateRequest, all: readonly Leased[], isNew: boolean): RateShare {
  if (own.rate === 0) return { share: 0, demand: own.demand };
  const others = all.filter(({ rate }) => rate > 0);
  const rate = Math.min(own.rate, ...others.map((other) => other.rate));
  const demand = others.reduce((sum, other) => sum + other.demand, own.demand);
  const left = others.reduce((rest, other) => rest - other.share, rate);
  const equal = rate * EQUAL_PART;
  const fair = (rate * (own.demand + equal / (others.length + 1))) / (demand + equal);
  const most = isNew ? (own.used ?? Infinity) : Infinity;
  return { share: Math.max(0, floor(Math.min(fair, left, most))), demand };
}

/** Rounds down to a millionth, so that no sum of shares is above the rate. */
const floor = (share: number): number => Math.floor(share * 1e6) / 1e6;
