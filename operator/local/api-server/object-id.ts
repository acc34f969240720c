/** Identity of objects in MemoryObjectStore, and the checks and filters that need nothing else. */
import {
  type KubeObject,
  type ListOptions,
  type ObjectMeta,
  type ObjectRef,
  type Resource,
  StoreError,
} from '../../kube/object-store.ts';
import { requirementsOf, selectorOf } from '../../controller/caches.ts';

/** All other kinds are namespaced. */
const CLUSTER_SCOPED = new Set(['Namespace', 'Node', 'PersistentVolume', 'StorageClass', 'PriorityClass']);
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export interface Id {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
}

export const idOf = ({ apiVersion, kind, metadata }: KubeObject): Id => ({
  apiVersion,
  kind,
  name: metadata.name,
  namespace: metadata.namespace,
});

export const refId = ({ resource, name, namespace }: ObjectRef): Id => ({
  apiVersion: apiVersionOf(resource),
  kind: resource.kind,
  name,
  namespace: resource.namespaced ? namespace : undefined,
});

const apiVersionOf = ({ group, version }: Resource) => (group === '' ? version : `${group}/${version}`);
const kindOf = (id: Id) => `${id.apiVersion}/${id.kind}`;
export const keyOf = (id: Id) => `${kindOf(id)}/${id.namespace ?? ''}/${id.name}`;
export const describe = (id: Id) =>
  `${id.kind} ${id.namespace === undefined ? '' : `${id.namespace}/`}${id.name}`;
export const notFound = (id: Id) =>
  new StoreError('not-found', `${describe(id)} does not exist`, { status: 404 });

export function specOf(object: KubeObject): object {
  const { metadata: _, status: __, ...rest } = object as KubeObject & { status?: unknown };
  return rest;
}

export function check(id: Id, metadata: ObjectMeta): void {
  const refuse = (field: string, why: string) => {
    throw new StoreError('invalid', `${describe(id)}: ${field}: ${why}`, { status: 422 });
  };
  const clusterScoped = CLUSTER_SCOPED.has(id.kind);
  if (!DNS_SUBDOMAIN.test(id.name ?? '')) {
    refuse('metadata.name', 'must be lower-case letters, digits, - and ., at most 253');
  }
  if (clusterScoped && id.namespace !== undefined) refuse('metadata.namespace', `${id.kind} has none`);
  if (!clusterScoped && !DNS_LABEL.test(id.namespace ?? '')) {
    refuse('metadata.namespace', 'must be there: lower-case letters, digits and -, at most 63');
  }
  if ((metadata.finalizers ?? []).length > 0) refuse('metadata.finalizers', 'not supported by this store');
}

export function filterOf(resource: Resource, options: ListOptions): (object: KubeObject) => boolean {
  const kind = `${apiVersionOf(resource)}/${resource.kind}`;
  const labelled = selectorOf(options.labelSelector);
  const fields = requirementsOf(options.fieldSelector);
  return (object) =>
    kindOf(idOf(object)) === kind &&
    (options.namespace === undefined || options.namespace === object.metadata.namespace) &&
    labelled(object) &&
    fields.every(([path, value]) => fieldOf(object, path) === value);
}

const fieldOf = (object: object, path: string): unknown =>
  path.split('.').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], object);
