/** Which sets without stations are kept, so that an earlier spec finds its set again. Pure. */
import type { ProxySet } from './proxy-set.ts';

/** Sets with Pods always; of the others the `limit` that served last. */
export function setsToKeep(sets: readonly ProxySet[], limit: number): ReadonlySet<string> {
  const busy = sets.filter(({ pods }) => pods.length > 0);
  const empty = sets.filter(({ pods }) => pods.length === 0).sort((a, b) => b.lastUsedAt - a.lastUsedAt);
  return new Set([...busy, ...empty.slice(0, limit)].map(({ name }) => name));
}
