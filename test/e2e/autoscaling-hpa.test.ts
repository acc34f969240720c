/**
 * Mode HPA on a real cluster: the HorizontalPodAutoscaler controller reads the recommendation of the operator through an
 * external metric, and scales the processors by the scale subresource of the OcppCluster. Changes of the mode keep the number.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { API_VERSION, KIND } from '../../operator/api/ocpp-cluster.ts';
import { createNamespace, diagnostics, firstImage, removeEverything, startAfresh } from './environment.ts';
import { deployExternalMetrics, removeExternalMetrics } from './external-metrics/deploy.ts';
import { apply, condition, get, patch, until } from './kubectl.ts';
import { deploymentOf } from './proxy-set.ts';
import { heartbeats, pushAll, redis, type RedisPod } from './redis.ts';

const town: RedisPod = { cluster: 'town', namespace: 'ocpp-e2e-hpa' };
/** The controller of Kubernetes looks at its objects this often. */
const SYNC_SECONDS = 15;

interface Deployment {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly replicas: number };
}
interface Cluster {
  readonly spec: { readonly processor?: { readonly replicas?: number } };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly reason: string }[];
  };
}
interface HorizontalPodAutoscaler {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const cluster = () => get<Cluster>('ocppcluster', town.cluster, town.namespace);
const replicas = async () =>
  (await deploymentOf<Deployment>(town.cluster, 'processor', town.namespace))?.spec.replicas ?? 0;
const autoscale = (autoscaling: object) =>
  patch('ocppcluster', town.cluster, town.namespace, { spec: { processor: { autoscaling } } });
const autoscaler = () =>
  get<HorizontalPodAutoscaler>('horizontalpodautoscaler', `${town.cluster}-processor`, town.namespace);

test.before('an operator, a slow processor, and an adapter of external metrics', async (t) => {
  t.timeout(600_000);
  await removeExternalMetrics();
  await startAfresh();
  await deployExternalMetrics(firstImage);
  await createNamespace(town.namespace);
  const limits = { cpu: '250m', memory: '512Mi' };
  await apply({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: { name: town.cluster, namespace: town.namespace },
    spec: {
      processor: {
        podTemplate: { resources: { limits } },
        autoscaling: { minReplicas: 2, maxReplicas: 4, targetDrainSeconds: 2 },
      },
    },
  });
  await condition(town.cluster, town.namespace, 'Available', 120);
  await until('two processors', 60, async () => (await replicas()) === 2);
});

test.afterEach.always('what a person would look at', async (t) => {
  if (!t.passed) t.log(await diagnostics([town.namespace]));
});

test.after.always('nothing stays', async (t) => {
  t.timeout(400_000);
  await removeExternalMetrics();
  await removeEverything();
});

test.serial('from Internal to HPA the number stays, and the autoscaler reads its metric', async (t) => {
  await autoscale({ mode: 'HPA', minReplicas: 1 });
  const seen = new Set<number>();
  const isActive = async () => {
    seen.add(await replicas());
    const conditions = (await autoscaler())?.status?.conditions ?? [];
    return conditions.some(({ type, status }) => type === 'ScalingActive' && status === 'True');
  };
  await until('an autoscaler that works', 60, isActive);
  const end = performance.now() + SYNC_SECONDS * 1000;
  while (performance.now() < end) {
    seen.add(await replicas());
    await sleep(500);
  }
  t.deepEqual([...seen], [2]);
  t.is((await cluster())?.spec.processor?.replicas, 2, 'the scale was seeded with the number of processors');
});

test.serial('a backlog scales the processors up to the bound, and later down again', async (t) => {
  t.timeout(400_000);
  const from = performance.now();
  let sent = 0;
  await until('the greatest number', 120, async () => {
    const waiting = Number(await redis(town, 'LLEN', 'ocpp:requests'));
    if (waiting < 40_000) await pushAll(town, 'ocpp:requests', heartbeats((sent += 40_000), 40_000));
    return (await replicas()) === 4;
  });
  t.log(`4 processors after ${Math.round(performance.now() - from)} ms`);
  t.is((await cluster())?.spec.processor?.replicas, 4);
  await autoscale({ scaleDownStabilizationSeconds: 0 });
  await until('an empty queue', 120, async () => (await redis(town, 'LLEN', 'ocpp:requests')) === '0');
  const empty = performance.now();
  await until('fewer processors', 150, async () => (await replicas()) < 4);
  t.log(`the first scale-in ${Math.round(performance.now() - empty)} ms after the queue is empty`);
});

test.serial('from HPA to Off the number stays, and the autoscaler is gone', async (t) => {
  const before = await replicas();
  await autoscale({ mode: 'Off' });
  await until('no autoscaler', 30, async () => (await autoscaler()) === undefined);
  // The last write of the autoscaler may be newer than the first reading.
  t.true((await replicas()) >= Math.min(before, 2));
  t.is((await cluster())?.spec.processor?.replicas, await replicas());
  await patch('ocppcluster', town.cluster, town.namespace, { spec: { processor: { replicas: 3 } } });
  await until('three processors', 30, async () => (await replicas()) === 3);
});
