/**
 * Chance that a seed repeats. A number belongs to a second and a purpose, not to a sequence, so that two scalers in the same
 * conditions meet the same arrivals.
 */
export type Purpose = 'arrivals' | 'capacity';

const SALT: Readonly<Record<Purpose, number>> = { arrivals: 0x9e3779b1, capacity: 0x85ebca6b };
/** Above this mean the normal distribution is close enough to Poisson's. */
const NORMAL_FROM = 60;

/** Arrivals of one second with this mean. */
export function poisson(mean: number, seed: number, second: number): number {
  if (!(mean > 0)) return 0;
  const next = chance(seed, second, 'arrivals');
  if (mean > NORMAL_FROM) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(next)));
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = next(); product > limit; product *= next()) count += 1;
  return count;
}

/** A factor around 1. @param deviation its standard deviation */
export function jitter(deviation: number, seed: number, second: number): number {
  return Math.max(0.5, 1 + deviation * normal(chance(seed, second, 'capacity')));
}

/** Box-Muller. */
const normal = (next: () => number) => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());

/** mulberry32, from 0 up to 1 without 1. */
function chance(seed: number, second: number, purpose: Purpose): () => number {
  let state = (Math.imul(seed + 1, SALT[purpose]) ^ Math.imul(second + 1, 0xc2b2ae35)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
