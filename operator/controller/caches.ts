/** Read access to the copies that the reflectors hold. The objects are shared: never modify them. */
import type { KubeObject, ListOptions, ObjectRef, Resource } from '../kube/object-store.ts';

export interface Caches {
  /** Undefined: the object does not exist, or its kind is not watched. */
  get(ref: ObjectRef): KubeObject | undefined;
  list(resource: Resource, options?: ListOptions): KubeObject[];
  /** Whether the API server serves this kind and its objects are watched; kinds of add-ons may be absent. */
  serves(resource: Resource): boolean;
}

/** `namespace/name`, or `name` for an object without a namespace. */
export function keyOf(metadata: { readonly name: string; readonly namespace?: string }): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

export const sameResource = (a: Resource, b: Resource) => a.group === b.group && a.plural === b.plural;

/** Label and value of each term of an equality selector such as `a=b,c=d`. */
export function requirementsOf(labelSelector = ''): readonly (readonly [string, string | undefined])[] {
  return labelSelector
    .split(',')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [label = '', value] = pair.split(/==?/, 2).map((side) => side.trim());
      return [label, value];
    });
}

/** A test for an equality selector; an empty one matches all. */
export function selectorOf(labelSelector = ''): (object: KubeObject) => boolean {
  const wanted = requirementsOf(labelSelector);
  return ({ metadata: { labels = {} } }) => wanted.every(([label, value]) => labels[label] === value);
}
