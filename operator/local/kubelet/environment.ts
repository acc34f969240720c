/**
 * The environment of a container as its process gets it: fields, Secrets and ConfigMaps resolved, `$(NAME)` expanded. Nothing resolves
 * the DNS names of Services here. In the variables that contract.ts names they become the addresses where those Services
 * listen; every other value stays as it is.
 */
import { PLACE } from '../../../services/contract.ts';
import { API_SERVER } from '../../render/api/cluster-access.ts';
import { TEMPLATE_HASH } from '../controllers/deployment.ts';
import { type Endpoint, LOOPBACK } from '../network/addresses.ts';
import type { Container, EnvVar } from '../kinds.ts';

export interface PodContext {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** Label `pod-template-hash`; undefined: the Pod is of no Deployment. */
  readonly templateHash: string | undefined;
  readonly podIp: string;
  /** The keys and values of a Secret in the Pod's namespace. */
  secret(name: string): Readonly<Record<string, string>> | undefined;
  configMap(name: string): Readonly<Record<string, string>> | undefined;
  /** Where programs read objects; undefined: nowhere. */
  readonly apiServer: ApiServerHere | undefined;
  /** Where a Service listens; undefined: no such Service or port. */
  service(namespace: string, name: string, port: number): Endpoint | undefined;
}

export interface ApiServerHere {
  /** Scheme, address and port. */
  readonly origin: string;
  /** Of the ServiceAccounts of all Pods. */
  readonly token: string;
}

/** The Pod needs an object that does not exist yet. It waits and retries. */
export class Missing extends Error {
  override readonly name = 'Missing';
  /** As the kubelet would name it. */
  readonly reason: string = 'CreateContainerConfigError';
}

/** @throws Missing a Secret, ConfigMap or Service that the container names */
export function environmentOf(container: Container, context: PodContext): Record<string, string> {
  const env: Record<string, string> = {};
  for (const { configMapRef } of container.envFrom ?? []) {
    if (configMapRef === undefined) continue;
    const values = context.configMap(configMapRef.name);
    if (values === undefined && configMapRef.optional !== true)
      throw missingConfigMap(configMapRef.name, context);
    Object.assign(env, values);
  }
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, env, context);
    if (value === undefined) continue;
    env[variable.name] = placed(variable.name, value, context);
  }
  return env;
}

function placed(name: string, value: string, context: PodContext): string {
  if (PLACE.addresses.includes(name)) return withServiceAddresses(value, context);
  const { origin } = context.apiServer ?? {};
  return name === PLACE.object && origin !== undefined ? value.replace(API_SERVER, origin) : value;
}

export const missingConfigMap = (name: string, { namespace }: PodContext): Missing =>
  new Missing(`there is no ConfigMap ${namespace}/${name}`);

function valueOf(
  variable: EnvVar,
  env: Readonly<Record<string, string>>,
  context: PodContext,
): string | undefined {
  const { fieldRef, secretKeyRef } = variable.valueFrom ?? {};
  if (fieldRef !== undefined) return fieldOf(fieldRef.fieldPath, context);
  if (secretKeyRef === undefined) return expand(variable.value ?? '', env);
  const value = context.secret(secretKeyRef.name)?.[secretKeyRef.key];
  if (value === undefined && secretKeyRef.optional !== true) {
    throw new Missing(
      `${variable.name}: there is no Secret ${context.namespace}/${secretKeyRef.name} with the key ` +
        `${secretKeyRef.key}; put it into the manifest file`,
    );
  }
  return value;
}

function fieldOf(path: string, context: PodContext): string {
  switch (path) {
    case 'status.podIP':
      return context.podIp;
    case 'metadata.name':
      return context.name;
    case 'metadata.namespace':
      return context.namespace;
    case 'metadata.uid':
      return context.uid;
    case `metadata.labels['${TEMPLATE_HASH}']`:
      return context.templateHash ?? '';
    case 'spec.nodeName':
      return 'localhost';
    default:
      return LOOPBACK;
  }
}

/** `$(NAME)` as Kubernetes expands it: unknown names stay, `$$(NAME)` is a literal `$(NAME)`. */
export function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text.replace(/\$(\$?)\(([\w.-]+)\)/g, (whole, escaped: string, name: string) =>
    escaped === '$' ? whole.slice(1) : (env[name] ?? whole),
  );
}

/** `name[.namespace[.svc[.cluster.local]]]:port` */
const SERVICE =
  /^(?<name>[a-z](?:[-a-z0-9]*[a-z0-9])?)(?:\.(?<namespace>[a-z0-9][-a-z0-9]*))?(?<svc>\.svc(?:\.cluster\.local)?\.?)?:(?<port>\d{1,5})$/;

/** A comma-separated list of `host:port` with the names of Services replaced. Other hosts stay. */
export function withServiceAddresses(list: string, context: PodContext): string {
  return list
    .split(',')
    .map((item) => addressOf(item.trim(), context))
    .join(',');
}

/** @throws Missing */
function addressOf(text: string, context: PodContext): string {
  const { name, namespace = context.namespace, svc, port } = SERVICE.exec(text)?.groups ?? {};
  if (name === undefined) return text;
  const found = context.service(namespace, name, Number(port));
  if (found !== undefined) return `${found.host}:${found.port}`;
  if (svc === undefined) return text;
  throw new Missing(`there is no Service ${namespace}/${name} with the port ${port}`);
}
