/** Maps a change of an object to the keys of the primary objects to enqueue. Pure. */
import type { KubeObject, Resource } from '../kube/object-store.ts';
import { keyOf } from './caches.ts';
import type { ObjectChange } from './diff.ts';

/** A change of the status alone enqueues nothing: the operator wrote it. */
export function mapToPrimary({ before, after }: ObjectChange): string[] {
  const object = after ?? before;
  if (object === undefined) return [];
  if (before !== undefined && after !== undefined && relevant(before) === relevant(after)) return [];
  return [keyOf(object.metadata)];
}

const relevant = ({ metadata }: KubeObject) =>
  JSON.stringify([
    metadata.uid,
    metadata.generation,
    metadata.deletionTimestamp,
    metadata.labels,
    metadata.annotations,
  ]);

/** Both owners, if the owner changed. @param label names the owner of objects that it owns indirectly */
export function mapToOwner({ before, after }: ObjectChange, primary: Resource, label: string): string[] {
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
