/** Events end after an hour, as on an API server (`--event-ttl`). */
import type { KubeObject, ObjectStore } from '../kube/object-store.ts';
import { EVENTS } from '../render/resources.ts';

const LIFETIME_MS = 3_600_000;
export const EXPIRY_EVERY_MS = 600_000;

type Event = KubeObject & { readonly lastTimestamp?: string };

/** @param now ms since 1970 */
export async function expireEvents(store: Pick<ObjectStore, 'list' | 'delete'>, now: number): Promise<void> {
  for (const { metadata, lastTimestamp } of (await store.list(EVENTS)).items as readonly Event[]) {
    if (now - Date.parse(lastTimestamp ?? metadata.creationTimestamp ?? '') < LIFETIME_MS) continue;
    const { name, namespace = 'default' } = metadata;
    await store.delete({ resource: EVENTS, name, namespace });
  }
}
