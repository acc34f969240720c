/** One reading for all requests of a while: many open pages cost as much as one. */

/**
 * @param ms for how long a reading serves further requests; one that failed serves those that came before it did
 * @param now monotonic time in ms
 */
export function sharedReading<T>(
  ms: number,
  read: () => Promise<T>,
  now = () => performance.now(),
): () => Promise<T> {
  let reading: Promise<T> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (reading !== undefined && now() - readAt < ms) return reading;
    readAt = now();
    const begun = read();
    reading = begun;
    begun.catch(() => {
      if (reading === begun) reading = undefined;
    });
    return begun;
  };
}
