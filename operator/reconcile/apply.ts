/**
 * Applies the rendered objects in their order, and deletes objects that are no longer rendered. An object that the API
 * server refuses, or that has another owner, is reported as a problem and does not block the others.
 */
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { Caches } from '../controller/caches.ts';
import {
  type KubeObject,
  type ObjectRef,
  type ObjectStore,
  type Resource,
  StoreError,
} from '../kube/object-store.ts';
import { OPTIONAL, OWNED, resourceOf } from '../render/resources.ts';
import { clusterLabels, selectorText } from '../render/render-input.ts';
import type { Problem } from '../status/conditions.ts';
import type { DeletionGuard } from './deletion-guard.ts';
import { foreignVariables } from './variables.ts';
import { belongsTo, controllerOf, isOwnedBy } from '../observe/observe.ts';

export interface Applied {
  /** `Kind/name` of the objects written, for the log. */
  readonly changed: readonly string[];
  readonly pruned: readonly string[];
  readonly problems: readonly Problem[];
}

const describe = ({ kind, metadata }: KubeObject) => `${kind}/${metadata.name}`;

/** One pass over one cluster, as its writing steps need it. */
export interface Pass {
  readonly store: ObjectStore;
  readonly caches: Caches;
  readonly cluster: OcppCluster;
  readonly deletionGuard: DeletionGuard;
}

/**
 * The kinds to search for objects that are no longer rendered. Call it in the same turn of the event loop as the rendering:
 * for an add-on that appears later nothing was rendered, and its existing objects must not be deleted.
 */
export const prunable = (caches: Caches): readonly Resource[] => [
  ...OWNED,
  ...OPTIONAL.filter((kind) => caches.serves(kind)),
];

/**
 * @param kept `Kind/name` of objects that stay as they are
 * @throws StoreError when the API server is unreachable or busy: retry later; ClusterGone
 */
export async function applyObjects(
  pass: Pass,
  objects: readonly KubeObject[],
  kinds: readonly Resource[],
  kept: readonly string[] = [],
): Promise<Applied> {
  const changed: string[] = [];
  const problems: Problem[] = [];
  for (const object of objects) {
    pass.deletionGuard.check();
    const problem = await applyOne(pass, object, changed);
    if (problem !== undefined) problems.push(problem);
  }
  return { changed, problems, pruned: await prune(pass, [...objects.map(describe), ...kept], kinds) };
}

async function applyOne(pass: Pass, object: KubeObject, changed: string[]): Promise<Problem | undefined> {
  const { store, caches, cluster, deletionGuard: existence } = pass;
  const ref = refOf(object);
  // The caches hold only objects with our labels, so an object of this name may still exist.
  const live = caches.get(ref) ?? (await store.get(ref));
  const conflict = ownedByAnother(live, cluster, object);
  if (conflict !== undefined) return conflict;
  if (live === undefined) await existence.confirm();
  try {
    const result = await store.apply(object, { skipRead: live === undefined });
    if (result.changed) changed.push(describe(object));
    return foreignVariables(object, result.object);
  } catch (error) {
    if (!(error instanceof StoreError) || error.retryable) throw error;
    return { reason: 'Refused', message: `${describe(object)} was refused: ${error.message}` };
  }
}

/** Server-side apply would take over any object of that name; ours have the OcppCluster as their controller. */
function ownedByAnother(
  live: KubeObject | undefined,
  cluster: OcppCluster,
  object: KubeObject,
): Problem | undefined {
  if (live === undefined || belongsTo(live, cluster)) return undefined;
  const controller = controllerOf(live);
  if (controller?.kind === cluster.kind && controller.name === cluster.metadata.name) {
    const message = `${describe(object)} belongs to a deleted OcppCluster of the same name; the operator creates it again after Kubernetes has removed it`;
    return { reason: 'BeingReplaced', message };
  }
  const owner =
    controller === undefined ? 'has another owner' : `belongs to ${controller.kind} ${controller.name}`;
  return {
    reason: 'NameTaken',
    message: `${describe(object)} already exists and ${owner}; delete it or give the OcppCluster another name`,
  };
}

/** @param wanted `Kind/name` of the objects that stay. @returns the same of the deleted objects */
async function prune(
  { store, caches, cluster }: Pass,
  wanted: readonly string[],
  kinds: readonly Resource[],
): Promise<string[]> {
  const { namespace = 'default' } = cluster.metadata;
  const labelSelector = selectorText(clusterLabels(cluster));
  const rendered = new Set(wanted);
  const pruned: string[] = [];
  for (const resource of kinds) {
    for (const object of caches.list(resource, { namespace, labelSelector })) {
      if (rendered.has(describe(object)) || !isOwnedBy(object, cluster)) continue;
      if (object.metadata.deletionTimestamp !== undefined) continue;
      const { uid } = object.metadata;
      await store.delete(refOf(object), uid === undefined ? {} : { uid });
      pruned.push(describe(object));
    }
  }
  return pruned;
}

function refOf(object: KubeObject): ObjectRef {
  const { name, namespace } = object.metadata;
  return { resource: resourceOf(object), name, ...(namespace !== undefined && { namespace }) };
}
