/** Every query of the dashboard returns series on a real Prometheus that scrapes our programs, with stations that charge, misbehave and move. */
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { hasPostgres, startPostgres } from '../bill-sink/postgres-server.ts';
import { chartTest } from '../charts/helm.ts';
import { hasPrometheus } from '../faults/prometheus-server.ts';
import { signingRequest } from '../processor/security/signing-request.ts';
import { startSimulation } from '../simulator/simulation.ts';
import { startCollector } from '../tracing/collector.ts';
import { freePort } from '../support/free-port.ts';
import { hasPromtool } from '../support/promtool.ts';
import { until } from '../support/until.ts';
import { startWebhook } from '../support/webhook-server.ts';
import { allReturn, KNOWN_FINDINGS, promtoolChecks, VARIABLES } from './checks.ts';
import { queriesOf, type Query, renderDashboard, withVariables } from './dashboard.ts';
import { startWorld, type World } from './world.ts';

const run = chartTest !== test.skip && hasPrometheus() && hasPromtool() ? test : test.skip;
const withPostgres = hasPostgres();

/** whsec_ and 32 bytes. */
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

interface Places {
  readonly stations: number;
  readonly tls: number;
  readonly events: string;
  readonly decider: string;
  readonly collector: string;
  readonly postgres?: string;
}

const manifest = (
  { stations, tls, events, decider, collector, postgres }: Places,
  mark: string,
  sink: boolean,
) => `
apiVersion: ocpp.dev/v1alpha1
kind: OcppCluster
metadata: { name: city, namespace: test }
spec:
  listeners:
    - { name: stations, port: ${stations}, path: /ocpp }
    - { name: tls, port: ${tls}, path: /ocpp, securityProfile: 2, tls: { secretName: station-tls } }
  authentication: { mode: Report, enrolment: FirstSeen, stations: { register: true } }
  proxy:
    autoscaling: { minReplicas: 1, maxReplicas: 2 }
    maxSessionsPerPod: 1000
    drain: { ratePerSecond: 20 }
    podTemplate: { env: [{ name: MARK, value: "${mark}" }] }
    rollout: { minReadySeconds: 1, returnWithinSeconds: 30 }
  processor: { unknownTokens: Accept, autoscaling: { minReplicas: 1, maxReplicas: 2 } }
  redis:
    embedded: { tls: { secretName: redis-tls }, podTemplate: { resources: { limits: { memory: 256Mi } } } }
  certificateAuthority: { internal: { secretName: authority } }
  decisions:
    webhook:
      url: "${decider}"
      signingSecret: { name: hooks, key: decider }
      actions: [{ action: Authorize }, { action: StartTransaction }]
  tracing: { endpoint: "${collector}" }
  api:
    enabled: true
    webhooks: [{ name: billing, url: "${events}", signingSecret: { name: hooks, key: billing } }]
  billing: ${sink ? '{ sink: { postgres: { secretName: postgres } } }' : '{}'}
---
apiVersion: v1
kind: Secret
metadata: { name: hooks, namespace: test }
stringData: { billing: "${SECRET}", decider: "${SECRET}" }
---
apiVersion: v1
kind: Secret
metadata: { name: postgres, namespace: test }
stringData: { url: "${postgres ?? 'postgresql://none'}" }
`;

/** Files that the ws-proxies refuse: they keep those that they have. */
const NO_CERTIFICATE = `---
apiVersion: v1
kind: Secret
metadata: { name: station-tls, namespace: test }
stringData: { tls.crt: none, tls.key: none }
`;

