/** The Secrets that a cluster names and a manifest does not have, and what each has to hold for a trial. Pure. */
import { defaultedSpec } from '../../api/defaults.ts';
import type { DefaultedListener, OcppCluster } from '../../api/ocpp-cluster.ts';
import { apiAdminSecretName } from '../../render/api/admin-secret.ts';
import { passwordKeySecret } from '../../render/front-door/authentication.ts';
import { certificateName } from '../../render/front-door/listeners.ts';
import { redisHost, redisTlsSecret } from '../../render/redis-access.ts';
import { hasOwnTls } from '../../render/station-ports.ts';
import { LOOPBACK } from '../network/addresses.ts';

export interface Need {
  readonly secretName: string;
  /**
   * `server`: a certificate for `names`; `redis`: with its authority; `client-ca`: that of the trial authority; `authority`: with its key;
   * `api-admin` and `api-tokens`: tokens of the HTTP API; `webhook-secret`: the signing secret of event webhooks.
   */
  readonly holds:
    | 'server'
    | 'redis'
    | 'client-ca'
    | 'authority'
    | 'password-key'
    | 'stations'
    | 'api-admin'
    | 'api-tokens'
    | 'webhook-secret';
  /** Of `webhook-secret`: one for each webhook. */
  readonly keys?: readonly string[];
  readonly keyKind?: 'ecdsa' | 'rsa';
  readonly names?: readonly string[];
}

/** A station that can connect to a listener. */
export interface DemoStation {
  readonly identity: string;
  readonly listener: string;
  readonly profile: number;
}

/** @param exists whether the manifest has this Secret */
export function needsOf(cluster: OcppCluster, exists: (secretName: string) => boolean): readonly Need[] {
  const spec = defaultedSpec(cluster);
  const { stations } = spec.authentication ?? {};
  const key = passwordKeySecret(cluster, spec);
  const ofListeners = spec.listeners.filter(hasOwnTls).flatMap((one) => listenerNeeds(cluster, one));
  const all: readonly (Need | undefined)[] = [
    ...ofListeners,
    redisNeed(cluster),
    key === undefined ? undefined : { secretName: key, holds: 'password-key' },
    stations?.secretName === undefined ? undefined : { secretName: stations.secretName, holds: 'stations' },
    spec.certificateAuthority?.internal && {
      secretName: spec.certificateAuthority.internal.secretName,
      holds: 'authority',
    },
    ...apiNeeds(cluster),
  ];
  const missing = all.filter((need) => need !== undefined).filter(({ secretName }) => !exists(secretName));
  // Several listeners may share one.
  return missing.filter(
    ({ secretName }, index) => missing.findIndex((one) => one.secretName === secretName) === index,
  );
}

/** In a Kubernetes cluster the operator makes that of the admin; here it is a file that commands can read. */
function apiNeeds(cluster: OcppCluster): Need[] {
  const { enabled, tokensSecret, webhooks = [] } = defaultedSpec(cluster).api;
  if (!enabled) return [];
  const tokens: Need[] =
    tokensSecret === undefined ? [] : [{ secretName: tokensSecret.name, holds: 'api-tokens' }];
  const signing = webhooks.map(({ signingSecret }) => signingSecret);
  const ofWebhooks = [...new Set(signing.map(({ name }) => name))].map((secretName): Need => {
    const keys = signing.filter(({ name }) => name === secretName).map(({ key }) => key);
    return { secretName, holds: 'webhook-secret', keys };
  });
  return [{ secretName: apiAdminSecretName(cluster), holds: 'api-admin' }, ...tokens, ...ofWebhooks];
}

function redisNeed(cluster: OcppCluster): Need | undefined {
  const secretName = redisTlsSecret({ cluster, spec: defaultedSpec(cluster) });
  if (secretName === undefined) return undefined;
  return { secretName, holds: 'redis', names: [redisHost(cluster)] };
}

function listenerNeeds(cluster: OcppCluster, { name, tls }: DefaultedListener): Need[] {
  if (tls === undefined) return [];
  const names = ['localhost', LOOPBACK, ...(tls.dnsNames ?? [])];
  const server = (secretName: string, keyKind: 'ecdsa' | 'rsa'): Need => ({
    secretName,
    holds: 'server',
    keyKind,
    names,
  });
  return [
    server(tls.secretName ?? certificateName(cluster, name), 'ecdsa'),
    ...(tls.additionalSecretName === undefined ? [] : [server(tls.additionalSecretName, 'rsa')]),
    ...(tls.clientCaSecretName === undefined
      ? []
      : [{ secretName: tls.clientCaSecretName, holds: 'client-ca' } as const]),
  ];
}

export const usesRegister = (cluster: OcppCluster): boolean =>
  defaultedSpec(cluster).authentication?.stations?.register === true;

/** One for each listener: the kept profile of a station forbids a lower one afterwards. */
export function demoStationsOf(cluster: OcppCluster): readonly DemoStation[] {
  return defaultedSpec(cluster)
    .listeners.filter(
      ({ securityProfile, tls }) => securityProfile > 0 && tls?.termination !== 'LoadBalancer',
    )
    .map(({ name, securityProfile }) => ({
      identity: `demo-${name}`,
      listener: name,
      profile: securityProfile,
    }));
}
