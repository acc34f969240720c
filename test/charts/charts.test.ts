/**
 * The charts as helm renders them. Needs helm: on PATH, or through the test cluster's tools. Without it
 * the suite is skipped, loudly, and in CI it fails.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse, parseAllDocuments } from 'yaml';
import { OCPP_CLUSTERS } from '../../operator/api/ocpp-cluster.ts';
import type { Resource } from '../../operator/kube/object-store.ts';
import { OWNED, PODS } from '../../operator/render/resources.ts';
import { PATH, PORT, PROGRAM } from '../../services/contract.ts';
import { upgradeArguments } from '../e2e/release.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const OPERATOR = join(ROOT, 'charts/ocpp-operator');
const CLUSTER = join(ROOT, 'charts/ocpp-cluster');

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly annotations?: object };
  readonly spec?: unknown;
  readonly rules?: readonly Rule[];
}
interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

function findHelm(): string | undefined {
  if (spawnSync('helm', ['version']).status === 0) return 'helm';
  const cluster = process.env['OCPP_TEST_CLUSTER'];
  if (cluster === undefined) return undefined;
  const script = 'eval "$("$1" env)" && "$1" tools >/dev/null && command -v helm';
  const found = spawnSync('bash', ['-c', script, 'bash', cluster], { encoding: 'utf8' });
  return found.status === 0 ? found.stdout.trim() : undefined;
}

const helm = findHelm();
if (helm === undefined) console.warn('SKIPPED: tests of the charts, as there is no helm on PATH');
const chartTest = helm === undefined && process.env['CI'] !== 'true' ? test.skip : test;

/** What `helm template` makes of a chart; throws with helm's words. */
function template(chart: string, values: object = {}, name = 'ocpp'): Rendered[] {
  const text = execFileSync(
    helm ?? 'helm',
    ['template', name, chart, '--namespace', 'ocpp-system', '--values', '-'],
    { input: JSON.stringify(values), encoding: 'utf8', stdio: 'pipe' },
  );
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as Rendered | null) ?? []);
}

function only(objects: readonly Rendered[], kind: string): Rendered {
  const found = objects.filter((object) => object.kind === kind);
  if (found.length !== 1 || found[0] === undefined)
    throw new Error(`${found.length} objects of kind ${kind}`);
  return found[0];
}

interface PodSpec {
  readonly securityContext: object;
  readonly containers: readonly [
    {
      readonly image: string;
      readonly args: readonly string[];
      readonly env: readonly { readonly name: string; readonly value?: string }[];
      readonly ports: readonly { readonly containerPort: number }[];
      readonly livenessProbe: { readonly httpGet: { readonly path: string } };
      readonly readinessProbe: { readonly httpGet: { readonly path: string } };
      readonly securityContext: object;
    },
  ];
}
const podOf = (objects: readonly Rendered[]) =>
  (only(objects, 'Deployment').spec as { template: { spec: PodSpec } }).template.spec;
const envOf = (pod: PodSpec) =>
  Object.fromEntries(pod.containers[0].env.map(({ name, value }) => [name, value]));

for (const chart of [OPERATOR, CLUSTER]) {
  chartTest(`helm lint passes: ${chart.slice(ROOT.length + 1)}`, (t) => {
    t.notThrows(() => execFileSync(helm ?? 'helm', ['lint', '--strict', chart], { stdio: 'pipe' }));
  });
}

test('the chart carries the resource definition of crds/, byte for byte', (t) => {
  const copy = readFileSync(join(OPERATOR, 'files/ocppclusters.yaml'), 'utf8');
  t.true(
    copy === readFileSync(join(ROOT, 'crds/ocppclusters.yaml'), 'utf8'),
    'run: cp crds/ocppclusters.yaml charts/ocpp-operator/files/',
  );
});

chartTest('the definition is installed as it is, and uninstalling the operator leaves it', (t) => {
  const { metadata, ...rest } = only(template(OPERATOR), 'CustomResourceDefinition');
  const { annotations, ...named } = metadata;
  const source = parse(readFileSync(join(ROOT, 'crds/ocppclusters.yaml'), 'utf8')) as unknown;
  t.like(annotations, { 'helm.sh/resource-policy': 'keep' });
  t.deepEqual({ ...rest, metadata: named } as unknown, source);
  const without = template(OPERATOR, { crd: { install: false } });
  t.false(without.some((object) => object.kind === 'CustomResourceDefinition'));
});

chartTest('one image serves the operator and new clusters; the tag defaults to the appVersion', (t) => {
  const chart = parse(readFileSync(join(OPERATOR, 'Chart.yaml'), 'utf8')) as { appVersion: string };
  const plain = podOf(template(OPERATOR));
  t.is(plain.containers[0].image, `ghcr.io/ocpp-cluster/ocpp-cluster:${chart.appVersion}`);
  const own = podOf(
    template(OPERATOR, {
      image: { repository: 'registry.example:5000/ocpp', tag: '7' },
      redis: { image: 'registry.example:5000/redis:7' },
      watchNamespaces: ['north', 'south'],
      logLevel: 'debug',
    }),
  );
  t.is(own.containers[0].image, 'registry.example:5000/ocpp:7');
  t.like(envOf(own), {
    OCPP_DEFAULT_IMAGE: 'registry.example:5000/ocpp:7',
    OCPP_REDIS_IMAGE: 'registry.example:5000/redis:7',
    WATCH_NAMESPACES: 'north,south',
    LOG_LEVEL: 'debug',
  });
});

