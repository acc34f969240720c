/**
 * Event webhooks of the HTTP API: their settings, and one volume with the signing secrets and authorities of all. A Secret that is missing
 * fails its webhook, not the Pods of the API; when it is created, its file appears in running Pods.
 */
import type { V1EnvVar, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import { ENV } from '../../../services/contract.ts';
import type { RenderInput } from '../render-input.ts';

const VOLUME = 'api-webhooks';
const FOLDER = `/etc/ocpp/${VOLUME}`;

export function webhookAccess({ spec }: RenderInput): {
  readonly env: V1EnvVar[];
  readonly volumes: V1Volume[];
  readonly volumeMounts: V1VolumeMount[];
} {
  const { webhooks = [] } = spec.api;
  if (webhooks.length === 0) return { env: [], volumes: [], volumeMounts: [] };
  const settings = webhooks.map(({ signingSecret: _secret, caSecretName, ...others }) => ({
    ...others,
    ...(caSecretName !== undefined && { needsCa: true }),
  }));
  const sources = webhooks.flatMap(({ name, signingSecret, caSecretName }) => {
    const secret = source(signingSecret.name, signingSecret.key, name);
    return caSecretName === undefined ? [secret] : [secret, source(caSecretName, 'ca.crt', `${name}.ca`)];
  });
  return {
    env: [
      { name: ENV.apiWebhooks, value: JSON.stringify(settings) },
      { name: ENV.apiWebhookSecretsFolder, value: FOLDER },
    ],
    volumes: [{ name: VOLUME, projected: { defaultMode: 0o440, sources } }],
    volumeMounts: [{ name: VOLUME, mountPath: FOLDER, readOnly: true }],
  };
}

const source = (name: string, key: string, path: string) => ({
  secret: { name, items: [{ key, path }], optional: true },
});
