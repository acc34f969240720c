/**
 * The two commands of one round trip: one that waits for entries, and the script behind it that takes them. A full Redis
 * refuses the first, as it may write, and serves the second: what was taken then counts.
 *
 * @param isEmpty whether there was nothing to take; then the refusal rejects, so that nobody asks without a pause
 */
export async function waitAndTake<T>(
  wait: Promise<unknown>,
  take: Promise<T>,
  isEmpty: (taken: T) => boolean,
): Promise<T> {
  const [waited, taken] = await Promise.allSettled([wait, take]);
  if (taken.status === 'rejected') throw taken.reason;
  if (waited.status === 'rejected' && isEmpty(taken.value)) throw waited.reason;
  return taken.value;
}
