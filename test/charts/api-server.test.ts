/** A real API server accepts every object of the charts, and the notes after an installation can be pasted into a shell. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import type { OcppCluster } from '../../operator/api/ocpp-cluster.ts';
import { KubeObjectStore } from '../../operator/kube/kube-object-store.ts';
import type { KubeObject } from '../../operator/kube/object-store.ts';
import { ResourcePaths } from '../../operator/kube/resource-paths.ts';
import type { ApiServer } from '../support/api-server.ts';
import { sharedApiServer } from '../support/shared-api-server.ts';
import { installForeignCrds } from '../support/foreign-crds.ts';
import { helm, NAMESPACE, type Rendered, serialChartTest, template } from './helm.ts';
import { paste } from './paste.ts';
import { CLUSTER, OPERATOR } from './values.ts';

let monitored = false;
const shared = sharedApiServer(test, {}, async (server) => {
  monitored = await installForeignCrds(server, [
    'monitoring.coreos.com_podmonitors',
    'monitoring.coreos.com_prometheusrules',
  ]);
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  for (const name of [NAMESPACE, 'north', 'south']) {
    await person(server).apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  }
});

const onServer = (title: string, run: (t: ExecutionContext, server: ApiServer) => Promise<void>) =>
  serialChartTest(title, shared.on(run));

const person = (on: ApiServer) => new KubeObjectStore(on.http, { manager: 'kubectl' });

interface Deployment extends Rendered {
  readonly spec: { readonly template: { readonly metadata: object; readonly spec: object } };
}

/** Pods are admitted individually, so the Pod of each Deployment is checked too. */
const withPods = (object: Rendered): KubeObject[] => {
  if (object.kind !== 'Deployment') return [object];
  const { metadata, spec } = (object as Deployment).spec.template;
  const named = { ...metadata, name: 'from-template', namespace: NAMESPACE };
  return [object, { apiVersion: 'v1', kind: 'Pod', metadata: named, spec } as KubeObject];
};

/** @throws StoreError with the server's message about an unknown field or a rejected object */
async function dryRun(on: ApiServer, object: KubeObject): Promise<void> {
  const paths = new ResourcePaths(on.http);
  const resource = await paths.resourceOf(object);
  const { name, namespace } = object.metadata;
  await on.http.json({
    method: 'PATCH',
    path: paths.of({ resource, name, ...(namespace !== undefined && { namespace }) }),
    query: { fieldManager: 'dry-run', force: 'true', dryRun: 'All', fieldValidation: 'Strict' },
    body: object,
    contentType: 'application/apply-patch+yaml',
  });
}

const inNamespace = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, namespace: 'north' },
});

const peers = [{ namespaceSelector: { matchLabels: { team: 'monitoring' } } }];
const everything = {
  image: { digest: `sha256:${'a'.repeat(64)}` },
  imagePullSecrets: [{ name: 'registry' }],
  replicas: 3,
  metrics: {
    podMonitor: { enabled: true, labels: { prometheus: 'main' } },
    prometheusRule: { enabled: true },
    grafanaDashboard: { enabled: true, annotations: { grafana_folder: 'OCPP' } },
  },
  networkPolicy: { enabled: true, metricsFrom: peers, apiServer: { cidrs: ['10.0.0.1/32', 'fd00::1/128'] } },
  podDisruptionBudget: { maxUnavailable: '50%' },
  commonLabels: { team: 'charging' },
  commonAnnotations: { owner: 'charging@example.org' },
  podAnnotations: { a: 'b' },
  podLabels: { c: 'd' },
  extraEnv: [{ name: 'NODE_OPTIONS', value: '--max-old-space-size=256' }],
  nodeSelector: { disk: 'ssd' },
  tolerations: [{ key: 'role', operator: 'Exists' }],
  affinity: { nodeAffinity: {} },
  priorityClassName: 'system-cluster-critical',
};
const reachable: OcppCluster['spec'] = {
  image: { repository: 'registry.example/ocpp', pullSecrets: ['registry'] },
  listeners: [
    { name: 'old', port: 80, path: '/ocpp' },
    { name: 'new', port: 9000, path: '/stations' },
  ],
  proxy: {
    service: { type: 'LoadBalancer' },
    ingress: { host: 'ocpp.example.org', tlsSecretName: 'certificate' },
    gateway: { parentRefs: [{ name: 'outer' }] },
  },
  networkPolicy: { enabled: true, stationsFrom: [...peers] },
};
const city = parse(
  readFileSync(join(import.meta.dirname, '../../examples/city.yaml'), 'utf8'),
) as OcppCluster;

for (const [title, chart, values, release] of [
  ['the operator with default values', OPERATOR, {}, 'ocpp'],
  ['the operator with everything', OPERATOR, everything, 'x'.repeat(53)],
  ['the operator of two namespaces', OPERATOR, { watchNamespaces: ['north', 'south'] }, '2.operators'],
  [
    'the operator without the optional parts',
    OPERATOR,
    { rbac: { create: false }, replicas: 1, resources: null },
    'ocpp',
  ],
  ['a cluster with default values', CLUSTER, {}, 'city'],
  [
    'the cluster of the examples',
    CLUSTER,
    { spec: city.spec, labels: { a: 'b' }, annotations: { c: 'd' } },
    'city',
  ],
  ['a cluster with every way in from outside', CLUSTER, { spec: reachable }, 'city'],
] as const) {
  onServer(`the API server accepts every field and every Pod: ${title}`, async (t, on) => {
    const objects = template(chart, values, release).flatMap(withPods);
    const foreign = (object: KubeObject) => object.apiVersion.startsWith('monitoring.coreos.com/');
    for (const object of objects.filter((one) => monitored || !foreign(one))) {
      await t.notThrowsAsync(dryRun(on, object), `${object.kind} ${object.metadata.name}`);
    }
  });
}