/** What happens here before the rollout; the other needs are those of a test of incidents. */
const BEFORE = new Set([
  'alert',
  'a-minute',
  'api-error',
  'api-request',
  'bill',
  'certificate-authority',
  'certificate-request',
  'decision-webhook',
  'dropped-frame',
  'event-webhook',
  'event-webhook-refuses',
  'load',
  'mode-report',
  'no-bill-sink',
  'proxy-autoscaling',
  'reconnect',
  'redis-tls',
  'refused-handshake',
  'sloppy-station',
  'tls-listener',
  'tracing',
  'unreadable-text',
]);
const AFTER = new Set(['refused-tls-files', ...(withPostgres ? ['bill-sink'] : [])]);
/** What operator.test.ts does. */
const OF_OPERATOR = new Set(['kubernetes', 'reconcile-error']);
/** The kernel has its figure only where a control group limits the CPU. */
const ELSEWHERE = new Set(['cpu-limit', ...(withPostgres ? [] : ['bill-sink'])]);

/** What faulty stations and clients do, once. */
async function misbehave({ stations, tls }: Places, api: { url: string; tokenFile: string | undefined }) {
  const said = (url: string, texts: readonly string[], protocol = 'ocpp1.6') =>
    new Promise<void>((resolve) => {
      const socket = new WebSocket(url, [protocol], { rejectUnauthorized: false });
      socket.on('open', () => {
        for (const text of texts) socket.send(text);
        setTimeout(() => socket.close(), 1000);
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve());
    });
  const boot = '"BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}';
  // A stray comma, a number instead of a text, no JSON at all, and an answer that was not asked for.
  const sloppy = '[2,"3","BootNotification",{"chargePointVendor":"V","chargePointModel":1}]';
  await said(`ws://127.0.0.1:${stations}/ocpp/SLOPPY`, [
    `[2,"1",${boot},]`,
    sloppy,
    'hello',
    '[3,"not-asked",{}]',
  ]);
  const csr = JSON.stringify(await signingRequest('RENEWING'));
  await said(
    `wss://RENEWING:${'p'.repeat(20)}@127.0.0.1:${tls}/ocpp/RENEWING`,
    [
      '[2,"1","BootNotification",{"reason":"PowerUp","chargingStation":{"vendorName":"V","model":"M"}}]',
      `[2,"2","SignCertificate",{"csr":${csr}}]`,
    ],
    'ocpp2.0.1',
  );
  await said(`ws://127.0.0.1:${stations}/elsewhere/LOST`, []);
  await said(`wss://127.0.0.1:${tls}/ocpp/UNPROVEN`, [`[2,"1",${boot}]`]);
  const token = readFileSync(api.tokenFile ?? '', 'utf8').trim();
  const asked = (authorization: string) =>
    fetch(`${api.url}/v1/stations`, { headers: { authorization } }).then((answer) => answer.text());
  await asked(`Bearer ${token}`);
  await asked('Bearer wrong');
}

run('every need of a query is one that this test or a test of incidents meets', (t) => {
  const needs = new Set(queriesOf(renderDashboard().dashboard).flatMap((query) => query.needs ?? []));
  t.deepEqual([...needs].sort(), [...BEFORE, ...AFTER, ...OF_OPERATOR, ...ELSEWHERE].sort());
});

run(
  'every query returns series: in calm, after faults of stations, in a rollout, with a bill sink, with a broken certificate',
  async (t) => {
    t.timeout(480_000);
    await using stack = new AsyncDisposableStack();
    const { dashboard } = renderDashboard();
    const queries = queriesOf(dashboard);
    let refused = 0;
    const events = stack.use(await startWebhook(() => ({ status: (refused += 1) > 3 ? 200 : 410 })));
    const decider = stack.use(await startWebhook(() => ({ body: { status: 'Accepted' } })));
    const collector = stack.use(await startCollector());
    const postgres = withPostgres ? stack.use(await startPostgres()) : undefined;
    const places: Places = {
      stations: await freePort(),
      tls: await freePort(),
      events: events.url,
      decider: decider.url,
      collector: collector.url,
      ...(postgres && { postgres: postgres.url }),
    };
    const world = stack.use(await startWorld(manifest(places, '1', false)));
    const isAvailable = async () =>
      (await world.cluster()).status?.conditions?.some(
        ({ type, status }) => type === 'Available' && status === 'True',
      ) === true;
    await until(isAvailable, 'an available cluster', 90_000, 200);
    const simulation = startSimulation({
      url: `ws://127.0.0.1:${places.stations}/ocpp`,
      stations: 40,
      cadenceSeconds: 0.1,
      reconnectScale: 0.1,
    });
    stack.defer(async () => {
      simulation.stop();
      await simulation.done;
    });

    const api = await until(async () => world.local.apiOf(await world.cluster()), 'the API', 60_000, 200);
    await until(
      async () => (await fetch(`${api.url}/v1/stations`)).status === 401,
      'its answer',
      60_000,
      200,
    );
    const misbehaving = setInterval(() => {
      simulation.cut(2);
      void misbehave(places, api).catch(() => undefined);
    }, 3000);
    stack.defer(() => clearInterval(misbehaving));
    const met = (needs: ReadonlySet<string>) => (query: Query) =>
      query.needs === undefined || needs.has(query.needs);
    await allReturn(t, world.prometheus, queries.filter(met(BEFORE)), 150);
    clearInterval(misbehaving);
    await variablesFindTheCluster(t, world);
    // The first dead letters of a process are seen: its counter begins with them.
    const letters = queries.find(({ panel }) => panel === 914);
    const [refusals] = await world.query(withVariables(letters?.expr ?? '', VARIABLES));
    t.true((refusals?.value ?? 0) >= 1, JSON.stringify(refusals));

    await world.apply(manifest(places, '2', withPostgres));
    await rolloutIsSeen(t, world, queries);
    await world.apply(`${manifest(places, '2', withPostgres)}${NO_CERTIFICATE}`);
    await allReturn(
      t,
      world.prometheus,
      queries.filter(({ needs }) => AFTER.has(needs ?? '')),
      90,
    );
    const metrics = await world.metrics();
    const sink = withPostgres ? ['bill-sink'] : [];
    t.deepEqual([...metrics.keys()].sort(), ['api', ...sink, 'operator', 'processor', 'ws-proxy']);
    t.deepEqual(promtoolChecks(t, metrics), KNOWN_FINDINGS, 'a finding that is no longer there');
    // Those of incidents: the names exist (metrics.test.ts), and Prometheus takes the query.
    for (const { expr, name } of queries)
      await t.notThrowsAsync(world.query(withVariables(expr, VARIABLES)), name);
  },
);

/** The lists of namespace, cluster and operator, as Grafana asks for them. */
async function variablesFindTheCluster(t: ExecutionContext, { prometheus }: World) {
  const { list } = renderDashboard().dashboard.templating;
  const found: Record<string, readonly string[]> = {};
  for (const { name, definition } of list) {
    if (definition === undefined) continue;
    const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(definition) ?? [];
    const match = encodeURIComponent(withVariables(selector, VARIABLES));
    const response = await fetch(`${prometheus.url}/api/v1/label/${label}/values?match[]=${match}`);
    found[name] = ((await response.json()) as { data: string[] }).data;
  }
  t.deepEqual(found, {
    namespace: ['test'],
    cluster: ['city'],
    operator: ['ocpp-system/ocpp-ocpp-operator'],
  });
}

async function rolloutIsSeen(t: ExecutionContext, world: World, queries: readonly Query[]) {
  const seen = { sets: 0, drains: 0, moved: 0 };
  const value = async (panel: number, index: number) => {
    const query = queries.filter((one) => one.panel === panel)[index];
    return world.query(withVariables(query?.expr ?? '', VARIABLES));
  };
  const done = async () => {
    seen.sets = Math.max(seen.sets, (await value(701, 0)).filter((one) => one.value > 0).length);
    seen.drains = Math.max(seen.drains, ...(await value(702, 0)).map((one) => one.value));
    seen.moved = Math.max(seen.moved, ...(await value(703, 0)).map((one) => one.value));
    return seen.sets >= 2 && seen.drains === 3 && seen.moved > 0;
  };
  await until(done, 'a rollout on the dashboard', 150_000, 250).catch(() => undefined);
  t.like(seen, { sets: 2, drains: 3 }, JSON.stringify(seen));
  t.true(seen.moved > 0, JSON.stringify(seen));
}
