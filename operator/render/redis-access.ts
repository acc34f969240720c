/**
 * How ws-proxy and processor connect to Redis: settings as environment variables, Secrets as files, so that the kubelet
 * updates a changed password or certificate in running Pods (docs/redis.md).
 */
import type { V1EnvVar, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import { ENV, PORT } from '../../services/contract.ts';
import type { OcppCluster } from '../api/ocpp-cluster.ts';
import { type Component, nameOf, type RenderInput } from './render-input.ts';

const FOLDER = '/etc/ocpp';
/** The variable that names the owner of the keys in Redis. */
export const CLUSTER_ID = ENV.clusterId;
/** Name of the volume with the password. */
export const LOGIN = 'redis-login';
/** Of the certificate of the embedded Redis, in the Pods of Redis and of the programs. */
export const REDIS_TLS_FOLDER = `${FOLDER}/redis-tls`;
const REDIS_TLS = 'redis-tls';
/** The password of the embedded Redis, also in the Redis Pod. */
export const PASSWORD_FILE = `${FOLDER}/${LOGIN}/password`;
const MODES = { Standalone: 'standalone', Sentinel: 'sentinel', Cluster: 'cluster' } as const;

interface SecretFolder {
  /** Also the name of its folder. */
  readonly volume: string;
  readonly secretName: string | undefined;
}

const file = ({ volume }: SecretFolder, key: string) => `${FOLDER}/${volume}/${key}`;

function secretsOf({ spec, redisPasswordSecret }: RenderInput) {
  const { external } = spec.redis;
  const { credentialsSecretName, tls, sentinel } = external ?? {};
  const login = external === undefined ? redisPasswordSecret : credentialsSecretName;
  return {
    login: { volume: LOGIN, secretName: login },
    sentinelLogin: { volume: 'sentinel-login', secretName: sentinel?.credentialsSecretName },
    authority: { volume: 'redis-ca', secretName: tls?.caSecretName },
    certificate: { volume: 'redis-certificate', secretName: tls?.clientCertificateSecretName },
  } satisfies Readonly<Record<string, SecretFolder>>;
}

export function redisEnv(input: RenderInput): V1EnvVar[] {
  const { redis } = input.spec;
  return [
    ...addressEnv(input),
    { name: ENV.redisDb, value: String(redis.database) },
    { name: ENV.channelPrefix, value: redis.channelPrefix },
    { name: ENV.stateKeyPrefix, value: redis.stateKeyPrefix || redis.channelPrefix },
    { name: ENV.clientTimeout, value: `${redis.clientTimeoutSeconds}s` },
    { name: ENV.redisPoolSize, value: String(redis.connectionPoolSize) },
    { name: ENV.redisRetryAttempts, value: String(redis.retryAttempts) },
    { name: ENV.redisRetryDelay, value: `${redis.retryDelayMilliseconds}ms` },
    { name: ENV.distributedState, value: String(redis.distributedState) },
    { name: ENV.stateTtl, value: `${redis.stateTtlSeconds}s` },
    ...(input.renderRevision >= 3 ? [{ name: CLUSTER_ID, value: ownerOfKeys(input) }] : []),
  ];
}

const ownerOfKeys = ({ cluster: { metadata }, namespace, clusterId }: RenderInput) =>
  clusterId ?? `${namespace}/${metadata.name}/${metadata.uid ?? ''}`;

function addressEnv(input: RenderInput): V1EnvVar[] {
  const { cluster, namespace, spec } = input;
  const { external } = spec.redis;
  const { login, sentinelLogin, authority, certificate } = secretsOf(input);
  if (external === undefined) {
    return [
      { name: ENV.redisAddr, value: `${nameOf(cluster, 'redis')}.${namespace}.svc:${PORT.redis}` },
      ...(login.secretName === undefined
        ? []
        : [{ name: ENV.redisPasswordFile, value: file(login, 'password') }]),
      ...(redisTlsSecret(input) === undefined ? [] : embeddedTlsEnv(input)),
    ];
  }
  const { mode, addresses, tls, sentinel } = external;
  const all: readonly (readonly [string, string | undefined])[] = [
    [ENV.redisAddr, addresses.join(',')],
    [ENV.redisMode, MODES[mode]],
    ...loginEnv(login, ENV.redisUsernameFile, ENV.redisPasswordFile),
    [ENV.redisTls, tls && 'true'],
    [ENV.redisTlsServerName, tls?.serverName],
    [ENV.redisTlsCaFile, authority.secretName && file(authority, 'ca.crt')],
    [ENV.redisTlsCertFile, certificate.secretName && file(certificate, 'tls.crt')],
    [ENV.redisTlsKeyFile, certificate.secretName && file(certificate, 'tls.key')],
    [ENV.redisMasterName, sentinel?.masterName],
    [ENV.redisSentinelTls, sentinel && String(sentinel.tls ?? true)],
    ...loginEnv(sentinelLogin, ENV.redisSentinelUsernameFile, ENV.redisSentinelPasswordFile),
  ];
  return all.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [{ name, value }]));
}

