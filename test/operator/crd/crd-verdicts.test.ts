/** Random manifests and random changes: a real API server and npm start accept the same ones. */
import test from 'ava';
import { array, constantFrom, oneof, sample } from 'fast-check';
import type { OcppCluster } from '../../../operator/api/ocpp-cluster.ts';
import { fieldSchema, type Schema } from '../../../operator/api/schema.ts';
import { validateCluster } from '../../../operator/api/validate.ts';
import type { ApiConnection } from '../../support/api-server.ts';
import { cluster, CLUSTERS, create } from './cluster-resources.ts';
import { merged, MUTABLE_FIELDS, patchOf } from '../../contracts/mutable-fields.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';

const shared = commonApiServer(test);
const SEED = 1;

function leaves(schema: Schema, path = ''): (readonly [string, Schema])[] {
  if (schema.properties === undefined) return [[path, schema]];
  return Object.entries(schema.properties).flatMap(([name, field]) =>
    leaves(field, path === '' ? name : `${path}.${name}`),
  );
}

/** Values that break or just keep a rule of several fields; the bounds of single fields come from the schema. */
const TELLING: Readonly<Record<string, readonly unknown[]>> = {
  listeners: [
    [{ name: 'a' }, { name: 'b' }],
    [
      { name: 'a', nodePort: 1 },
      { name: 'b', port: 2, nodePort: 1 },
    ],
    [{ name: 'a', nodePort: 30_900 }],
    [{ name: 'a', securityProfile: 1 }],
    [{ name: 'a', securityProfile: 3, tls: { secretName: 's', clientCaSecretName: 'c' } }],
    [
      {
        name: 'a',
        securityProfile: 3,
        tls: { termination: 'LoadBalancer', clientCertificateHeader: 'ssl-client-cert' },
      },
    ],
    [{ name: 'a', proxyProtocol: true }],
    [{ name: 'a', securityProfile: 2, tls: { issuerRef: { name: 'i' } }, protocols: ['ocpp1.6'] }],
  ],
  'authentication.stations.register': [true, false],
  'redis.channelPrefix': ['{a}', 'x{a}', '{}', '{a}{b}'],
  'redis.stateKeyPrefix': ['{a}', 'y{a}'],
  'redis.external.addresses': [['a:1'], ['a:1', 'b:2']],
  'redis.external.sentinel.masterName': ['main'],
  'redis.embedded.storage.size': ['1Gi', '1024Mi', '0.5Gi', '1500M', 'much'],
  'proxy.service.loadBalancerClass': ['a/b', 'a/c'],
  'proxy.service.loadBalancerSourceRanges': [['203.0.113.0/24'], ['::/0'], ['203.0.113.0'], ['fe80::1%a/64']],
  'proxy.podTemplate.env': [[{ name: 'A' }, { name: 'A' }], [{ name: '' }]],
};
const JUNK: readonly unknown[] = [
  null,
  'x',
  5,
  1.5,
  true,
  {},
  [],
  -1,
  'x'.repeat(600),
  { a: 1 },
  ['a', 'a'],
  1e20,
];

const setting = constantFrom(...leaves(fieldSchema('spec'))).chain(([path, schema]) => {
  const { minimum = 1, maximum = 1, enum: allowed = [] } = schema;
  const known = MUTABLE_FIELDS.filter(({ field }) => field === path).map(({ value }) => value);
  const good = [...known, ...allowed, ...(schema.type === 'integer' ? [minimum, maximum] : [])];
  const bad = [...JUNK, minimum - 1, maximum + 1];
  const values = [TELLING[path] ?? good, good, bad].filter((list) => list.length > 0);
  return oneof(...values.map((list) => constantFrom(...list))).map((value) => patchOf(path, value));
});
const specs = array(setting, { minLength: 1, maxLength: 5 }).map((patches) => patches.reduce(merged, {}));

const accepts = (answer: Promise<unknown>) =>
  answer.then(
    () => true,
    () => false,
  );

test('random manifests', async (t) => {
  const api = shared.given(t);
  if (api === undefined) return;
  let good = 0;
  for (const spec of sample(specs, { seed: SEED, numRuns: 400 })) {
    const problems = validateCluster(cluster(spec));
    if (problems.length === 0) good += 1;
    t.is(
      await accepts(create(api, cluster(spec))),
      problems.length === 0,
      JSON.stringify({ spec, problems }),
    );
  }
  t.true(good > 50 && good < 350, `${good} are good`);
});

test('random changes', async (t) => {
  const api = shared.given(t);
  if (api === undefined) return;
  const good = sample(specs, { seed: SEED, numRuns: 250 }).filter(
    (spec) => validateCluster(cluster(spec)).length === 0,
  );
  const live = await Promise.all(
    good.map((spec, index) => create(api, cluster(spec, `live-${index}`), false)),
  );
  let taken = 0;
  for (const [index, before] of live.entries()) {
    for (const spec of [1, 2, 3, 5, 8].map((step) => good[(index + step) % good.length] ?? {})) {
      const problems = validateCluster(cluster(spec, before.metadata.name), before);
      if (problems.length === 0) taken += 1;
      const label = JSON.stringify({ before: before.spec, spec, problems });
      t.is(await accepts(replace(api, before, spec)), problems.length === 0, label);
    }
  }
  t.true(taken > 20 && taken < live.length * 5, `${taken} are taken`);
});

const replace = (api: ApiConnection, { metadata }: OcppCluster, spec: object) =>
  api.http.json({
    method: 'PUT',
    path: `${CLUSTERS}/${metadata.name}`,
    query: { dryRun: 'All', fieldValidation: 'Strict' },
    body: { ...cluster(spec), metadata },
  });
