/** On which cluster the e2e tests run. Pure. */

export interface Machine {
  /** KUBECONFIG; undefined or empty: not set. */
  readonly kubeconfig: string | undefined;
  readonly docker: boolean;
  readonly kind: boolean;
  /** Names of the kind clusters that are there. */
  readonly kindClusters: readonly string[];
}

/** Of test/e2e/kind.yaml. */
export const KIND_CLUSTER = 'ocpp';

export type Where =
  /** Whatever KUBECONFIG points at. */
  | { readonly on: 'kubeconfig' }
  /** A kind cluster; `ours` is made for this run and deleted after it. */
  | { readonly on: 'kind'; readonly ours: boolean }
  | { readonly on: 'nothing'; readonly message: string };

/** The current context of ~/.kube/config is not asked: it may be a production cluster. */
export function whereToTest({ kubeconfig, docker, kind, kindClusters }: Machine): Where {
  if (kubeconfig !== undefined && kubeconfig !== '') return { on: 'kubeconfig' };
  if (docker && kind) return { on: 'kind', ours: !kindClusters.includes(KIND_CLUSTER) };
  const missing = [
    ...(docker ? [] : ['a running Docker']),
    ...(kind ? [] : ['kind (https://kind.sigs.k8s.io)']),
  ];
  const message =
    `npm run e2e needs a Kubernetes cluster. Either set KUBECONFIG to one for tests (it installs the operator there and ` +
    `removes it again), or have Docker and kind here, and it makes one; missing: ${missing.join(' and ')}`;
  return { on: 'nothing', message };
}
