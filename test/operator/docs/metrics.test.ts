/** What the operator exports, and the page that tells people about it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Registry } from 'prom-client';
import { callOf } from '../../../operator/kube/request.ts';
import type { KubeRequest } from '../../../operator/kube/request.ts';
import { ApiMetrics } from '../../../operator/kube/metrics.ts';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import { runOperator } from '../../../operator/operator.ts';
import { showProgram } from '../../../operator/program-metrics.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { memoryLog } from '../../support/memory-log.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/operator-metrics.md'), 'utf8');

test('docs/operator-metrics.md lists exactly what is exported, with type and labels', async (t) => {
  const registry = new Registry();
  // As operator/main.ts puts them together.
  new ApiMetrics(registry).called({ verb: 'get', resource: 'services' }, 200, 1);
  showProgram(registry, () => true);
  const operator = runOperator({
    store: new MemoryObjectStore({ clock: systemClock, newUid: () => 'uid' }),
    namespaces: [],
    defaultImage: 'example.com/ocpp:1',
    redisImage: 'redis:7',
    scrapeIntervalMs: 1000,
    instance: 'test',
    clock: systemClock,
    log: memoryLog(),
    registry,
  });
  await operator.stop();
  const exported = (await registry.getMetricsAsJSON()).map(({ name, type }) => {
    const { labelNames = [] } = registry.getSingleMetric(name) as { labelNames?: readonly string[] };
    return `${name} ${type} ${labelNames.join(' ')}`;
  });
  const rows = PAGE.matchAll(/^\| `(\w+)` \| (\w+) \|(.*?)\| .+ \|$/gm);
  const listed = [...rows].map(([, name, type, labels = '']) => {
    return `${name} ${type} ${(labels.match(/\w+/g) ?? []).join(' ')}`;
  });
  t.deepEqual(listed.sort(), exported.sort());
  t.true(exported.every((one) => one.startsWith('ocpp_operator_')));
});

const CALLS: readonly (readonly [KubeRequest['method'], string, string])[] = [
  ['GET', '/api/v1/configmaps', 'list configmaps'],
  ['GET', '/api/v1/namespaces/default/configmaps', 'list configmaps'],
  ['GET', '/api/v1/namespaces/default/configmaps/one', 'get configmaps'],
  ['GET', '/api/v1/namespaces', 'list namespaces'],
  ['GET', '/api/v1/namespaces/default', 'get namespaces'],
  ['GET', '/apis/apps/v1/deployments', 'list deployments'],
  ['GET', '/apis/apps/v1', 'get discovery'],
  ['GET', '/api/v1', 'get discovery'],
  ['POST', '/apis/coordination.k8s.io/v1/namespaces/a/leases', 'create leases'],
  ['PUT', '/apis/coordination.k8s.io/v1/namespaces/a/leases/one', 'update leases'],
  ['PATCH', '/apis/ocpp.dev/v1alpha1/namespaces/a/ocppclusters/b/status', 'apply ocppclusters/status'],
  ['DELETE', '/api/v1/namespaces/a/services/b', 'delete services'],
];

test('a request is counted by verb and resource, never by name', (t) => {
  for (const [method, path, expected] of CALLS) {
    const { verb, resource } = callOf({ method, path });
    t.is(`${verb} ${resource}`, expected, `${method} ${path}`);
  }
  const watch = callOf({ method: 'GET', path: '/apis/apps/v1/deployments', query: { watch: 'true' } });
  t.deepEqual(watch, { verb: 'watch', resource: 'deployments' });
});
