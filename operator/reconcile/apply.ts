/**
 * Makes the objects as rendered, in their order, and deletes what is no longer rendered. What the API
 * server refuses, and what belongs to somebody else, is a problem to report and does not hold up the rest.
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
import type { Existence } from './deletion-guard.ts';
import { belongsTo, controllerOf, isOwnedBy } from './observe.ts';

export interface Problem {
  /** `BeingReplaced` gets well by itself, the others need somebody. */
  readonly reason: 'BeingReplaced' | 'NameTaken' | 'Refused' | 'AddOnMissing' | 'NotApplied';
  readonly message: string;
}

export interface Applied {
  /** `Kind/name` of what was written, for the log. */
  readonly changed: readonly string[];
  readonly pruned: readonly string[];
  readonly problems: readonly Problem[];
}

const describe = ({ kind, metadata }: KubeObject) => `${kind}/${metadata.name}`;

/** One pass over one cluster, as the steps that write need it. */
export interface Pass {
  readonly store: ObjectStore;
  readonly caches: Caches;
  readonly cluster: OcppCluster;
  readonly existence: Existence;
}

/**
 * The kinds in which something may be left that is no longer rendered. To be asked in the turn of the event loop in which the
 * objects are rendered: of an add-on that is there only since then nothing was rendered, and nothing is to go.
 */
export const prunable = (caches: Caches): readonly Resource[] => [
  ...OWNED,
  ...OPTIONAL.filter((kind) => caches.serves(kind)),
];

/** @throws StoreError where the API server cannot be reached or is busy: try again later; ClusterGone */
export async function applyObjects(
  pass: Pass,
  objects: readonly KubeObject[],
  kinds: readonly Resource[],
): Promise<Applied> {
  const changed: string[] = [];
  const problems: Problem[] = [];
  for (const object of objects) {
    pass.existence.check();
    const problem = await applyOne(pass, object, changed);
    if (problem !== undefined) problems.push(problem);
  }
  return { changed, problems, pruned: await prune(pass, objects, kinds) };
}

async function applyOne(pass: Pass, object: KubeObject, changed: string[]): Promise<Problem | undefined> {
  const { store, caches, cluster, existence } = pass;
  const ref = refOf(object);
  // The caches hold only objects with our labels, so what they do not have may still be there.
  const live = caches.get(ref) ?? (await store.get(ref));
  const taken = takenBySomebodyElse(live, cluster, object);
  if (taken !== undefined) return taken;
  if (live === undefined) await existence.confirm();
  try {
    const result = await store.apply(object, { unread: live === undefined });
    if (result.changed) changed.push(describe(object));
    return undefined;
  } catch (error) {
    if (!(error instanceof StoreError) || error.retryable) throw error;
    return { reason: 'Refused', message: `${describe(object)} was refused: ${error.message}` };
  }
}

/** Server-side apply would take over any object of that name. Ours are those that name us as controller. */
function takenBySomebodyElse(
  live: KubeObject | undefined,
  cluster: OcppCluster,
  object: KubeObject,
): Problem | undefined {
  if (live === undefined || belongsTo(live, cluster)) return undefined;
  const controller = controllerOf(live);
  if (controller?.kind === cluster.kind && controller.name === cluster.metadata.name) {
    const message = `${describe(object)} is still that of a deleted OcppCluster of this name; it is made anew when Kubernetes has removed it`;
    return { reason: 'BeingReplaced', message };
  }
  const owner = controller === undefined ? 'by somebody else' : `by ${controller.kind} ${controller.name}`;
  return {
    reason: 'NameTaken',
    message: `${describe(object)} exists already, made ${owner}; delete it or give the OcppCluster another name`,
  };
}

/** @returns `Kind/name` of what was deleted */
async function prune(
  { store, caches, cluster }: Pass,
  objects: readonly KubeObject[],
  kinds: readonly Resource[],
): Promise<string[]> {
  const { namespace = 'default' } = cluster.metadata;
  const labelSelector = selectorText(clusterLabels(cluster));
  const rendered = new Set(objects.map(describe));
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
