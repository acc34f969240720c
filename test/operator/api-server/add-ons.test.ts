/** Objects of add-ons, with the real definitions of the Prometheus operator and the Gateway API on a real API server. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { defaultedSpec } from '../../../operator/api/defaults.ts';
import type { OcppClusterSpec, OcppClusterStatus } from '../../../operator/api/ocpp-cluster.ts';
import { addOnProblems } from '../../../operator/reconcile/missing-add-ons.ts';
import { startApiServer } from '../../support/api-server.ts';
import { type ForeignKind, installForeignCrds } from '../../support/foreign-crds.ts';
import { eventually, Scene } from './operator-scene.ts';
import { applyStrictly, city, find, names, rendered } from '../../support/rendered.ts';

const KINDS: readonly ForeignKind[] = [
  'monitoring.coreos.com_podmonitors',
  'monitoring.coreos.com_prometheusrules',
  'gateway.networking.k8s.io_httproutes',
];
const OURS = ['PodMonitor/city-processor', 'PodMonitor/city-ws-proxy', 'PrometheusRule/city-alerts'];
const monitored = (objects: ReturnType<typeof rendered>) =>
  names(objects).filter((name) => /PodMonitor|PrometheusRule/.test(name));

test('PodMonitors and alerts are rendered when the Prometheus operator exists and the spec allows it', (t) => {
  t.deepEqual(monitored(rendered()), OURS);
  t.deepEqual(monitored(rendered({}, { serves: () => false })), []);
  t.deepEqual(monitored(rendered({}, { serves: ({ kind }) => kind === 'PodMonitor' })), OURS.slice(0, 2));
  t.deepEqual(monitored(rendered({ monitoring: { alerts: 'Off' } })), OURS.slice(0, 2));
  const unscraped = monitored(rendered({ monitoring: { podMonitor: 'Off' } }));
  t.deepEqual(unscraped, [], 'alerts without metrics would report false problems');
  const withAll = { api: { enabled: true }, billing: { sink: { postgres: { secretName: 'bills' } } } };
  const others = ['PodMonitor/city-api', 'PodMonitor/city-bill-sink'];
  t.deepEqual(monitored(rendered(withAll)).toSorted(), [...OURS, ...others].toSorted());
  const labels = { release: 'prometheus', 'app.kubernetes.io/instance': 'mine' };
  for (const name of OURS) {
    const { metadata } = find(rendered({ monitoring: { labels } }), name);
    t.like(metadata.labels, { release: 'prometheus', 'app.kubernetes.io/instance': 'city' });
  }
  t.like(find(rendered(), 'PodMonitor/city-ws-proxy').spec, {
    selector: { matchLabels: { 'app.kubernetes.io/component': 'ws-proxy' } },
    podMetricsEndpoints: [{ port: 'admin', path: '/metrics' }],
  });
});

const GATEWAY: OcppClusterSpec = { proxy: { gateway: { parentRefs: [{ name: 'outer' }] } } };

test('a missing add-on is reported after discovery, and by a new leader at once', (t) => {
  const spec = defaultedSpec(city(GATEWAY));
  const caches = (served: boolean) => ({ serves: () => served });
  const condition = { type: 'Degraded', status: 'True', reason: 'AddOnMissing' };
  const reported = { conditions: [condition] } as unknown as OcppClusterStatus;
  const reasons = (...of: Parameters<typeof addOnProblems>) =>
    addOnProblems(...of).map(({ reason }) => reason);
  t.deepEqual(reasons(spec, caches(false), undefined, 0), [], 'discovery has not answered yet');
  t.deepEqual(reasons(spec, caches(false), undefined, 60_000), ['AddOnMissing']);
  t.deepEqual(reasons(spec, caches(false), reported, 0), ['AddOnMissing']);
  t.deepEqual(reasons(spec, caches(true), reported, 60_000), []);
  t.deepEqual(reasons(defaultedSpec(city()), caches(false), reported, 60_000), []);
});

test('an API server accepts the objects with strict validation; they follow the spec, and a missing kind is reported', async (t) => {
  await using server = await startApiServer();
  if (server === undefined || !(await installForeignCrds(server, KINDS))) {
    t.pass('skipped: no kube-apiserver or no definitions of add-ons here');
    return;
  }
  for (const object of rendered(GATEWAY)) await t.notThrowsAsync(applyStrictly(server.http, object));

  await server.installCrd(readFileSync(join(import.meta.dirname, '../../../crds/ocppclusters.yaml'), 'utf8'));
  await using scene = await Scene.open(server);
  const made = () => scene.names('podmonitors', 'prometheusrules', 'httproutes');
  await scene.create(GATEWAY);
  const monitors = ['podmonitors/city-processor', 'podmonitors/city-ws-proxy'];
  await eventually(t, made, ['httproutes/city-ws-proxy', ...monitors, 'prometheusrules/city-alerts']);
  await scene.patch('ocppclusters/city', { spec: { monitoring: { alerts: 'Off' } } });
  await eventually(t, made, ['httproutes/city-ws-proxy', ...monitors]);

  const crd = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/httproutes.gateway.networking.k8s.io';
  await server.http.json({ method: 'DELETE', path: crd });
  const degraded = async () => (await scene.condition('Degraded')).reason;
  await eventually(t, degraded, 'AddOnMissing');
  await scene.patch('ocppclusters/city', { spec: { proxy: { gateway: null } } });
  await eventually(t, async () => (await degraded()) === 'AddOnMissing', false);
  await eventually(t, made, monitors);
});