/** The Secret with the certificate of the embedded Redis; undefined: it has no TLS. */
export function redisTlsSecret({ cluster, spec }: Pick<RenderInput, 'cluster' | 'spec'>): string | undefined {
  const { tls } = spec.redis.embedded ?? {};
  return tls && (tls.secretName ?? redisCertificateName(cluster));
}

/** Of the Certificate and of its Secret. No listener has this name. */
export const redisCertificateName = (cluster: OcppCluster): string =>
  `${nameOf(cluster, 'redis')}-certificate`;

/** The name in the certificate of the embedded Redis. */
export const redisHost = (cluster: OcppCluster): string =>
  `${nameOf(cluster, 'redis')}.${cluster.metadata.namespace ?? 'default'}.svc`;

/** `npm start` connects to an address, so the name is given. */
const embeddedTlsEnv = ({ cluster }: RenderInput): V1EnvVar[] => [
  { name: ENV.redisTls, value: 'true' },
  { name: ENV.redisTlsCaFile, value: `${REDIS_TLS_FOLDER}/ca.crt` },
  { name: ENV.redisTlsServerName, value: redisHost(cluster) },
];

/** The programs get the authority only, Redis its key too. */
function redisTlsVolume(input: RenderInput, component: Component) {
  const secretName = redisTlsSecret(input);
  if (secretName === undefined) return { volumes: [], volumeMounts: [] };
  const items = component === 'redis' ? {} : { items: [{ key: 'ca.crt', path: 'ca.crt' }] };
  return {
    volumes: [{ name: REDIS_TLS, secret: { secretName, defaultMode: 0o440, ...items } }],
    volumeMounts: [{ name: REDIS_TLS, mountPath: REDIS_TLS_FOLDER, readOnly: true }],
  };
}

/** The Secret may have no username: without the file, programs log in as the default user. */
function loginEnv(secret: SecretFolder, username: string, password: string) {
  if (secret.secretName === undefined) return [];
  return [
    [username, file(secret, 'username')],
    [password, file(secret, 'password')],
  ] as const;
}

export function redisVolumes(
  input: RenderInput,
  component: Component,
): {
  readonly volumes: V1Volume[];
  readonly volumeMounts: V1VolumeMount[];
} {
  const mounted = Object.values(secretsOf(input)).flatMap(({ volume, secretName }) =>
    secretName === undefined ? [] : [{ volume, secretName }],
  );
  const tls = redisTlsVolume(input, component);
  return {
    // Readable by the group of the Pod only.
    volumes: [
      ...mounted.map(({ volume, secretName }) => ({
        name: volume,
        secret: { secretName, defaultMode: 0o440 },
      })),
      ...tls.volumes,
    ],
    volumeMounts: [
      ...mounted.map(({ volume }) => ({
        name: volume,
        mountPath: `${FOLDER}/${volume}`,
        readOnly: true,
      })),
      ...tls.volumeMounts,
    ],
  };
}
