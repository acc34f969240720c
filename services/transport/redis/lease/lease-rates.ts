/** The leases of rates in Redis. */
import {
  EQUAL_PART,
  RATE_LEASE_MS,
  RATE_NAMES,
  type RateLease,
  type RateName,
  type RateRequests,
  type RateShare,
} from '../../rates.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import type { Keys } from '../keys.ts';

const script = loadScript<[number, ...string[]]>(new URL('./lease-rates.lua', import.meta.url));

export interface RateLeasing {
  /** The same through the whole life of the process, also when it registers again: its lease goes on. */
  readonly process: string;
  readonly requests: RateRequests;
}

export async function leaseRates(
  connection: RedisConnection,
  keys: Keys,
  { process, requests }: RateLeasing,
): Promise<RateLease> {
  const figures = RATE_NAMES.flatMap((name) => {
    const { rate, demand, used = '', waiting = 0 } = requests[name];
    return [rate, demand, used, waiting];
  });
  const args = [process, RATE_LEASE_MS, EQUAL_PART, ...figures];
  const [processes, ...texts] = await script(connection, [keys.rates], args);
  const each = RATE_NAMES.map((name, i): [RateName, RateShare] => [
    name,
    { share: Number(texts[2 * i]), demand: Number(texts[2 * i + 1]) },
  ]);
  const shares = Object.fromEntries(each) as Record<RateName, RateShare>;
  return { shares, validMs: RATE_LEASE_MS, processes };
}

/** Ends the lease of a process that uses no share any more. */
export async function releaseRates(connection: RedisConnection, keys: Keys, process: string): Promise<void> {
  await connection.hdel(keys.rates, process);
}
