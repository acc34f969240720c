/**
 * Least privilege: the operator runs on a real API server as the ServiceAccount of the chart, with the rendered rules. In the
 * audit log no request may be refused, and every verb of the rules must be used.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { API_VERSION, KIND, OCPP_CLUSTERS } from '../../operator/api/ocpp-cluster.ts';
import { KubeObjectStore } from '../../operator/kube/kube-object-store.ts';
import type { StoreError } from '../../operator/kube/object-store.ts';
import { OPTIONAL } from '../../operator/render/resources.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { type AuditedCall, type AuditLog, createAuditLog } from '../support/audit-log.ts';
import { installForeignCrds } from '../support/foreign-crds.ts';
import { startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { liveOnce, PROMETHEUS_LOGIN } from './cluster-life.ts';
import { NAMESPACE, only, type Rendered, serialChartTest, template } from './helm.ts';
import { OPERATOR } from './values.ts';

/** Permissions without a request of the operator, and why it needs them. `group/resource verb` */
const UNSEEN: Readonly<Record<string, string>> = {
  'ocpp.dev/ocppclusters/finalizers update': 'checked by an admission plugin, see the test below',
};
/** `<group>_<plural>`: the file names of definitions. */
const ADD_ONS = [
  'monitoring.coreos.com_podmonitors',
  'monitoring.coreos.com_prometheusrules',
  'gateway.networking.k8s.io_httproutes',
  'cert-manager.io_certificates',
  'keda.sh_scaledobjects',
  'keda.sh_triggerauthentications',
] as const;

const rbac = { readSecrets: [PROMETHEUS_LOGIN] };
const everywhere = { release: 'everywhere', namespaces: ['somewhere'], values: { rbac } };
const listed = {
  release: 'listed',
  namespaces: ['north', 'south'],
  values: { watchNamespaces: ['north', 'south'], rbac },
};
const STRICT = 'strict';
const accountOf = (release: string) => `system:serviceaccount:${NAMESPACE}:${release}-ocpp-operator`;

let server: ApiServer | undefined;
let audit: AuditLog | undefined;
/** Whether their definitions are available. */
let addOns = false;

