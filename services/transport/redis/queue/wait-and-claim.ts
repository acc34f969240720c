/**
 * Two commands in one round trip: one that waits for entries, and behind it the script that claims them. A full Redis refuses
 * the first, as it may write, and serves the second: then only the claim counts.
 *
 * @param isEmpty whether nothing was claimed; then the refusal rejects, so that no caller retries without a pause
 */
export async function waitAndClaim<T>(
  wait: Promise<unknown>,
  claim: Promise<T>,
  isEmpty: (claimed: T) => boolean,
): Promise<T> {
  const [waited, claimed] = await Promise.allSettled([wait, claim]);
  if (claimed.status === 'rejected') throw claimed.reason;
  if (waited.status === 'rejected' && isEmpty(claimed.value)) throw waited.reason;
  return claimed.value;
}
