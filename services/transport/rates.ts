/**
 * Rates of the whole cluster, and how its processes share them. Each process leases a share of each rate and renews it every
 * second, up to five times as often while stations wait. The store keeps the leases and its clock counts, so that the sum of all valid shares is never above the rate.
 */

export const RATE_NAMES = ['closes', 'handshakes', 'boots'] as const;
export type RateName = (typeof RATE_NAMES)[number];

/** What a process asks for; all figures per second. */
export interface RateRequest {
  /** The rate of the cluster as this process knows it; 0: no limit. Of different rates the lowest counts. */
  readonly rate: number;
  /** What the process could use: arrivals of the last second, and those that wait. */
  readonly demand: number;
  /** What the process permits itself now; absent before its first share. */
  readonly used?: number;
  /** How many wait now, for people who watch; 0 by default. */
  readonly waiting?: number;
}

export interface RateShare {
  /** What this process may use; 0 where there is no limit. */
  readonly share: number;
  /** Demand of all processes. */
  readonly demand: number;
}

export type RateRequests = Readonly<Record<RateName, RateRequest>>;

export interface RateLease {
  readonly shares: Readonly<Record<RateName, RateShare>>;
  /** How long the shares are valid, counted from before the request; ms. */
  readonly validMs: number;
  /** Processes with a valid lease, this one included. */
  readonly processes: number;
}

/** Leases shares, or renews the lease of this process. Rejects while the store is unavailable. */
export type LeaseRates = (requests: RateRequests) => Promise<RateLease>;

/** A process that has not renewed its lease for so long has no share any more; ms. */
export const RATE_LEASE_MS = 2500;

/**
 * The part of the rate that is divided equally whatever the demand: a process without demand can serve the first stations
 * that come before its next renewal.
 */
export const EQUAL_PART = 0.25;
