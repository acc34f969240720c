/**
 * Every field of an OcppCluster that may change is changed and changed back, one after the other, under real controllers and
 * kubelets: the change is seen where it belongs, the Pods that it concerns are replaced, and all others stay the same Pods.
 */
import { isDeepStrictEqual } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import type { Component } from '../../operator/api/generate/restarts.ts';
import { API_VERSION, KIND } from '../../operator/api/ocpp-cluster.ts';
import {
  type FieldChange,
  IMAGE,
  merged,
  MUTABLE_FIELDS,
  patchOf,
  valueAt,
} from '../contracts/mutable-fields.ts';
import { createNamespace, diagnostics, removeEverything, startAfresh } from './environment.ts';
import { apply, condition, get, kubectl, list, type Manifest, patch, until } from './kubectl.ts';
import { deploymentOf, isRollingOut } from './proxy-set.ts';

const NAMESPACE = 'ocpp-e2e-fields';
/** No station is connected: rollouts need not wait for any. */
const QUICK = { proxy: { rollout: { minReadySeconds: 0, propagationSeconds: 1 } }, api: { enabled: true } };
const COMPONENTS: readonly Component[] = ['ws-proxy', 'processor', 'redis', 'api'];

interface Seen {
  readonly metadata: { readonly generation?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly updatedReplicas?: number;
  };
}
interface Pod extends Manifest {
  readonly metadata: Manifest['metadata'] & { readonly uid: string; readonly deletionTimestamp?: string };
}

test.before('one image, one operator, and a cluster of ours', async (t) => {
  t.timeout(600_000);
  await startAfresh();
  await createNamespace(NAMESPACE);
});

test.afterEach.always('what a person would look at', async (t) => {
  if (!t.passed) t.log(await diagnostics([NAMESPACE]));
});

test.after.always('nothing stays', async (t) => {
  t.timeout(400_000);
  await removeEverything();
});

/** By component, in any order. */
async function podsOf(cluster: string): Promise<ReadonlyMap<Component, ReadonlySet<string>>> {
  const one = async (component: Component) => {
    const selector = `app.kubernetes.io/instance=${cluster},app.kubernetes.io/component=${component}`;
    const pods = await list<Pod>('pods', NAMESPACE, selector);
    const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    return [component, new Set(living.map(({ metadata }) => metadata.uid))] as const;
  };
  return new Map(await Promise.all(COMPONENTS.map(one)));
}

const workloadOf = <T>(cluster: string, component: Component) =>
  component === 'redis'
    ? get<T>('statefulset', `${cluster}-redis`, NAMESPACE)
    : deploymentOf<T>(cluster, component, NAMESPACE);

/** The operator has looked at the last change, and so have the controllers of what it rendered. */
async function settled(cluster: string): Promise<void> {
  const done = async (object: Promise<Seen | undefined>) => {
    const found = await object;
    return found === undefined || found.status?.observedGeneration === found.metadata.generation;
  };
  await until(`the change of ${cluster} is put into effect`, 30, async () => {
    if (!(await done(get<Seen>('ocppcluster', cluster, NAMESPACE)))) return false;
    const all = await Promise.all(COMPONENTS.map((one) => done(workloadOf<Seen>(cluster, one))));
    return all.every(Boolean);
  });
}

async function seen(cluster: string, { object = '', at = '' }: FieldChange): Promise<unknown> {
  const [kind = '', component = ''] = object.split('/');
  const found =
    kind === 'Deployment'
      ? deploymentOf(cluster, component, NAMESPACE)
      : get(kind.toLowerCase(), `${cluster}-${component}`, NAMESPACE);
  return valueAt(await found, at);
}

/** @returns components of which a Pod was replaced though it should not have been */
async function change(cluster: string, one: FieldChange, value: unknown): Promise<readonly Component[]> {
  const before = await podsOf(cluster);
  await patch('ocppcluster', cluster, NAMESPACE, { spec: patchOf(one.field, value) });
  await settled(cluster);
  // There is no bill sink, as there is no PostgreSQL.
  for (const component of one.restarts.filter((name) => COMPONENTS.includes(name))) {
    await until(`${one.field} replaces a Pod of ${component}`, 120, async () => {
      const was = before.get(component);
      return [...((await podsOf(cluster)).get(component) ?? [])].some((uid) => was?.has(uid) !== true);
    });
  }
  const after = await podsOf(cluster);
  const untouched = COMPONENTS.filter((component) => !one.restarts.includes(component));
  return untouched.filter((component) => {
    // There was none before.
    if (before.get(component)?.size === 0) return false;
    return [...(before.get(component) ?? [])].some((uid) => after.get(component)?.has(uid) !== true);
  });
}

