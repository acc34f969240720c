/** A list of namespaces, as a user with permissions only in these, on a real API server. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Registry } from 'prom-client';
import { API_VERSION, KIND, OCPP_CLUSTERS, type OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import { KubeHttp } from '../../../operator/kube/http.ts';
import { KubeObjectStore } from '../../../operator/kube/kube-object-store.ts';
import { type Operator, runOperator } from '../../../operator/operator.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { type ApiServer, startApiServer } from '../../support/api-server.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

const CRD = readFileSync(join(import.meta.dirname, '../../../crds/ocppclusters.yaml'), 'utf8');
const USER = 'scoped';
const PATIENCE_MS = 40_000;

/** Creates the namespace, with all permissions for the user in it. */
async function allow({ http }: ApiServer, namespace: string): Promise<void> {
  await http.json({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } });
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const rules = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
  await http.json({ method: 'POST', path: `${path}/roles`, body: { metadata: { name: 'all' }, rules } });
  const body = {
    metadata: { name: 'all' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'all' },
    subjects: [{ kind: 'User', name: USER, apiGroup: 'rbac.authorization.k8s.io' }],
  };
  await http.json({ method: 'POST', path: `${path}/rolebindings`, body });
}

test('each namespace is reconciled independently; a missing one is reported, and reconciled once it exists', async (t) => {
  t.timeout(3 * PATIENCE_MS);
  await using server = await startApiServer({ users: { [USER]: [] } });
  if (server === undefined) {
    t.pass('skipped');
    return;
  }
  await server.installCrd(CRD);
  for (const namespace of ['north', 'south']) await allow(server, namespace);
  await using proxy = await startFaultProxy(server.url, server.token(USER));
  const http = new KubeHttp({ server: proxy.url, authenticate: () => Promise.resolve() });
  const log = memoryLog();
  const registry = new Registry();
  const operator: Operator = runOperator({
    store: new KubeObjectStore(http, { cached: (ref) => operator.caches.get(ref) }),
    namespaces: ['north', 'missing', 'south'],
    defaultImage: 'example.com/ocpp:1',
    redisImage: 'redis:7',
    scrapeIntervalMs: 500,
    instance: 'test',
    clock: systemClock,
    log,
    registry,
  });
  t.teardown(() => operator.stop());
  const user = new KubeObjectStore(server.http, { manager: 'kubectl' });
  const works = async (namespace: string) => {
    const metadata = { name: 'city', namespace };
    const city: OcppCluster = { apiVersion: API_VERSION, kind: KIND, metadata };
    await user.apply(city);
    const seen = async () => {
      const found: OcppCluster | undefined = await user.get({ resource: OCPP_CLUSTERS, ...metadata });
      return found?.status?.observedGeneration === 1;
    };
    await until(seen, `the status of ${namespace}/city`, PATIENCE_MS);
  };
  const synced = async (namespace: string) =>
    (await registry.metrics()).includes(`ocpp_operator_namespace_synced{namespace="${namespace}"} 1`);

  await works('north');
  await works('south');
  t.regex(
    operator.unsynced() ?? '',
    /^namespace missing: \w+ were not listed yet: GET \S+\/namespaces\/missing\/\w+: .* 403: .*scoped/,
  );
  t.deepEqual(await Promise.all(['north', 'missing', 'south'].map(synced)), [true, false, true]);
  const warnings = log.lines.filter(({ level, fields }) => level === 'warn' && 'namespace' in fields);
  t.true(warnings.length > 0);
  t.true(warnings.every(({ fields }) => 'namespace' in fields && fields.namespace === 'missing'));
  t.is(operator.healthy(), undefined, 'a restart would not help');

  await allow(server, 'missing');
  await works('missing');
  t.is(operator.unsynced(), undefined);
  t.true(await synced('missing'));
  const elsewhere = proxy.requests.filter(
    ({ path, resource }) => resource !== 'discovery' && !/\/namespaces\/(north|south|missing)\//.test(path),
  );
  t.deepEqual(elsewhere, [], 'no request is cluster-wide');
});
