/**
 * How the HTTP API reads the OcppCluster that it belongs to, for its status: with the token of its ServiceAccount, which may get this
 * one object. It is the only Pod of a cluster that reaches the API server.
 */
import type { V1EnvVar, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import { ENV } from '../../../services/contract.ts';
import { OCPP_CLUSTERS } from '../../api/ocpp-cluster.ts';
import type { KubeObject } from '../../kube/object-store.ts';
import { nameOf, owned, type RenderInput } from '../render-input.ts';
import { apiVersionOf, ROLE_BINDINGS, ROLES, SERVICE_ACCOUNTS } from '../resources.ts';

const VOLUME = 'api-server';
const FOLDER = `/etc/ocpp/${VOLUME}`;
/** Kubernetes writes the authority of its API server to every namespace. */
const AUTHORITY = 'kube-root-ca.crt';
/** The kubelet renews a token after 80 % of its time, s. */
const TOKEN_SECONDS = 3600;
/** The Service of the API server. */
export const API_SERVER = 'https://kubernetes.default.svc';

/** The ServiceAccount, and its permission. */
export function clusterReader(input: RenderInput): KubeObject[] {
  const { cluster, namespace } = input;
  const name = nameOf(cluster, 'api');
  const rules = [
    {
      apiGroups: [OCPP_CLUSTERS.group],
      resources: [OCPP_CLUSTERS.plural],
      resourceNames: [cluster.metadata.name],
      verbs: ['get'],
    },
  ];
  const binding = {
    roleRef: { apiGroup: ROLES.group, kind: ROLES.kind, name },
    subjects: [{ kind: SERVICE_ACCOUNTS.kind, name, namespace }],
  };
  return [
    owned(input, SERVICE_ACCOUNTS, 'api', { automountServiceAccountToken: false }),
    owned(input, ROLES, 'api', { rules }),
    owned(input, ROLE_BINDINGS, 'api', binding),
  ];
}

export function clusterAccess({ cluster, namespace }: RenderInput): {
  readonly env: V1EnvVar[];
  readonly volumes: V1Volume[];
  readonly volumeMounts: V1VolumeMount[];
} {
  const path = `/apis/${apiVersionOf(OCPP_CLUSTERS)}/namespaces/${namespace}/${OCPP_CLUSTERS.plural}/${cluster.metadata.name}`;
  const sources = [
    { serviceAccountToken: { path: 'token', expirationSeconds: TOKEN_SECONDS } },
    { configMap: { name: AUTHORITY, items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
  ];
  return {
    env: [
      { name: ENV.clusterUrl, value: `${API_SERVER}${path}` },
      { name: ENV.clusterTokenFile, value: `${FOLDER}/token` },
      { name: ENV.clusterCaFile, value: `${FOLDER}/ca.crt` },
    ],
    volumes: [{ name: VOLUME, projected: { defaultMode: 0o440, sources } }],
    volumeMounts: [{ name: VOLUME, mountPath: FOLDER, readOnly: true }],
  };
}
