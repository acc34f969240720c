/**
 * Deployment → Pods, without ReplicaSets: each Pod carries the hash of its template. Pure: what to create, delete and
 * report, from the current Pods.
 */
import { createHash } from 'node:crypto';
import { DELETION_COST } from '../../reconcile/pod-deletion-costs.ts';
import { condition, type Deployment, type Pod, type PodCondition, type PodTemplate } from '../kinds.ts';

/** Label with the hash of the template, as in Kubernetes. */
export const TEMPLATE_HASH = 'pod-template-hash';

export interface Plan {
  /** How many Pods to create from the current template. */
  readonly create: number;
  readonly remove: readonly Pod[];
  readonly status: DeploymentStatus;
  /** When to reconcile again without a change, ms: Pods become available with time. */
  readonly requeueAfterMs: number | undefined;
}

export interface DeploymentStatus {
  readonly observedGeneration: number;
  readonly replicas: number;
  readonly updatedReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  readonly unavailableReplicas: number;
  readonly conditions: readonly PodCondition[];
}

/** Independent of the order of keys. */
export function templateHash(template: PodTemplate): string {
  return createHash('sha256').update(canonical(template)).digest('hex').slice(0, 10);
}

/**
 * One step of a rolling update: at most replicas + maxSurge Pods, at least replicas − maxUnavailable available ones.
 * Pods that are not available may always be deleted. A paused Deployment keeps Pods of any template and scales; new Pods
 * get the new template.
 * @param refused fields that cannot be honoured: no Pod is created from this template
 * @param now ms since 1970
 */
export function planDeployment(
  deployment: Deployment,
  pods: readonly Pod[],
  refused: readonly string[],
  now: number,
): Plan {
  const { replicas = 1, minReadySeconds = 0, paused = false, template } = deployment.spec;
  const hash = templateHash(template);
  const readyFor = (pod: Pod) => {
    const ready = condition(pod, 'Ready');
    return ready?.status === 'True' ? now - Date.parse(ready.lastTransitionTime ?? '') : -1;
  };
  const isAvailable = (pod: Pod) => readyFor(pod) >= minReadySeconds * 1000;
  const current = pods.filter((pod) => pod.metadata.labels?.[TEMPLATE_HASH] === hash);
  const kept = paused ? pods : current;
  const old = pods.filter((pod) => !kept.includes(pod));
  const available = pods.filter(isAvailable);
  const { surge, unavailable } = limits(deployment, replicas);

  const room = replicas + surge - pods.length;
  const create = refused.length > 0 ? 0 : Math.max(0, Math.min(replicas - kept.length, room));
  const surplus = inDeletionOrder(kept, isAvailable).slice(0, Math.max(0, kept.length - replicas));
  const keep = replicas - unavailable;
  let spare = available.length - surplus.filter(isAvailable).length - keep;
  const outdated =
    refused.length > 0
      ? inDeletionOrder(old, isAvailable).slice(0, Math.max(0, pods.length - replicas))
      : inDeletionOrder(old, isAvailable).filter((pod) => !isAvailable(pod) || spare-- > 0);
  const waiting = pods.map(readyFor).filter((ms) => ms >= 0 && ms < minReadySeconds * 1000);
  return {
    create,
    remove: [...new Set([...surplus, ...outdated])],
    requeueAfterMs: waiting.length > 0 ? minReadySeconds * 1000 - Math.max(...waiting) : undefined,
    status: {
      observedGeneration: deployment.metadata.generation ?? 0,
      replicas: pods.length,
      updatedReplicas: current.length,
      readyReplicas: pods.filter((pod) => readyFor(pod) >= 0).length,
      availableReplicas: available.length,
      unavailableReplicas: Math.max(0, replicas - available.length),
      conditions: conditions(deployment, {
        refused,
        enough: available.length >= keep,
        complete: current.filter(isAvailable).length === replicas && old.length === 0 && surplus.length === 0,
        now,
      }),
    },
  };
}

function limits(deployment: Deployment, replicas: number): { surge: number; unavailable: number } {
  const { type, rollingUpdate } = deployment.spec.strategy ?? {};
  if (type === 'Recreate') return { surge: 0, unavailable: replicas };
  const surge = amount(rollingUpdate?.maxSurge ?? '25%', replicas, Math.ceil);
  const unavailable = amount(rollingUpdate?.maxUnavailable ?? '25%', replicas, Math.floor);
  // As in Kubernetes, maxUnavailable is 1 when both round to 0.
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

function amount(value: number | string, replicas: number, round: (value: number) => number): number {
  if (typeof value === 'number') return value;
  return round((Number.parseFloat(value) / 100) * replicas);
}

/** The order of deletion: not available, lowest deletion cost, youngest. */
function inDeletionOrder(pods: readonly Pod[], isAvailable: (pod: Pod) => boolean): Pod[] {
  const cost = (pod: Pod) => Number(pod.metadata.annotations?.[DELETION_COST] ?? 0);
  const age = (pod: Pod) => Date.parse(pod.metadata.creationTimestamp ?? '') || 0;
  return [...pods].sort(
    (a, b) => Number(isAvailable(a)) - Number(isAvailable(b)) || cost(a) - cost(b) || age(b) - age(a),
  );
}

interface Findings {
  readonly refused: readonly string[];
  readonly enough: boolean;
  readonly complete: boolean;
  readonly now: number;
}

function conditions(deployment: Deployment, found: Findings): PodCondition[] {
  const before =
    (deployment as { status?: { conditions?: readonly PodCondition[] } }).status?.conditions ?? [];
  const make = (type: string, status: 'True' | 'False', reason: string, message?: string): PodCondition => {
    const last = before.find((one) => one.type === type && one.status === status);
    const lastTransitionTime = last?.lastTransitionTime ?? new Date(found.now).toISOString();
    return { type, status, reason, ...(message !== undefined && { message }), lastTransitionTime };
  };
  return [
    found.enough
      ? make('Available', 'True', 'MinimumReplicasAvailable')
      : make('Available', 'False', 'MinimumReplicasUnavailable'),
    make('Progressing', 'True', found.complete ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated'),
    ...(found.refused.length > 0
      ? [
          make(
            'ReplicaFailure',
            'True',
            'FieldsRefused',
            `npm start cannot honour ${found.refused.join(', ')}`,
          ),
        ]
      : []),
  ];
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
