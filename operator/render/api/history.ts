/**
 * The Prometheus of the HTTP API, for figures of the last hour. It is a field of its own: the token of spec.processor.autoscaling.prometheus
 * is for the operator. A Secret that is missing costs these figures only; when it is created, its file appears in running Pods.
 */
import type { V1EnvVar, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import { ENV } from '../../../services/contract.ts';
import type { RenderInput } from '../render-input.ts';

const VOLUME = 'api-prometheus';
const FOLDER = `/etc/ocpp/${VOLUME}`;

export function historyAccess({ spec, cluster, namespace }: RenderInput): {
  readonly env: V1EnvVar[];
  readonly volumes: V1Volume[];
  readonly volumeMounts: V1VolumeMount[];
} {
  const { prometheus } = spec.api;
  if (prometheus === undefined) return { env: [], volumes: [], volumeMounts: [] };
  const { url, tokenSecretRef, caSecretRef } = prometheus;
  const { name } = cluster.metadata;
  // As the PodMonitors label its series; those of the operator have labels of their own.
  const { selector = `namespace="${namespace}",ocpp_cluster="${name}"` } = prometheus;
  const files = [
    { secret: tokenSecretRef, path: 'token', variable: ENV.apiPrometheusTokenFile },
    { secret: caSecretRef, path: 'ca.crt', variable: ENV.apiPrometheusCaFile },
  ].flatMap(({ secret, ...file }) => (secret === undefined ? [] : [{ ...file, secret }]));
  const sources = files.map(({ secret: { name: secretName, key }, path }) => ({
    secret: { name: secretName, items: [{ key, path }], optional: true },
  }));
  return {
    env: [
      { name: ENV.apiPrometheusUrl, value: url },
      { name: ENV.apiPrometheusSelector, value: selector },
      { name: ENV.apiPrometheusOperatorSelector, value: `namespace="${namespace}",cluster="${name}"` },
      ...files.map(({ path, variable }) => ({ name: variable, value: `${FOLDER}/${path}` })),
    ],
    volumes: sources.length === 0 ? [] : [{ name: VOLUME, projected: { defaultMode: 0o440, sources } }],
    volumeMounts: sources.length === 0 ? [] : [{ name: VOLUME, mountPath: FOLDER, readOnly: true }],
  };
}
