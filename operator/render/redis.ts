/**
 * The embedded Redis: one Pod with a volume. It never evicts, as every key is a message or state. 40 % of its memory
 * limit are reserved for copy-on-write during AOF rewrites and for client buffers.
 */
import type { DefaultedRedisEmbedded } from '../api/ocpp-cluster.ts';
import type { V1ServiceSpec, V1StatefulSetSpec } from '@kubernetes/client-node';
import { ENDING_KEY, ENV, PORT } from '../../services/contract.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { POD_ENV, podTemplate, resourcesOf } from './pod.ts';
import { quantity } from '../api/quantity.ts';
import { lastStationsSeconds } from './program.ts';
import { REDIS_TLS_FOLDER, redisTlsSecret, redisVolumes } from './redis-access.ts';
import { redisStart } from './redis-start.ts';
import { SERVICES, STATEFUL_SETS } from './resources.ts';
import { nameOf, owned, selectorLabels, type RenderInput, workload } from './render-input.ts';

/** `redis` in the official Debian images. */
const REDIS_USER = 999;
const RESOURCES = { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } };
const MAXMEMORY_SHARE = 0.6;
const DATA = '/data';
/** The only Pod has ordinal 0. */
const HOLD = { type: 'RollingUpdate', rollingUpdate: { partition: 1 } };

export function redisService(input: RenderInput): KubeObject {
  const spec = {
    type: 'ClusterIP',
    selector: selectorLabels(input.cluster, 'redis'),
    ports: [{ name: 'redis', port: PORT.redis, targetPort: 'redis', protocol: 'TCP' }],
  } satisfies V1ServiceSpec;
  return owned(input, SERVICES, 'redis', { spec });
}

export function redisStatefulSet(input: RenderInput, redis: DefaultedRedisEmbedded): KubeObject {
  const { volumes, volumeMounts } = redisVolumes(input, 'redis');
  const { command, ...commands } = redisStart(
    input.redisPasswordSecret !== undefined,
    input.renderRevision,
    {
      database: input.spec.redis.database,
      key: `${input.spec.redis.channelPrefix}:${ENDING_KEY}`,
      seconds: lastStationsSeconds(input),
    },
    redisTlsSecret(input) !== undefined,
  );
  const container = {
    image: input.redisImage,
    command,
    args: redisArguments(input, redis),
    env: [
      ...POD_ENV.filter(({ name }) => name === ENV.podIp),
      { name: 'REDIS_PORT', value: String(PORT.redis) },
      { name: 'REDIS_DATA', value: DATA },
    ],
    ports: [{ name: 'redis', containerPort: PORT.redis }],
    volumeMounts: [{ name: 'data', mountPath: DATA }, ...volumeMounts],
    ...commands,
  };
  const statefulSet = {
    replicas: 1,
    serviceName: nameOf(input.cluster, 'redis'),
    revisionHistoryLimit: 3,
    // With OrderedReady a Pod that cannot start (no node fits, no such image) is not replaced even after the
    // template was corrected: kubernetes/kubernetes#67250.
    podManagementPolicy: 'Parallel',
    ...(input.holdRollouts === true && { updateStrategy: HOLD }),
    selector: { matchLabels: selectorLabels(input.cluster, 'redis') },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: redis.storage.onDelete, whenScaled: 'Retain' },
    template: podTemplate(
      input,
      'redis',
      {
        user: REDIS_USER,
        graceSeconds: 60 + lastStationsSeconds(input),
        resources: RESOURCES,
        container,
        volumes,
      },
      redis.podTemplate,
    ),
    volumeClaimTemplates: [volumeClaim(input, redis)],
  } satisfies V1StatefulSetSpec;
  return workload(input, STATEFUL_SETS, 'redis', statefulSet);
}

/** With TLS no other port is open. Passwords tell the programs apart from others, not certificates. */
const portSettings = (hasTls: boolean): Readonly<Record<string, string>> =>
  hasTls
    ? {
        port: '0',
        'tls-port': String(PORT.redis),
        'tls-cert-file': `${REDIS_TLS_FOLDER}/tls.crt`,
        'tls-key-file': `${REDIS_TLS_FOLDER}/tls.key`,
        'tls-auth-clients': 'no',
      }
    : { port: String(PORT.redis) };

/** The kubelet replaces `$(NAME)` by variables of the container. */
function redisArguments(
  input: RenderInput,
  { appendFsync, podTemplate: extra }: DefaultedRedisEmbedded,
): string[] {
  const limit = resourcesOf(input, RESOURCES, extra).limits['memory'];
  const settings: Readonly<Record<string, string>> = {
    bind: '$(POD_IP)',
    ...portSettings(redisTlsSecret(input) !== undefined),
    dir: '$(REDIS_DATA)',
    'protected-mode': 'no',
    save: '',
    appendonly: 'yes',
    appendfsync: appendFsync,
    'maxmemory-policy': 'noeviction',
    ...(limit !== undefined && { maxmemory: String(Math.floor(quantity(limit) * MAXMEMORY_SHARE)) }),
  };
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}

function volumeClaim(input: RenderInput, { storage }: DefaultedRedisEmbedded) {
  const { size, storageClassName } = storage;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', labels: { ...selectorLabels(input.cluster, 'redis') } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: input.redisVolumeSize ?? size } },
      ...(storageClassName !== '' && { storageClassName }),
    },
  };
}
