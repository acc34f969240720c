/** The charts, rendered by helm. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { API_VERSION, KIND } from '../../operator/api/ocpp-cluster.ts';
import { componentLabels } from '../../operator/render/render-input.ts';
import { PATH, PORT, PROGRAM } from '../../services/contract.ts';
import { upgradeArguments } from '../e2e/release.ts';
import { chartTest, helm, NAMESPACE, only, type Rendered, template } from './helm.ts';
import { CLUSTER, OPERATOR } from './values.ts';

const ROOT = join(import.meta.dirname, '..', '..');

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
    t.notThrows(() => helm(['lint', '--strict', chart]));
  });
}

test('the chart contains the resource definition of crds/, byte for byte', (t) => {
  const copy = readFileSync(join(OPERATOR, 'files/ocppclusters.yaml'), 'utf8');
  t.true(copy === readFileSync(join(ROOT, 'crds/ocppclusters.yaml'), 'utf8'), 'run: npm run generate');
});

chartTest('the definition is installed unchanged, and uninstalling the operator keeps it', (t) => {
  const { metadata, ...rest } = only(template(OPERATOR), 'CustomResourceDefinition');
  const { annotations, labels, ...named } = metadata;
  const source = parse(readFileSync(join(ROOT, 'crds/ocppclusters.yaml'), 'utf8')) as unknown;
  t.like(annotations, { 'helm.sh/resource-policy': 'keep' });
  t.like(labels, { 'app.kubernetes.io/managed-by': 'Helm' });
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

chartTest('an umbrella chart sets registry and pull secrets of both charts with its global values', (t) => {
  const umbrella = mkdtempSync(join(tmpdir(), 'ocpp-umbrella-'));
  try {
    writeFileSync(join(umbrella, 'Chart.yaml'), 'apiVersion: v2\nname: umbrella\nversion: 0.1.0\n');
    for (const chart of [OPERATOR, CLUSTER])
      cpSync(chart, join(umbrella, 'charts', basename(chart)), { recursive: true });
    // Of another subchart.
    const others = { storageClass: 'fast' };
    const global = { imageRegistry: 'r.example', imagePullSecrets: ['registry'], ...others };
    const objects = template(umbrella, { global });
    t.regex(podOf(objects).containers[0].image, /^r\.example\/ocpp-cluster\/ocpp-cluster:\d/);
    t.like(podOf(objects), { imagePullSecrets: [{ name: 'registry' }] });
    t.like(only(objects, 'OcppCluster'), { spec: { image: { pullSecrets: ['registry'] } } });
  } finally {
    rmSync(umbrella, { recursive: true });
  }
});

chartTest('skaffold.yaml sets values that the chart has', (t) => {
  const values = upgradeArguments({ repository: 'local', tag: 'abc' }).filter((text) =>
    text.startsWith('--set'),
  );
  const text = helm(['template', 'ocpp', OPERATOR, ...values]);
  t.regex(text, /image: "?local:abc"?\n/);
});

chartTest(
  'the operator Pod complies with the restricted Pod Security Standard and the contract of programs',
  (t) => {
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
  },
);

chartTest('with watchNamespaces the operator gets nothing cluster-wide', (t) => {
  const bindings = (values: object) =>
    template(OPERATOR, values)
      .filter(({ kind }) => kind.endsWith('RoleBinding'))
      .map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}`)
      .sort();
  t.deepEqual(bindings({}), ['ClusterRoleBinding ', `RoleBinding ${NAMESPACE}`]);
  const listed = { watchNamespaces: ['north', 'south'] };
  t.deepEqual(bindings(listed), ['RoleBinding north', `RoleBinding ${NAMESPACE}`, 'RoleBinding south']);
  const own = template(OPERATOR, { ...listed, rbac: { aggregateToDefaultRoles: false } });
  t.false(own.some(({ kind }) => kind.startsWith('ClusterRole')));
});

chartTest(
  'no permission has a wildcard; Roles can be given only what the operator has; Secrets can be created, and only its own key read',
  (t) => {
    const rules = template(OPERATOR).flatMap((object) => object.rules ?? []);
    t.true(rules.length > 5);
    const key = `${envOf(podOf(template(OPERATOR)))['LEASE_NAME']}-admin-key`;
    const read: unknown[] = [];
    for (const { apiGroups, resources, verbs, resourceNames } of rules) {
      t.false([...apiGroups, ...resources, ...verbs].includes('*'));
      // With `bind` or `escalate`, a Role could permit what the operator may not do itself.
      if (apiGroups.includes('rbac.authorization.k8s.io')) {
        t.deepEqual(resources, ['roles', 'rolebindings']);
        t.false(verbs.some((verb) => ['bind', 'escalate', 'impersonate'].includes(verb)));
      }
      if (!resources.includes('secrets')) continue;
      if (resourceNames === undefined) t.deepEqual([resources, verbs], [['secrets'], ['create']]);
      else read.push([resources, verbs, resourceNames]);
    }
    t.deepEqual(read, [[['secrets'], ['get'], [key]]]);
  },
);

chartTest(
  'the Secrets that rbac.readSecrets names can be read in the watched namespaces, and not listed',
  (t) => {
    for (const values of [{}, { watchNamespaces: ['north'] }]) {
      const objects = template(OPERATOR, { ...values, rbac: { readSecrets: ['a', 'b'] } });
      const granting = objects.filter(({ rules = [] }) =>
        rules.some(({ resourceNames }) => resourceNames?.includes('a')),
      );
      const places = granting.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}`);
      t.deepEqual(places, 'watchNamespaces' in values ? ['Role north'] : ['ClusterRole ']);
      const given = granting.flatMap(({ rules = [] }) => rules.filter(({ resourceNames }) => resourceNames));
      t.deepEqual(given, [
        { apiGroups: [''], resources: ['secrets'], resourceNames: ['a', 'b'], verbs: ['get'] },
      ]);
    }
  },
);

chartTest(
  'the NetworkPolicy allows the metrics of clusters, and each selector matches only the operator Pod',
  (t) => {
    const objects = template(OPERATOR, {
      networkPolicy: { enabled: true },
      metrics: { podMonitor: { enabled: true } },
    });
    const { egress } = only(objects, 'NetworkPolicy').spec as {
      egress: {
        to?: { podSelector?: { matchLabels: Record<string, string> } }[];
        ports: { port: number }[];
      }[];
    };
    const toPods = egress.find(({ to }) => to?.[0]?.podSelector !== undefined);
    const cluster = { apiVersion: API_VERSION, kind: KIND, metadata: { name: 'city' } };
    t.like(componentLabels(cluster, 'processor'), toPods?.to?.[0]?.podSelector?.matchLabels ?? {});
    t.deepEqual(toPods?.ports, [{ protocol: 'TCP', port: PORT.admin }] as object[]);

    const { metadata } = (only(objects, 'Deployment').spec as { template: Rendered }).template;
    type Selecting = { selector: { matchLabels?: Record<string, string> } & Record<string, string> };
    for (const kind of ['PodMonitor', 'PodDisruptionBudget', 'Service', 'Deployment']) {
      const { selector } = only(objects, kind).spec as Selecting;
      t.like(metadata.labels, selector.matchLabels ?? selector, kind);
      const testPod = only(objects, 'Pod').metadata.labels ?? {};
      const required = Object.entries(selector.matchLabels ?? selector);
      t.false(
        required.every(([name, value]) => testPod[name] === value),
        `${kind} does not take the test Pod`,
      );
    }
  },
);

chartTest('a Kubernetes that is too old is refused', (t) => {
  for (const chart of [OPERATOR, CLUSTER]) {
    const render = (version: string) => helm(['template', 'x', chart, '--kube-version', version]);
    t.throws(() => render('1.29.9'), { message: /requires kubeVersion: >=1\.30/ });
    t.notThrows(() => render('1.30.0-gke.1'));
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
    [OPERATOR, { image: { tag: `7@sha256:${'0'.repeat(64)}` } }, /tag/],
    [OPERATOR, { image: { digest: 'sha256:0' } }, /digest/],
    [OPERATOR, { imagePullSecrets: ['registry'] }, /imagePullSecrets/],
    [OPERATOR, { rbac: { readSecrets: ['*'] } }, /readSecrets/],
    [OPERATOR, { podDisruptionBudget: { maxUnavailable: 0 } }, /maxUnavailable/],
    [OPERATOR, { serviceAccount: { create: false } }, /serviceAccount\.name/],
    [OPERATOR, { metrics: { podMonitor: { interval: '30' } } }, /interval/],
    [OPERATOR, { logLevel: 'loud' }, /logLevel/],
    [OPERATOR, { global: { storageClass: 'x' } }, /global\.storageClass has no effect in this chart/],
    [OPERATOR, { global: { imageRegistry: 'r.example/' } }, /imageRegistry/],
    [OPERATOR, { global: { imagePullSecrets: 'x' } }, /imagePullSecrets/],
    [CLUSTER, { global: { storageClass: 'x' } }, /global\.storageClass has no effect in this chart/],
    [CLUSTER, { specs: {} }, /specs/],
    [CLUSTER, { name: 'City' }, /name/],
    [CLUSTER, { name: '2go' }, /name/],
    [CLUSTER, { test: { image: 'a b' } }, /image/],
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

chartTest(
  'release names that are no object names: the operator chart adapts them, the cluster chart refuses them',
  (t) => {
    const DNS_LABEL = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
    for (const name of ['a', '2nd', 'eu.north', 'ocpp-operator', 'x'.repeat(53), `${'x'.repeat(51)}-y`]) {
      for (const { kind, metadata } of template(OPERATOR, {}, name)) {
        if (kind !== 'CustomResourceDefinition')
          t.regex(metadata.name, DNS_LABEL, `${kind} of release ${name}`);
        for (const label of Object.values(metadata.labels ?? {})) t.true(label.length <= 63, label);
      }
    }
    for (const name of ['2nd', 'eu.north', 'x'.repeat(41)]) {
      t.throws(() => template(CLUSTER, {}, name), { message: /cannot be named .* set name/ });
      t.is(only(template(CLUSTER, { name: 'city' }, name), 'OcppCluster').metadata.name, 'city');
    }
  },
);