test.before(async () => {
  audit = createAuditLog();
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${NAMESPACE}`, 'system:authenticated'];
  const users = Object.fromEntries(
    [everywhere.release, listed.release, STRICT].map((release) => [accountOf(release), groups]),
  );
  for (const person of ['view', 'edit']) users[person] = ['system:authenticated'];
  const plugins = '--enable-admission-plugins=OwnerReferencesPermissionEnforcement';
  server = await startApiServer({ users, flags: [...audit.flags, plugins] });
  if (server === undefined) return;
  await server.installCrd(readFileSync(join(import.meta.dirname, '../../crds/ocppclusters.yaml'), 'utf8'));
  for (const name of [NAMESPACE, 'somewhere', 'north', 'south'])
    await make(server, { kind: 'Namespace', name });
  addOns = await installForeignCrds(server, ADD_ONS);
});

test.after.always(async () => {
  await server?.[Symbol.asyncDispose]();
  audit?.[Symbol.dispose]();
});

const onServer = (title: string, run: (t: ExecutionContext, server: ApiServer) => Promise<void>) =>
  serialChartTest(title, async (t) => {
    if (server === undefined) t.pass('skipped');
    else await run(t, server);
  });

const admin = (on: ApiServer) => new KubeObjectStore(on.http, { manager: 'kubectl' });

async function make(on: ApiServer, { kind, name }: { kind: string; name: string }): Promise<void> {
  await admin(on).apply({ apiVersion: 'v1', kind, metadata: { name } });
}

/** Starts the operator as the chart does, exercises every feature in each namespace, and stops it. */
async function liveThrough(
  t: ExecutionContext,
  on: ApiServer,
  { release, namespaces, values }: typeof everywhere | typeof listed,
) {
  const objects = template(OPERATOR, values, release);
  const granting = objects.filter(({ kind }) => /Role|^ServiceAccount$/.test(kind));
  for (const object of granting) await admin(on).apply(object);
  await using operator = await startProgram('operator', {
    ...environmentOf(objects),
    KUBECONFIG: on.kubeconfig(accountOf(release)),
  });
  const served = addOns ? OPTIONAL : [];
  for (const namespace of namespaces)
    await liveOnce(admin(on), { name: release, namespace }, served).catch((cause: unknown) => {
      throw new Error(`${String(cause)}\n${operator.log}`, { cause });
    });
  t.is(await operator.kill('SIGTERM'), 0, operator.log);
  return granting.filter(({ metadata }) => !/-(view|edit)$/.test(metadata.name)).flatMap(permissionsOf);
}

/** Variables of the rendered Deployment, except those that the kubelet fills in. */
function environmentOf(objects: readonly Rendered[]): Record<string, string> {
  const { spec } = only(objects, 'Deployment') as unknown as {
    spec: { template: { spec: { containers: { env: { name: string; value?: string }[] }[] } } };
  };
  const env = spec.template.spec.containers[0]?.env ?? [];
  const fixed = env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const]));
  const { OCPP_ADMIN_PORT: _, ...rest } = Object.fromEntries(fixed);
  return { ...rest, POD_NAMESPACE: NAMESPACE };
}

const permissionsOf = ({ rules = [] }: Rendered): string[] =>
  rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => `${group}/${resource} ${verb}`)),
    ),
  );

/** Server-side apply of a new object needs `create` too. */
function usedBy(calls: readonly AuditedCall[]): Set<string> {
  const verbs = ({ verb, code }: AuditedCall) =>
    verb === 'patch' && code === 201 ? ['patch', 'create'] : [verb];
  return new Set(
    calls.flatMap((call) => verbs(call).map((verb) => `${call.group}/${call.resource} ${verb}`)),
  );
}

for (const way of [everywhere, listed]) {
  onServer(
    `the operator needs every permission that the chart gives it, and no other: ${way.release}`,
    async (t, on) => {
      const calls = () => audit?.callsOf(accountOf(way.release)) ?? [];
      const refused = () => calls().filter(({ code }) => code === 403);
      const given = new Set(await liveThrough(t, on, way).finally(() => t.deepEqual(refused(), [])));
      const used = usedBy(calls());
      const unused = [...given].filter((permission) => !used.has(permission));
      const absent = new Set<string>(addOns ? [] : ADD_ONS.map((kind) => kind.replace('_', '/')));
      const unexplained = unused.filter((permission) => !absent.has(permission.split(' ')[0] ?? ''));
      t.deepEqual(unexplained.sort(), Object.keys(UNSEEN).sort());
      const places = new Set(calls().map(({ namespace }) => namespace));
      if (way === listed) t.deepEqual([...places].sort(), [...way.namespaces, NAMESPACE].sort());
    },
  );
}

onServer(
  'without the permission on finalizers, a strict API server refuses the objects of the operator',
  async (t, on) => {
    const granting = template(OPERATOR, {}, STRICT).filter(({ kind }) => kind.startsWith('ClusterRole'));
    for (const object of granting) {
      const rules = object.rules?.filter(({ resources }) => !resources.includes('ocppclusters/finalizers'));
      await admin(on).apply(rules === undefined ? object : ({ ...object, rules } as Rendered));
    }
    const metadata = { name: STRICT, namespace: 'somewhere' };
    const { object } = await admin(on).apply({ apiVersion: API_VERSION, kind: KIND, metadata });
    const { uid = '' } = object.metadata;
    const owner = {
      apiVersion: API_VERSION,
      kind: KIND,
      name: STRICT,
      uid,
      controller: true,
      blockOwnerDeletion: true,
    };
    const owned = {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { ...metadata, ownerReferences: [owner] },
    };
    const operator = new KubeObjectStore(on.httpAs(accountOf(STRICT)));
    const error = await t.throwsAsync<StoreError>(operator.apply(owned));
    t.is(error?.code, 'forbidden');
    t.regex(error?.message ?? '', /blockOwnerDeletion/);
    for (const one of granting) await admin(on).apply(one);
    await until(
      () =>
        operator.apply(owned).then(
          () => true,
          () => false,
        ),
      'the complete role works',
    );
    await admin(on).delete({ resource: OCPP_CLUSTERS, ...metadata });
  },
);

onServer('the role view can only read clusters, the role edit can change them', async (t, on) => {
  const namespace = 'somewhere';
  const roles = template(OPERATOR).filter(({ metadata }) => /-(view|edit)$/.test(metadata.name));
  for (const role of roles) {
    await admin(on).apply(role);
    const kind = role.metadata.name.endsWith('view') ? ['view', 'edit'] : ['edit'];
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: role.metadata.name, namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role.metadata.name },
      subjects: kind.map((name) => ({ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name })),
    };
    await admin(on).apply(binding);
  }
  const cluster = { apiVersion: API_VERSION, kind: KIND, metadata: { name: 'of-people', namespace } };
  const ref = { resource: OCPP_CLUSTERS, name: 'of-people', namespace };
  const [viewer, editor] = [new KubeObjectStore(on.httpAs('view')), new KubeObjectStore(on.httpAs('edit'))];
  await until(
    () =>
      editor.apply(cluster).then(
        () => true,
        () => false,
      ),
    'an editor may create one',
  );
  await t.notThrowsAsync(viewer.get(ref));
  t.is((await t.throwsAsync<StoreError>(viewer.apply(cluster)))?.code, 'forbidden');
  t.is((await t.throwsAsync<StoreError>(viewer.delete(ref)))?.code, 'forbidden');
  t.is(
    (await t.throwsAsync<StoreError>(editor.patchStatus(ref, {})))?.code,
    'forbidden',
    'only the operator writes the status',
  );
  const path = `/apis/ocpp.dev/v1alpha1/namespaces/${namespace}/ocppclusters/of-people/scale`;
  const body = { spec: { replicas: 3 } };
  const contentType = 'application/merge-patch+json';
  await t.notThrowsAsync(on.httpAs('edit').json({ method: 'PATCH', path, body, contentType }));
  await editor.delete(ref);
});

onServer('the alerts about the operator use metrics that it exports', async (t, on) => {
  const values = { metrics: { prometheusRule: { enabled: true } } };
  const { spec } = only(template(OPERATOR, values), 'PrometheusRule');
  const read = new Set(JSON.stringify(spec).match(/ocpp_operator_\w+/g));
  t.true(read.size > 3);
  await using operator = await startProgram('operator', { KUBECONFIG: on.kubeconfig() });
  let text = '';
  // It leads and reads its key before it has the metrics of reconciles.
  const complete = async () => {
    text = (await operator.ask('/metrics')).text;
    return [...read].every((name) => new RegExp(`^# TYPE ${name} `, 'm').test(text));
  };
  await until(complete, 'every metric').catch(() => undefined);
  for (const name of read) t.regex(text, new RegExp(`^# TYPE ${name} `, 'm'));
});
