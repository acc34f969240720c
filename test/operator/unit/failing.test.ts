/** An API server that keeps answering one object with errors: the status reports it, not only the log. */
import test from 'ava';
import { Registry } from 'prom-client';
import { OCPP_CLUSTERS, type OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import { type ObjectStore, StoreError } from '../../../operator/kube/object-store.ts';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import { runOperator } from '../../../operator/operator.ts';
import { createLog } from '../../../services/runtime/log.ts';
import { until } from '../../support/until.ts';

test('after half a minute of errors the cluster is Degraded with the message of the API server, until a success', async (t) => {
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead };
  let uids = 0;
  const memory = new MemoryObjectStore({ clock, newUid: () => `uid-${(uids += 1)}` });
  let broken = true;
  const store: ObjectStore = new Proxy(memory, {
    get(target, name) {
      if (name !== 'apply') return Reflect.get(target, name).bind(target) as unknown;
      return (object: Parameters<ObjectStore['apply']>[0]) =>
        broken && object.kind === 'StatefulSet'
          ? Promise.reject(new StoreError('unavailable', 'webhook x: connection refused', { status: 500 }))
          : target.apply(object);
    },
  });
  await memory.as('user').apply({
    apiVersion: 'ocpp.dev/v1alpha1',
    kind: 'OcppCluster',
    metadata: { name: 'city', namespace: 'charging' },
  });
  const operator = runOperator({
    store,
    namespaces: [],
    defaultImage: 'ocpp:1',
    redisImage: 'redis:7',
    scrapeIntervalMs: 50,
    instance: 'test',
    clock,
    log: createLog('operator', 'silent'),
    registry: new Registry(),
  });
  t.teardown(() => operator.stop());
  const ref = { resource: OCPP_CLUSTERS, name: 'city', namespace: 'charging' };
  const degraded = async () => {
    const cluster: OcppCluster | undefined = await memory.get(ref);
    return cluster?.status?.conditions?.find(({ type }) => type === 'Degraded');
  };
  await until(() => operator.caches.get(ref) !== undefined, 'the cluster in the cache');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.is(await degraded(), undefined, 'a short failure is not reported');
  ahead = 31_000;
  await until(async () => (await degraded())?.reason === 'NotApplied', 'Degraded');
  t.regex(
    (await degraded())?.message ?? '',
    /^changes have not been fully applied since 2\S+Z; .*webhook x: connection refused/,
  );
  broken = false;
  await until(async () => (await degraded())?.status === 'False', 'the cluster is no longer Degraded');
});