/** Rollouts of the rows before are over. */
const quiet = (cluster: string) =>
  until(`the Pods of ${cluster} settle`, 120, async () => {
    const before = await podsOf(cluster);
    const states = await Promise.all(
      (['ws-proxy', 'processor', 'api'] as const).map((one) => workloadOf<Seen>(cluster, one)),
    );
    const rolled = states.every(
      ({ status = {} } = { metadata: {} }) => status.updatedReplicas === status.replicas,
    );
    return (
      rolled && !(await isRollingOut(cluster, NAMESPACE)) && isDeepStrictEqual(before, await podsOf(cluster))
    );
  });

/** They need Secrets or services that are not here, so that their Pods would not start. */
const ELSEWHERE = [
  'api.prometheus.',
  'api.tokensSecret.',
  'authentication.stations.',
  'billing.',
  'certificateAuthority.',
  'iso15118.',
  'decisions.',
  'redis.embedded.tls.',
  'tracing.',
];

/** Autoscaling that changes no object concerns the operator alone. test/operator/crd/fields.test.ts changes all fields on an API server. */
function concernsPods({ field, object }: FieldChange): boolean {
  if (ELSEWHERE.some((prefix) => field.startsWith(prefix))) return false;
  return object !== undefined || !field.startsWith('processor.autoscaling.');
}

/** Rows that start from the same spec and replace the same Pods share a cluster. */
const groups = Map.groupBy(MUTABLE_FIELDS.filter(concernsPods), (one) => JSON.stringify(one.with ?? {}));

for (const [index, [base, rows]] of [...groups].entries()) {
  test.serial(`${rows.length} fields of a cluster that was made with ${base}`, async (t) => {
    t.timeout(900_000);
    const together = Map.groupBy(rows, ({ restarts }) => restarts.join()).values();
    let clusters = 0;
    // Most of the time is spent waiting for Pods; with more at once they are late.
    const lane = async () => {
      for (const some of together) await changeAll(t, `fields-${index}-${++clusters}`, base, some);
    };
    await Promise.all([lane(), lane()]);
  });
}

async function changeAll(
  t: ExecutionContext,
  cluster: string,
  base: string,
  rows: readonly FieldChange[],
): Promise<void> {
  const metadata = { name: cluster, namespace: NAMESPACE };
  const from = performance.now();
  await apply({
    apiVersion: API_VERSION,
    kind: KIND,
    metadata,
    spec: merged(QUICK, JSON.parse(base) as object),
  });
  // Pods that find no Redis are never ready and no rollout of theirs ends; they are made all the same.
  const runs = !base.includes('external');
  if (runs) await condition(cluster, NAMESPACE, 'Available', 180);
  await until('its objects', 60, () => get('poddisruptionbudget', `${cluster}-ws-proxy`, NAMESPACE));
  await settled(cluster);
  if (runs) await quiet(cluster);
  for (const one of rows) {
    const found = await get<{ spec: object }>('ocppcluster', cluster, NAMESPACE);
    t.deepEqual(await change(cluster, one, one.value), [], `${one.field} replaces no other Pods`);
    if (one.object !== undefined && one.at !== undefined) {
      const value = await seen(cluster, one);
      if (one.shows !== IMAGE) t.deepEqual(value, one.shows ?? one.value, `${one.field} in ${one.object}`);
      else t.true(String(value).includes(String(one.value)), `${one.field} in ${one.object}`);
    }
    if (one.undo !== true) continue;
    const before = valueAt(found?.spec, one.field) ?? null;
    await patch('ocppcluster', cluster, NAMESPACE, { spec: patchOf(one.field, before) });
    await (runs ? quiet(cluster) : settled(cluster));
  }
  await kubectl(['delete', 'ocppcluster', cluster, '-n', NAMESPACE, '--timeout=60s']);
  const replaces = rows[0]?.restarts.join(' and ') || 'no Pod';
  t.log(`${rows.length} that replace ${replaces}: ${Math.round((performance.now() - from) / 1000)} s`);
}
