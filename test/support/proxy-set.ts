/** Tests name the ws-proxy Deployment of a cluster without its hash. */
import type { OcppClusterStatus } from '../../operator/api/ocpp-cluster.ts';
import type { KubeObject } from '../../operator/kube/object-store.ts';
import { isRunning } from '../../operator/rollout/step.ts';

export const proxySetsOf = <T extends KubeObject>(deployments: readonly T[], cluster: string): T[] =>
  deployments.filter(
    ({ metadata: { labels = {} } }) =>
      labels['app.kubernetes.io/instance'] === cluster &&
      labels['app.kubernetes.io/component'] === 'ws-proxy' &&
      labels['app.kubernetes.io/managed-by'] === 'ocpp-operator',
  );

/** The set that a rollout leads to, else the serving one. The status may not name the only set yet, or any more. */
export function currentSet<T extends KubeObject>(
  sets: readonly T[],
  status: OcppClusterStatus = {},
): T | undefined {
  const { rollout, proxy } = status;
  const name = isRunning(rollout) ? rollout.toSet : proxy?.servingSet;
  return sets.find(({ metadata }) => metadata.name === name) ?? (sets.length === 1 ? sets[0] : undefined);
}

/** `Kind/name` or `kinds/name` without the hash of a set. */
export const withoutHash = (place: string): string => place.replace(/-ws-proxy-[0-9a-f]{10}$/, '-ws-proxy');