onServer('the dry run detects an unknown field and a forbidden Pod', async (t, on) => {
  const [deployment, pod] = template(OPERATOR)
    .filter(({ kind }) => kind === 'Deployment')
    .flatMap(withPods);
  if (deployment === undefined || pod === undefined) throw new Error('no Deployment');
  await t.throwsAsync(dryRun(on, { ...deployment, spec: { replica: 1 } } as KubeObject), {
    message: /replica/,
  });
  const spec = { ...(pod as Rendered & { spec: object }).spec, hostNetwork: true };
  await t.throwsAsync(dryRun(on, { ...pod, spec } as KubeObject), { message: /hostNetwork|host namespaces/ });
});

onServer('the example on Artifact Hub is valid, and its images are those of the values', async (t, on) => {
  const { annotations, appVersion } = parse(readFileSync(join(OPERATOR, 'Chart.yaml'), 'utf8')) as {
    annotations: Record<string, string>;
    appVersion: string;
  };
  const [example] = parse(annotations['artifacthub.io/crdsExamples'] ?? '') as [OcppCluster];
  await dryRun(on, { ...example, metadata: { ...example.metadata, namespace: 'north' } });
  const values = parse(readFileSync(join(OPERATOR, 'values.yaml'), 'utf8')) as {
    image: { repository: string };
    redis: { image: string };
  };
  t.deepEqual(
    (parse(annotations['artifacthub.io/images'] ?? '') as { image: string }[]).map(({ image }) => image),
    [`${values.image.repository}:${appVersion}`, values.redis.image],
  );
});

for (const [title, chart, values, words, others] of [
  [
    'all namespaces',
    OPERATOR,
    {},
    [
      /all namespaces/,
      /change Pods in every namespace.*list them in the value watchNamespaces/s,
      /kubectl create namespace charging/,
      /helm test ocpp/,
    ],
    [/switched off/],
  ],
  [
    'some namespaces',
    OPERATOR,
    { watchNamespaces: ['north'] },
    [/OcppClusters in north/, /apply -n north/],
    [/create namespace/, /every namespace/],
  ],
  ['no operator', OPERATOR, { replicas: 0 }, [/switched off/], []],
  [
    'definition of others',
    OPERATOR,
    { crd: { install: false } },
    [/kubectl get crd ocppclusters\.ocpp\.dev/],
    [/also upgrades/],
  ],
  [
    'roles of others',
    OPERATOR,
    { rbac: { create: false } },
    [/ServiceAccount ocpp-ocpp-operator the rules/],
    [/every namespace/],
  ],
  [
    'a cluster',
    CLUSTER,
    {},
    [/ws:\/\/ocpp-ws-proxy\.ocpp-system:9000\/ocpp\//, /port-forward/, /one Pod with a volume/],
    [/replicas/],
  ],
  [
    'a cluster outside',
    CLUSTER,
    {
      name: 'city',
      spec: { proxy: { service: { type: 'LoadBalancer' } }, redis: { external: { addresses: ['r:1'] } } },
    },
    [/through the LoadBalancer Service, once/, /Redis is yours \(r:1\)/],
    [/port-forward/, /one Pod/],
  ],
  [
    'a cluster behind an Ingress',
    CLUSTER,
    { spec: { proxy: { ingress: { host: 'a.example', tlsSecretName: 's' } } } },
    [/wss:\/\/a\.example\/ocpp\/<identity>/, /status\.endpoints/],
    [/port-forward/, /Gateway/],
  ],
  [
    'a cluster behind a Gateway',
    CLUSTER,
    { spec: { proxy: { gateway: { parentRefs: [{ name: 'a' }, { name: 'b' }] } } } },
    [/through Gateway a, Gateway b, once/, /get httproute ocpp-ws-proxy/],
    [/port-forward/, /Ingress/],
  ],
  [
    'fixed processors',
    CLUSTER,
    { spec: { processor: { replicas: 3 } } },
    [/resets the number of processors/],
    [],
  ],
] as const) {
  onServer(`the notes after an installation fit the values and can be pasted: ${title}`, async (t, on) => {
    const args = [
      'install',
      'ocpp',
      chart,
      '--namespace',
      NAMESPACE,
      '--dry-run=client',
      '--take-ownership',
      '--values',
      '-',
    ];
    const text = helm(args, { input: JSON.stringify(values), kubeconfig: on.kubeconfig() });
    const notes = text.split('\nNOTES:\n')[1] ?? '';
    for (const word of words) t.regex(notes, word);
    for (const word of others) t.notRegex(notes, word);
    const calls = paste(notes);
    t.true(calls.length >= 3, 'the notes have commands');
    for (const { input } of calls)
      if (input !== '') await dryRun(on, inNamespace(parse(input) as KubeObject));
  });
}
