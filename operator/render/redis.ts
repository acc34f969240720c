/**
 * The embedded Redis: one Pod with a volume. It never evicts (every key is somebody's CALL) and keeps 40 %
 * of its memory limit for the copy-on-write of a rewrite and for client buffers.
 */
import type { V1ServiceSpec, V1StatefulSetSpec } from '@kubernetes/client-node';
import { ENV, PORT } from '../../services/contract.ts';
import type { SettledEmbeddedRedis } from '../api/defaults.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { POD_ENV, podTemplate, resourcesOf } from './pod.ts';
import { quantity } from './quantity.ts';
import { SERVICES, STATEFUL_SETS } from './resources.ts';
import { nameOf, owned, selectorLabels, type View } from './view.ts';

/** `redis` in the official Debian images. */
const REDIS_USER = 999;
const RESOURCES = { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } };
const MAXMEMORY_SHARE = 0.6;
const DATA = '/data';

export function redisService(view: View): KubeObject {
  const spec = {
    type: 'ClusterIP',
    selector: selectorLabels(view.cluster, 'redis'),
    ports: [{ name: 'redis', port: PORT.redis, targetPort: 'redis', protocol: 'TCP' }],
  } satisfies V1ServiceSpec;
  return owned(view, SERVICES, 'redis', { spec });
}

export function redisStatefulSet(view: View, redis: SettledEmbeddedRedis): KubeObject {
  const container = {
    image: view.redisImage,
    command: ['redis-server'],
    args: redisArguments(redis),
    env: [
      ...POD_ENV.filter(({ name }) => name === ENV.podIp),
      { name: 'REDIS_PORT', value: String(PORT.redis) },
      { name: 'REDIS_DATA', value: DATA },
    ],
    ports: [{ name: 'redis', containerPort: PORT.redis }],
    volumeMounts: [{ name: 'data', mountPath: DATA }],
    // Loading a large file is not a reason to be killed, and not yet a reason to be asked.
    readinessProbe: {
      exec: { command: ['sh', '-c', 'test "$(redis-cli -h "$POD_IP" -p "$REDIS_PORT" ping)" = PONG'] },
      periodSeconds: 2,
      timeoutSeconds: 5,
      failureThreshold: 3,
    },
    livenessProbe: {
      tcpSocket: { port: 'redis' },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 6,
    },
  };
  const statefulSet = {
    replicas: 1,
    serviceName: nameOf(view.cluster, 'redis'),
    revisionHistoryLimit: 3,
    // With OrderedReady a Pod that cannot start (no node fits, no such image) stays as it is even after the
    // template was put right: kubernetes/kubernetes#67250.
    podManagementPolicy: 'Parallel',
    selector: { matchLabels: selectorLabels(view.cluster, 'redis') },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: redis.storage.onDelete, whenScaled: 'Retain' },
    template: podTemplate(
      view,
      'redis',
      { user: REDIS_USER, graceSeconds: 60, resources: RESOURCES, container },
      redis.podTemplate,
    ),
    volumeClaimTemplates: [volumeClaim(view, redis)],
  } satisfies V1StatefulSetSpec;
  return owned(view, STATEFUL_SETS, 'redis', { spec: statefulSet });
}

/** `$(NAME)` is filled in by the kubelet from the container's environment. */
function redisArguments({ appendFsync, podTemplate: extra }: SettledEmbeddedRedis): string[] {
  const limit = resourcesOf(RESOURCES, extra).limits['memory'];
  const settings: Readonly<Record<string, string>> = {
    bind: '$(POD_IP)',
    port: String(PORT.redis),
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

function volumeClaim(view: View, { storage }: SettledEmbeddedRedis) {
  const { size, storageClassName } = storage;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', labels: { ...selectorLabels(view.cluster, 'redis') } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: size } },
      ...(storageClassName !== '' && { storageClassName }),
    },
  };
}
