/**
 * The token of the admin ports of one cluster: HMAC-SHA-256 of the cluster's uid with a key that only the operator has. Its
 * Pods mount it from a Secret, which the operator writes and cannot read.
 */
import type { V1EnvVar, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import { createHash, createHmac } from 'node:crypto';
import { ENV } from '../../services/contract.ts';
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { clusterLabels, ownerOf, type RenderInput } from './render-input.ts';

/** Name of the volume with the token. */
export const ADMIN_VOLUME = 'admin-token';
const FOLDER = `/etc/ocpp/${ADMIN_VOLUME}`;
const TOKEN = 'token';

export interface AdminAccess {
  readonly token: string;
  readonly secretName: string;
}

/** Another key gives another Secret, and so new Pods: a token never changes under a running Pod. */
export function adminAccess({ metadata }: OcppCluster, key: Uint8Array): AdminAccess {
  const token = createHmac('sha256', key)
    .update(metadata.uid ?? '')
    .digest('base64url');
  const id = createHash('sha256').update(token).digest('hex').slice(0, 8);
  return { token, secretName: `${metadata.name}-admin-${id}` };
}

export const adminSecret = (
  cluster: OcppCluster,
  { token, secretName }: AdminAccess,
): KubeObject & {
  readonly type: string;
  readonly stringData: Readonly<Record<string, string>>;
} => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: secretName,
    namespace: cluster.metadata.namespace ?? 'default',
    labels: clusterLabels(cluster),
    ownerReferences: [ownerOf(cluster)],
  },
  type: 'Opaque',
  stringData: { [TOKEN]: token },
});

/** How a PodMonitor logs in; undefined: metrics are open. */
export function metricsLogin({ spec, renderRevision, adminSecret: name }: RenderInput) {
  if (!spec.monitoring.protectMetrics || renderRevision < 3 || name === undefined) return undefined;
  return { type: 'Bearer', credentials: { name, key: TOKEN } };
}

/** Empty before revision 3. */
export function adminMount({ spec, renderRevision, adminSecret: secretName }: RenderInput): {
  readonly env: V1EnvVar[];
  readonly volumes: V1Volume[];
  readonly volumeMounts: V1VolumeMount[];
} {
  if (renderRevision < 3 || secretName === undefined) return { env: [], volumes: [], volumeMounts: [] };
  return {
    env: [
      { name: ENV.adminTokenFile, value: `${FOLDER}/${TOKEN}` },
      ...(spec.monitoring.protectMetrics ? [{ name: ENV.adminMetricsToken, value: 'true' }] : []),
    ],
    volumes: [{ name: ADMIN_VOLUME, secret: { secretName, defaultMode: 0o440 } }],
    volumeMounts: [{ name: ADMIN_VOLUME, mountPath: FOLDER, readOnly: true }],
  };
}
