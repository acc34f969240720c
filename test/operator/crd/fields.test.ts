/** Every field of the resource that may change is changed, on a real API server: it has its effect and replaces no other Pods. */
import test from 'ava';
import { type Component, effectIn, effectOf } from '../../../operator/api/generate/restarts.ts';
import { fieldSchema, type Schema } from '../../../operator/api/schema.ts';
import type { KubeObject } from '../../../operator/kube/object-store.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';
import {
  type FieldChange,
  FIXED_FIELDS,
  IMAGE,
  MUTABLE_FIELDS,
  patchOf,
  valueAt,
} from '../../contracts/mutable-fields.ts';
import { Scene } from '../api-server/operator-scene.ts';
import { until } from '../../support/until.ts';

const shared = commonApiServer(test);

/** Fields that hold no further ones by name. */
function leaves(schema: Schema, path = ''): string[] {
  if (schema.properties === undefined || schema.items !== undefined) return [path];
  return Object.entries(schema.properties).flatMap(([name, field]) =>
    leaves(field, path === '' ? name : `${path}.${name}`),
  );
}

test('the table names every field of the spec, as one that may change or as one that may not', (t) => {
  const named = new Set([...MUTABLE_FIELDS.map(({ field }) => field), ...FIXED_FIELDS]);
  const inSchema = new Set(leaves(fieldSchema('spec')));
  t.deepEqual(
    [...inSchema].filter((field) => !named.has(field)),
    [],
    'not in the table',
  );
  t.deepEqual(
    [...named].filter((field) => !inSchema.has(field)),
    [],
    'not in the schema',
  );
});

test('the description of a field says whether it can be changed', (t) => {
  const described = leaves(fieldSchema('spec')).filter((field) => effectOf(field) === 'fixed');
  // The class of a load balancer is fixed only while the type stays.
  const fixed = FIXED_FIELDS.filter((field) => field !== 'proxy.service.loadBalancerClass');
  t.deepEqual(described.sort(), fixed.toSorted());
});

const PLACES: Readonly<Record<Component, string>> = {
  'ws-proxy': 'deployments',
  processor: 'deployments',
  redis: 'statefulsets',
  api: 'deployments',
  'bill-sink': 'deployments',
};
const KINDS: Readonly<Record<string, string>> = {
  Deployment: 'deployments',
  StatefulSet: 'statefulsets',
  ConfigMap: 'configmaps',
  Service: 'services',
  Ingress: 'ingresses',
  NetworkPolicy: 'networkpolicies',
};
/** With every component: a field names those whose Pods it replaces. */
const ALL = {
  proxy: {},
  api: { enabled: true },
  billing: { sink: { postgres: { secretName: 'bills' } } },
};
interface Workload extends KubeObject {
  readonly spec: { readonly template: object };
}

/** Changes the field of a cluster, made for it unless others were changed in it before, and tells what came of it. */
async function change(scene: Scene, name: string, one: FieldChange, generation = 1) {
  const observed = async () => (await scene.status(name)).observedGeneration;
  if (generation === 1) {
    await scene.create({ ...ALL, ...one.with }, name);
    await until(async () => (await observed()) === 1, `the operator to look at ${name}`, 60_000);
  }
  const templates = async () =>
    new Map(
      await Promise.all(
        Object.entries(PLACES).map(async ([component, kind]) => {
          const workload = await scene.get<Workload>(`${kind}/${name}-${component}`);
          return [component, JSON.stringify(workload?.spec.template)] as const;
        }),
      ),
    );
  const before = await templates();
  await scene.patch(`ocppclusters/${name}`, { spec: patchOf(one.field, one.value) });
  const isSeen = async () => (await observed()) === generation + 1;
  await until(isSeen, `the operator to look at ${one.field}`, 60_000);
  // The status may name the next set of ws-proxies a moment before it is there.
  await until(() => scene.get(`deployments/${name}-ws-proxy`), `the ws-proxies of ${name}`, 60_000);
  const after = await templates();
  const restarted = [...after].flatMap(([component, template]) =>
    // One that was not there before replaces none.
    [template, undefined].includes(before.get(component)) ? [] : [component],
  );
  const [kind = '', object = ''] = (one.object ?? '').split('/');
  const found = one.object === undefined ? undefined : await scene.get(`${KINDS[kind]}/${name}-${object}`);
  return { restarted, shows: found === undefined ? undefined : valueAt(found, one.at ?? '') };
}

const listener = fieldSchema('spec', 'listeners').items?.properties ?? {};
const STATIONS = { name: 'stations', port: 9000, path: '/ocpp' };
const listenersText = (more: object) =>
  JSON.stringify([{ name: 'stations', port: 9000, path: '/ocpp', ...more }]);
