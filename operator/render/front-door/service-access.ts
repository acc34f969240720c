/** How a program reaches a service of the user over HTTP: its address, and the Secrets with its token and its authorities. */
import type { V1EnvVar } from '@kubernetes/client-node';
import type { SecretMount } from './secret-mount.ts';

/** As spec has it. */
export interface ServiceSettings {
  readonly url: string;
  readonly tokenSecretName?: string;
  readonly caSecretName?: string;
}

export interface ServiceVariables {
  readonly url: string;
  readonly tokenFile: string;
  readonly caFile: string;
}

export interface Access {
  readonly env: readonly V1EnvVar[];
  readonly secrets: readonly SecretMount[];
}

export const NO_ACCESS: Access = { env: [], secrets: [] };

/** @param name of the service: its Secrets are mounted as `<name>-token` and `<name>-ca` */
export function serviceAccess(
  name: string,
  { url, tokenSecretName, caSecretName }: ServiceSettings,
  variables: ServiceVariables,
): Access {
  const token = secretFile(`${name}-token`, tokenSecretName, 'token', variables.tokenFile);
  const ca = secretFile(`${name}-ca`, caSecretName, 'ca.crt', variables.caFile);
  return joined([{ env: [{ name: variables.url, value: url }], secrets: [] }, token, ca]);
}

/** A key of a Secret as a file, whose path a variable has. */
export function secretFile(
  volume: string,
  secretName: string | undefined,
  key: string,
  variable: string,
): Access {
  if (secretName === undefined) return NO_ACCESS;
  const mountPath = `/etc/ocpp/${volume}`;
  return {
    env: [{ name: variable, value: `${mountPath}/${key}` }],
    secrets: [{ volume, secretName, mountPath }],
  };
}

export const joined = (all: readonly Access[]): Access => ({
  env: all.flatMap(({ env }) => env),
  secrets: all.flatMap(({ secrets }) => secrets),
});
