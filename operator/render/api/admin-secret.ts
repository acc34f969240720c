/**
 * The admin token of the HTTP API. The operator writes it once and can neither read, change nor delete Secrets: its owner is the
 * ServiceAccount of the API, so that Kubernetes deletes it together with that when the API is switched off.
 */
import type { OcppCluster } from '../../api/ocpp-cluster.ts';
import type { KubeObject } from '../../kube/object-store.ts';
import { componentLabels, nameOf } from '../render-input.ts';

/** Name of the volume with it. */
export const API_ADMIN = 'api-admin';

export const apiAdminSecretName = (cluster: OcppCluster): string => `${nameOf(cluster, 'api')}-admin`;

/** @param account the ServiceAccount of the API, as it exists */
export function apiAdminSecret(
  cluster: OcppCluster,
  { apiVersion, kind, metadata }: KubeObject,
  token: string,
): KubeObject {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: apiAdminSecretName(cluster),
      namespace: cluster.metadata.namespace ?? 'default',
      labels: { ...componentLabels(cluster, 'api') },
      // It does not block the deletion of its owner: that would need a permission on the finalizers of ServiceAccounts.
      ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '' }],
    },
    type: 'Opaque',
    stringData: { token },
  };
  return secret;
}
