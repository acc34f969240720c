/**
 * The environment and the arguments of a container as its process gets them: fields and Secrets
 * looked up, `$(NAME)` expanded, and the DNS names of Services, which nothing resolves here, replaced by
 * the addresses where those Services listen on this machine (the names table).
 */
import type { Endpoint } from '../network/addresses.ts';
import type { Container, EnvVar } from '../kinds.ts';

export interface Surroundings {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly podIp: string;
  /** The keys and values of a Secret in the Pod's namespace. */
  secret(name: string): Readonly<Record<string, string>> | undefined;
  /** Where a Service listens; undefined: there is no such Service. */
  service(namespace: string, name: string, port: number): Endpoint | undefined;
}

/** Something that the Pod needs is not there yet. The Pod waits and tries again. */
export class Missing extends Error {
  override readonly name = 'Missing';
  /** As the kubelet would name it. */
  readonly reason: string = 'CreateContainerConfigError';
}

/** @throws Missing a Secret or Service that the container names */
export function environmentOf(container: Container, around: Surroundings): Record<string, string> {
  const env: Record<string, string> = {};
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, env, around);
    if (value !== undefined) env[variable.name] = withServiceAddresses(value, around);
  }
  return env;
}

function valueOf(
  variable: EnvVar,
  env: Readonly<Record<string, string>>,
  around: Surroundings,
): string | undefined {
  const { fieldRef, secretKeyRef } = variable.valueFrom ?? {};
  if (fieldRef !== undefined) return fieldOf(fieldRef.fieldPath, around);
  if (secretKeyRef === undefined) return expand(variable.value ?? '', env);
  const value = around.secret(secretKeyRef.name)?.[secretKeyRef.key];
  if (value === undefined && secretKeyRef.optional !== true) {
    throw new Missing(
      `${variable.name}: there is no Secret ${around.namespace}/${secretKeyRef.name} with the key ` +
        `${secretKeyRef.key}; put it into the manifest file`,
    );
  }
  return value;
}

function fieldOf(path: string, around: Surroundings): string {
  switch (path) {
    case 'status.podIP':
      return around.podIp;
    case 'metadata.name':
      return around.name;
    case 'metadata.namespace':
      return around.namespace;
    case 'metadata.uid':
      return around.uid;
    case 'spec.nodeName':
      return 'localhost';
    default:
      return '127.0.0.1';
  }
}

/** `$(NAME)` as Kubernetes expands it: unknown names stay, `$$(NAME)` is a literal `$(NAME)`. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$(\$?)\(([\w.-]+)\)/g, (whole, escaped: string, name: string) =>
    escaped === '$' ? whole.slice(1) : (env[name] ?? whole),
  );
}

/** `name[.namespace[.svc[.cluster.local]]]:port`. Only names of Services are touched. */
const HOST_PORT =
  /(?<![\w.-])([a-z]([-a-z0-9]*[a-z0-9])?)(\.([a-z0-9][-a-z0-9]*))?(\.svc(\.cluster\.local)?\.?)?:(\d{1,5})(?!\d)/g;

export function withServiceAddresses(text: string, around: Surroundings): string {
  return text.replace(
    HOST_PORT,
    (
      whole: string,
      name: string,
      _1,
      _2,
      namespace: string | undefined,
      svc: string | undefined,
      _3,
      port,
    ) => {
      const found = around.service(namespace ?? around.namespace, name, Number(port));
      if (found !== undefined) return `${found.host}:${found.port}`;
      if (svc !== undefined)
        throw new Missing(`there is no Service ${namespace}/${name} with the port ${port}`);
      return whole;
    },
  );
}
