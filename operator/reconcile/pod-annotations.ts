/**
 * Annotations that the operator writes to single Pods, as hints to Kubernetes: a write that fails neither blocks nor fails the
 * pass.
 */
import type { Log } from '../../services/runtime/log.ts';
import { type KubeObject, type ObjectStore, StoreError } from '../kube/object-store.ts';
import type { Pod } from '../observe/workloads.ts';

/** To be applied. With the uid, apply never creates a Pod that is already gone. */
export function annotated({ metadata }: Pod, annotations: Readonly<Record<string, string>>): KubeObject {
  const { name, namespace, uid } = metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      annotations,
    },
  };
}

/** @param consequence what follows from a write that failed, for the log */
export async function writeAnnotations(
  store: ObjectStore,
  pods: readonly KubeObject[],
  log: Log,
  consequence: string,
): Promise<void> {
  for (const pod of pods) {
    try {
      await store.apply(pod);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      log.warn(
        { pod: pod.metadata.name, consequence, error: error.message },
        'an annotation of a Pod is not written',
      );
    }
  }
}
