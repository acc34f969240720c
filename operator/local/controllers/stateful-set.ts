/**
 * StatefulSet → one Pod with a stable name and a volume that outlives it. Pure, like deployment.ts. The Pod listens on the
 * address of its Service, so that clients reach Redis without a balancer.
 */
import { templateHash } from './deployment.ts';
import { isReady, type Pod, type PodSpec, type StatefulSet } from '../kinds.ts';

/** Label with the hash of the template, as in Kubernetes. */
export const REVISION = 'controller-revision-hash';

export interface StatefulPlan {
  readonly create: boolean;
  readonly remove: readonly Pod[];
  readonly status: object;
}

/** Fields of the set itself that cannot be honoured. */
export function refusedInSet(set: StatefulSet): string[] {
  const { replicas = 1 } = set.spec;
  return replicas > 1 ? [`spec.replicas: ${replicas} (at most 1 here)`] : [];
}

/** The old Pod is deleted before the new one is created: they share the volume. A partition keeps it. */
export function planStatefulSet(
  set: StatefulSet,
  pods: readonly Pod[],
  refused: readonly string[],
): StatefulPlan {
  const revision = templateHash(set.spec.template);
  const wanted = set.spec.replicas ?? 1;
  const held = (set.spec.updateStrategy?.rollingUpdate?.partition ?? 0) > 0;
  const current = pods.filter((pod) => pod.metadata.labels?.[REVISION] === revision);
  const old = pods.filter((pod) => !current.includes(pod));
  const blocked = refused.length > 0;
  const ready = pods.filter(isReady).length;
  return {
    create: wanted > 0 && pods.length === 0 && !blocked,
    remove: wanted === 0 ? pods : blocked || held ? [] : old,
    status: {
      observedGeneration: set.metadata.generation ?? 0,
      replicas: pods.length,
      readyReplicas: ready,
      availableReplicas: ready,
      currentReplicas: pods.length,
      updatedReplicas: current.length,
      currentRevision: pods[0]?.metadata.labels?.[REVISION] ?? revision,
      updateRevision: revision,
      ...(blocked ? { conditions: [refusal(refused)] } : {}),
    },
  };
}

const refusal = (refused: readonly string[]) => ({
  type: 'ReplicaFailure',
  status: 'True',
  reason: 'FieldsRefused',
  message: `npm start cannot honour ${refused.join(', ')}`,
});

/** The template's spec with the volumes of the claims, named `<claim>-<set>-0`. */
export function podSpecOf(set: StatefulSet): PodSpec {
  const claims = (set.spec.volumeClaimTemplates ?? []).map(({ metadata: { name } }) => ({
    name,
    persistentVolumeClaim: { claimName: `${name}-${set.metadata.name}-0` },
  }));
  const { spec } = set.spec.template;
  return claims.length === 0 ? spec : { ...spec, volumes: [...(spec.volumes ?? []), ...claims] };
}
