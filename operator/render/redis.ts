/**
 * The embedded Redis: one Pod with a volume. It never evicts (every key is somebody's CALL) and keeps 40 %
 * of its memory limit for the copy-on-write of a rewrite and for client buffers.
 */
import type { V1ServiceSpec, V1StatefulSetSpec } from '@kubernetes/client-node';
import { ENV, PORT } from '../../services/contract.ts';
import type { DefaultedRedisEmbedded } from '../api/ocpp-cluster.ts';
import type { KubeObject } from '../kube/object-store.ts';
import { POD_ENV, podTemplate, resourcesOf } from './pod.ts';
import { quantity } from '../api/quantity.ts';
import { PASSWORD_FILE, redisVolumes } from './redis-access.ts';
import { SERVICES, STATEFUL_SETS } from './resources.ts';
import { nameOf, owned, selectorLabels, type View, workload } from './render-input.ts';

/** `redis` in the official Debian images. */
const REDIS_USER = 999;
const RESOURCES = { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } };
const MAXMEMORY_SHARE = 0.6;
const DATA = '/data';
/** The only Pod has ordinal 0. */
const HOLD = { type: 'RollingUpdate', rollingUpdate: { partition: 1 } };

/** The password stands in no argument and no variable: Redis reads it as a configuration file, from its input. */
const WITH_PASSWORD = `read -r password < ${PASSWORD_FILE} || [ -n "$password" ] || exit 1
quoted=$(printf %s "$password" | sed 's/["\\\\]/\\\\&/g')
exec redis-server - "$@" <<END
requirepass "$quoted"
END`;
const PING = `read -r REDISCLI_AUTH < ${PASSWORD_FILE}; export REDISCLI_AUTH
case "$(redis-cli -h "$POD_IP" -p "$REDIS_PORT" ping 2>&1)" in`;
const shell = (script: string) => ({ exec: { command: ['sh', '-c', script] } });

const READY = { periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 3 };
// Loading a large file is not a reason to be killed, and not yet a reason to be asked.
const PROBES = {
  // Who asks for another password than the file's is well, and about to be started anew with that.
  readinessProbe: { ...shell(`${PING} *PONG|*NOAUTH*) ;; *) exit 1 ;; esac`), ...READY },
  // A changed Secret comes into effect by a restart, after a minute in which the other Pods get it too.
  livenessProbe: {
    ...shell(`${PING} *NOAUTH*|*'Could not connect'*) exit 1 ;; esac`),
    periodSeconds: 10,
    timeoutSeconds: 30,
    failureThreshold: 6,
  },
};
const PROBES_WITHOUT_PASSWORD = {
  readinessProbe: {
    ...shell('test "$(redis-cli -h "$POD_IP" -p "$REDIS_PORT" ping)" = PONG'),
    ...READY,
  },
  livenessProbe: {
    tcpSocket: { port: 'redis' },
    periodSeconds: 10,
    timeoutSeconds: 5,
    failureThreshold: 6,
  },
};

export function redisService(view: View): KubeObject {
  const spec = {
    type: 'ClusterIP',
    selector: selectorLabels(view.cluster, 'redis'),
    ports: [{ name: 'redis', port: PORT.redis, targetPort: 'redis', protocol: 'TCP' }],
  } satisfies V1ServiceSpec;
  return owned(view, SERVICES, 'redis', { spec });
}

export function redisStatefulSet(view: View, redis: DefaultedRedisEmbedded): KubeObject {
  const { volumes, volumeMounts } = redisVolumes(view);
  const guarded = view.redisPasswordSecret !== undefined;
  const container = {
    image: view.redisImage,
    command: guarded ? ['sh', '-c', WITH_PASSWORD, 'redis-server'] : ['redis-server'],
    args: redisArguments(view, redis),
    env: [
      ...POD_ENV.filter(({ name }) => name === ENV.podIp),
      { name: 'REDIS_PORT', value: String(PORT.redis) },
      { name: 'REDIS_DATA', value: DATA },
    ],
    ports: [{ name: 'redis', containerPort: PORT.redis }],
    volumeMounts: [{ name: 'data', mountPath: DATA }, ...volumeMounts],
    ...(guarded ? PROBES : PROBES_WITHOUT_PASSWORD),
  };
  const statefulSet = {
    replicas: 1,
    serviceName: nameOf(view.cluster, 'redis'),
    revisionHistoryLimit: 3,
    // With OrderedReady a Pod that cannot start (no node fits, no such image) stays as it is even after the
    // template was put right: kubernetes/kubernetes#67250.
    podManagementPolicy: 'Parallel',
    ...(view.holdRollouts === true && { updateStrategy: HOLD }),
    selector: { matchLabels: selectorLabels(view.cluster, 'redis') },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: redis.storage.onDelete, whenScaled: 'Retain' },
    template: podTemplate(
      view,
      'redis',
      { user: REDIS_USER, graceSeconds: 60, resources: RESOURCES, container, volumes },
      redis.podTemplate,
    ),
    volumeClaimTemplates: [volumeClaim(view, redis)],
  } satisfies V1StatefulSetSpec;
  return workload(view, STATEFUL_SETS, 'redis', statefulSet);
}

/** `$(NAME)` is filled in by the kubelet from the container's environment. */
function redisArguments(view: View, { appendFsync, podTemplate: extra }: DefaultedRedisEmbedded): string[] {
  const limit = resourcesOf(view, RESOURCES, extra).limits['memory'];
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

function volumeClaim(view: View, { storage }: DefaultedRedisEmbedded) {
  const { size, storageClassName } = storage;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', labels: { ...selectorLabels(view.cluster, 'redis') } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: view.redisVolumeSize ?? size } },
      ...(storageClassName !== '' && { storageClassName }),
    },
  };
}
