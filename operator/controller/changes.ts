/** Which primary object a change brings up. Pure. */
import type { KubeObject, Resource } from '../kube/object-store.ts';
import { keyOf } from './caches.ts';
import type { ObjectChange } from './diff.ts';

/** A change of status alone is our own work and brings nothing up. */
export function keysOfPrimary({ before, after }: ObjectChange): string[] {
  const object = after ?? before;
  if (object === undefined) return [];
  if (before !== undefined && after !== undefined && seen(before) === seen(after)) return [];
  return [keyOf(object.metadata)];
}

const seen = ({ metadata }: KubeObject) =>
  JSON.stringify([
    metadata.uid,
    metadata.generation,
    metadata.deletionTimestamp,
    metadata.labels,
    metadata.annotations,
  ]);

/** Both, where the object went from one owner to another. @param label with the owner's name, for what it owns indirectly */
export function keysOfOwners({ before, after }: ObjectChange, primary: Resource, label: string): string[] {
  return [before, after]
    .map((object) => object && ownerKey(object, primary, label))
    .filter((key) => key !== undefined);
}

function ownerKey(object: KubeObject, primary: Resource, label: string): string | undefined {
  const { namespace, ownerReferences, labels } = object.metadata;
  const owner = ownerReferences?.find(
    ({ kind, apiVersion }) => kind === primary.kind && apiVersion.startsWith(`${primary.group}/`),
  );
  const name = owner?.name ?? labels?.[label];
  if (name === undefined) return undefined;
  return keyOf(namespace === undefined ? { name } : { name, namespace });
}
