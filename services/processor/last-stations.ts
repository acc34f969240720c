/**
 * When a cluster is deleted, all its Pods stop at once, and the proxies need a while to drain. Their stations are answered
 * as long as a processor is there. A processor that stops alone (scale-in, a new image) does not wait for them.
 */
import { sleep } from '../runtime/clock.ts';

/** Pods of one cluster get their signal within this time; ms. */
const NOTICE_MS = 3000;
const POLL_MS = 250;

/** @param ending whether all proxies drain @param limitMs at most; 0: returns at once */
export async function serveLastStations(ending: () => Promise<boolean>, limitMs: number): Promise<void> {
  const begin = performance.now();
  let seen = false;
  while (performance.now() - begin < limitMs) {
    // Without Redis no station is answered.
    const now = await ending().catch(() => undefined);
    if (now === undefined) return;
    seen ||= now;
    if (!now && (seen || performance.now() - begin >= NOTICE_MS)) return;
    await sleep(POLL_MS);
  }
}
