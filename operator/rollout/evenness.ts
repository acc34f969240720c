/** How many stations each Pod has to move so that all have about the same number. Pure. */

/** A Pod may have so much more or less than the mean: connections spread at random. */
const TOLERANCE = 0.2;
/** Of few stations a share says nothing. */
const LEAST_TOLERANCE = 3;

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0);

/** Whether no Pod differs from the mean by more than the tolerance. @param stations of each Pod */
export const isEven = (stations: readonly number[]): boolean =>
  isWithin(stations, TOLERANCE, LEAST_TOLERANCE);

function isWithin(stations: readonly number[], share: number, least = 0): boolean {
  const mean = sumOf(stations) / Math.max(1, stations.length);
  const tolerance = Math.max(share * mean, least);
  return stations.every((one) => Math.abs(one - mean) <= tolerance);
}

/**
 * The fewest moves with which all Pods are expected within half the tolerance of the mean. Each station that moves is equally
 * likely to reach any Pod, also its own, so a Pod has to move more than it has above the mean: everything above a level, and
 * the lower that is, the more even the result.
 */
export function movesToEvenOut(stations: readonly number[]): number[] {
  const above = (level: number) => stations.map((one) => Math.max(0, one - level));
  const isEnough = (level: number) => {
    const moves = above(level);
    const each = sumOf(moves) / Math.max(1, stations.length);
    return isWithin(
      stations.map((one, i) => one - (moves[i] ?? 0) + each),
      TOLERANCE / 2,
    );
  };
  // At the lowest count the expected result is the mean everywhere.
  let enough = Math.min(...stations);
  let tooFew = Math.max(...stations, enough) + 1;
  while (tooFew - enough > 1) {
    const level = Math.floor((enough + tooFew) / 2);
    if (isEnough(level)) enough = level;
    else tooFew = level;
  }
  return above(enough);
}