const MUTUAL = { secretName: 'certificate', clientCaSecretName: 'station-ca' };
/** The first as it becomes, and what the ws-proxy gets. */
const LISTENER_PARTS = (
  [
    ['securityProfile', { securityProfile: 1 }, { securityProfile: 1 }],
    ['protocols', { protocols: ['ocpp1.6'] }, { securityProfile: 0, protocols: ['ocpp1.6'] }],
    ['proxyProtocol', { proxyProtocol: true }, { securityProfile: 0, proxyProtocol: true }],
    [
      'tls',
      {
        securityProfile: 3,
        tls: { ...MUTUAL, additionalSecretName: 'rsa', cipherSuites: ['AES128-GCM-SHA256'] },
      },
      {
        securityProfile: 3,
        tls: {
          certificateFolders: ['/etc/ocpp/listeners/stations/tls', '/etc/ocpp/listeners/stations/tls-2'],
          clientCaFolder: '/etc/ocpp/listeners/stations/client-ca',
          minVersion: 'TLSv1.2',
          cipherSuites: ['AES128-GCM-SHA256'],
        },
      },
    ],
  ] as const
).map(([part, change, shows]): FieldChange => ({
  field: 'listeners',
  value: [{ ...STATIONS, ...change }],
  with: {
    authentication: { stations: { register: true } },
    proxy: { trustedNetworks: ['10.0.0.0/8'] },
  },
  object: 'Deployment/ws-proxy',
  at: 'env OCPP_LISTENERS',
  shows: listenersText(shows),
  restarts:
    part === 'tls' ? ['ws-proxy'] : (effectIn(listener[part] ?? {}, 'listeners') as readonly Component[]),
}));
/** Parts of a list, which is one field in the table. */
const PARTS: readonly FieldChange[] = [
  {
    field: 'listeners',
    value: [{ name: 'stations', port: 9000, path: '/v16' }],
    object: 'Deployment/ws-proxy',
    at: 'env OCPP_PATH',
    shows: '/v16',
    restarts: effectIn(listener['path'] ?? {}, 'listeners') as readonly Component[],
  },
  ...LISTENER_PARTS,
];
/** In the order of an API server. */
const LIMITS = { reconnectBurst: 1000, sessions: 500 };
const NAMED = { ...STATIONS, protocols: ['ocpp1.6'] };
/** The first limits of plain listeners replace Pods: only in JSON has a listener a name, by which its limits are found. */
const FIRST_LIMITS: FieldChange = {
  field: 'listeners',
  value: [{ ...STATIONS, limits: LIMITS }],
  object: 'ConfigMap/ws-proxy',
  at: 'data.OCPP_LISTENER_LIMITS',
  shows: JSON.stringify({ stations: LIMITS }),
  restarts: ['ws-proxy'],
};
const LIMITS_OF_NAMED: FieldChange = {
  ...FIRST_LIMITS,
  value: [{ ...NAMED, limits: LIMITS }],
  with: { listeners: [NAMED] },
  restarts: [],
};
const CHANGES = [...MUTABLE_FIELDS, ...PARTS, FIRST_LIMITS, LIMITS_OF_NAMED];
/** Clusters at a time: of those in which many fields are changed, and of those that are made for one. */
const SHARED = 4;
const OWN = 4;
const isPlain = (one: FieldChange) => one.with === undefined;

test('each lands in the right object, and no Pod is replaced without need', async (t) => {
  t.timeout(240_000);
  const server = shared.given(t);
  if (server === undefined) return;
  await using scene = await Scene.open(server, { image: 'example.com/ocpp:1', adminKey: new Uint8Array(32) });
  const tell = async (name: string, one: FieldChange, generation?: number) => {
    const { restarted, shows } = await change(scene, name, one, generation);
    t.deepEqual(restarted.toSorted(), (one.restarts ?? []).toSorted(), `${one.field} replaces Pods`);
    if (one.shows === IMAGE) t.true(String(shows).includes(String(one.value)), one.field);
    else if (one.object !== undefined) {
      t.deepEqual(shows, one.shows ?? one.value, `${one.field} in ${one.object}`);
    }
  };
  // A cluster costs more than a change: those that need nothing else are made one after the other, in a few clusters.
  const inTurn = async (name: string, changes: readonly FieldChange[]) => {
    for (const [index, one] of changes.entries()) await tell(name, one, index + 1);
  };
  const plain = CHANGES.filter(isPlain);
  const own = CHANGES.filter((one) => !isPlain(one)).map((one, index) => ({ one, name: `c-${index}` }));
  const alone = async () => {
    for (let next = own.shift(); next !== undefined; next = own.shift()) {
      await tell(next.name, next.one);
      await scene.delete(`ocppclusters/${next.name}`);
    }
  };
  const lanes = Array.from({ length: SHARED }, (_, lane) =>
    inTurn(
      `shared-${lane}`,
      plain.filter((_one, index) => index % SHARED === lane),
    ),
  );
  await Promise.all([...lanes, ...Array.from({ length: OWN }, alone)]);
});