chartTest('skaffold.yaml sets values that the chart has', (t) => {
  const values = upgradeArguments({ repository: 'local', tag: 'abc' }).filter((text) =>
    text.startsWith('--set'),
  );
  const text = execFileSync(helm ?? 'helm', ['template', 'ocpp', OPERATOR, ...values], { encoding: 'utf8' });
  t.regex(text, /image: local:abc\n/);
});

chartTest('the operator Pod meets the restricted Pod Security Standard and the contract of programs', (t) => {
  const pod = podOf(template(OPERATOR));
  const [container] = pod.containers;
  t.like(pod.securityContext, { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
  t.deepEqual(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  t.deepEqual(container.args, [PROGRAM.operator]);
  t.deepEqual(
    container.ports.map((port) => port.containerPort),
    [PORT.admin],
  );
  t.is(container.livenessProbe.httpGet.path, PATH.liveness);
  t.is(container.readinessProbe.httpGet.path, PATH.readiness);
});

chartTest('with watchNamespaces the operator may do nothing elsewhere', (t) => {
  const everywhere = template(OPERATOR);
  t.is(everywhere.filter((object) => object.kind === 'ClusterRoleBinding').length, 1);
  const listed = template(OPERATOR, { watchNamespaces: ['north', 'south'] });
  t.false(listed.some((object) => object.kind === 'ClusterRoleBinding'));
  const bound = listed
    .filter((object) => object.kind === 'RoleBinding')
    .map(({ metadata }) => metadata.namespace);
  t.deepEqual(new Set(bound), new Set([undefined, 'north', 'south']));
});

chartTest('the operator may do with each kind what it does, and no more', (t) => {
  const rules = template(OPERATOR).flatMap((object) => object.rules ?? []);
  const verbs = ({ group, plural }: Pick<Resource, 'group' | 'plural'>) =>
    rules
      .filter((rule) => rule.apiGroups.includes(group) && rule.resources.includes(plural))
      .flatMap((rule) => rule.verbs)
      .sort();
  // Server-side apply is a PATCH, which also needs `create` where the object is new.
  for (const kind of OWNED)
    t.deepEqual(verbs(kind), ['create', 'delete', 'get', 'list', 'patch', 'watch'], kind.kind);
  for (const kind of [PODS, OCPP_CLUSTERS]) t.deepEqual(verbs(kind), ['get', 'list', 'watch'], kind.kind);
  t.deepEqual(verbs({ ...OCPP_CLUSTERS, plural: 'ocppclusters/status' }), ['get', 'patch']);
  t.deepEqual(verbs({ group: '', plural: 'events' }), ['create', 'get', 'patch']);
  t.deepEqual(verbs({ group: 'coordination.k8s.io', plural: 'leases' }), ['create', 'get', 'update']);
  // `create` has no name to be limited to.
  const lease = envOf(podOf(template(OPERATOR)))['LEASE_NAME'] ?? '';
  const renewal = rules.find((rule) => rule.resources.includes('leases') && rule.verbs.includes('update'));
  t.deepEqual(renewal?.resourceNames, [lease]);
});

chartTest('no permission is given with a wildcard, and none reaches Secrets or Roles', (t) => {
  const rules = template(OPERATOR).flatMap((object) => object.rules ?? []);
  t.true(rules.length > 5);
  for (const { apiGroups, resources, verbs } of rules) {
    t.false([...apiGroups, ...resources, ...verbs].includes('*'));
    t.false(apiGroups.includes('rbac.authorization.k8s.io'));
    t.false(resources.includes('secrets'));
  }
});

chartTest('a mistyped or impossible value is refused by name', (t) => {
  const cases: readonly [chart: string, values: object, named: RegExp][] = [
    [OPERATOR, { image: { repo: 'x' } }, /repo\b/],
    [OPERATOR, { image: { repository: '' } }, /repository/],
    [OPERATOR, { image: { pullPolicy: 'Sometimes' } }, /pullPolicy/],
    [OPERATOR, { watchNamespaces: 'north' }, /watchNamespaces/],
    [OPERATOR, { watchNamespaces: ['North'] }, /watchNamespaces/],
    [OPERATOR, { replicaCount: 2 }, /replicaCount/],
    [OPERATOR, { logLevel: 'loud' }, /logLevel/],
    [CLUSTER, { specs: {} }, /specs/],
    [CLUSTER, { name: 'City' }, /name/],
    [CLUSTER, { name: '2go' }, /name/],
  ];
  for (const [chart, values, named] of cases) {
    t.throws(() => template(chart, values), { message: named }, JSON.stringify(values));
  }
});

chartTest('the cluster chart passes its spec through and takes its name from the release', (t) => {
  const spec = { proxy: { replicas: 3 }, listeners: [{ name: 'basic', port: 9100, path: '/o' }] };
  t.like(only(template(CLUSTER, { spec }, 'town'), 'OcppCluster'), { metadata: { name: 'town' }, spec });
  t.like(only(template(CLUSTER, { name: 'city' }, 'town'), 'OcppCluster'), {
    metadata: { name: 'city' },
    spec: {},
  });
});
