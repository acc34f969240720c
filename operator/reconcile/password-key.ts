/**
 * The key that is mixed into the stored passwords of stations: written once, never read. It has no owner and outlives the cluster,
 * as the volume of Redis does by default: without the key, no stored password would match again.
 */
import { randomBytes } from 'node:crypto';
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { generatedKeyName } from '../render/front-door/authentication.ts';
import { clusterLabels } from '../render/render-input.ts';

const KEY_BYTES = 32;

export function passwordKey(cluster: OcppCluster): KubeObject {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: generatedKeyName(cluster),
      namespace: cluster.metadata.namespace ?? 'default',
      labels: { ...clusterLabels(cluster) },
    },
    type: 'Opaque',
    stringData: { key: randomBytes(KEY_BYTES).toString('base64url') },
  };
  return secret;
}
