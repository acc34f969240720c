/** What `npm start` says of a manifest. */
import { join } from 'node:path';
import test from 'ava';
import { ManifestError, parseManifest, readManifest } from '../../../operator/local/cli/manifest.ts';

const ROOT = join(import.meta.dirname, '../..', '..');
const HEAD = 'apiVersion: ocpp.dev/v1alpha1\nkind: OcppCluster\nmetadata: { name: city }\n';

const MISTAKES: readonly (readonly [string, string, RegExp])[] = [
  [
    'a field that does not exist',
    `${HEAD}spec:\n  proxy:\n    replicaz: 2\n`,
    /^f:6: spec\.proxy\.replicaz: there is no/,
  ],
  [
    'a value that is not allowed',
    `${HEAD}spec:\n  protocols:\n    - ocpp1.6\n    - ocpp9\n`,
    /^f:7: spec\.protocols\[1\]: must be one of/,
  ],
  ['a field too far out', `${HEAD}spec: {}\nspek: {}\n`, /^f:5: spek: there is no such field/],
  ['text that is not YAML', `${HEAD}spec: {\n`, /^f:\d: /],
  [
    'another kind',
    `${HEAD}---\napiVersion: v1\nkind: Pod\n`,
    /^f:6: kind Pod: npm start takes OcppCluster, Secret/,
  ],
  [
    'an alias without an anchor',
    `${HEAD}spec: { image: *nope }\n`,
    /^f:4: \*nope has no anchor &nope before it$/,
  ],
  ['an alias of itself', `${HEAD}spec: &a\n  image: *a\n`, /^f:5: \*a is an alias inside its own anchor$/],
  [
    'aliases that multiply',
    `${HEAD}x: &x [${'a,'.repeat(50)}]\ny: &y [${'*x,'.repeat(50)}]\nz: [${'*y,'.repeat(50)}]\n`,
    /^f:1: aliases are used too often$/,
  ],
  ['levels without end', `${HEAD}spec: ${'['.repeat(150)}${']'.repeat(150)}\n`, /^f:1: more than 100 levels/],
  ['so many levels', `${HEAD}spec: ${'['.repeat(20_000)}\n`, /^f:1: more than 100 levels/],
  [
    'an entry without a value',
    `${HEAD}spec:\n  proxy: { podTemplate: { env: [null, null] } }\n`,
    /^f:5: spec\.proxy\.podTemplate\.env\[0\]: must be object/,
  ],
  ['a Secret without a name', `apiVersion: v1\nkind: Secret\n`, /^f:1: metadata\.name: must be given$/],
  [
    'a Secret of numbers',
    `apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData:\n  a.b: 5\n`,
    /^f:5: stringData\[a\.b\]: must be string$/,
  ],
  [
    'a label that is no string',
    `apiVersion: ocpp.dev/v1alpha1\nkind: OcppCluster\nmetadata:\n  name: city\n  labels:\n    a.b/c: true\n`,
    /^f:6: metadata\.labels\[a\.b\/c\]: must be string$/,
  ],
  ['text alone', 'hello\n', /^f:1: kind undefined: npm start takes/],
  ['nothing at all', '# empty\n', /^f: there is no OcppCluster in it$/],
];

for (const [name, text, message] of MISTAKES) {
  test(`a manifest with ${name} is refused with its place and the reason`, (t) => {
    const error = t.throws(() => parseManifest(text, 'f'), { instanceOf: ManifestError });
    t.regex(error?.message ?? '', message);
  });
}

test('a manifest may bring Secrets and a Namespace along; the examples are good', (t) => {
  const secret =
    'apiVersion: v1\nkind: Secret\nmetadata: { name: s, namespace: n }\nstringData: { password: x }\n';
  const found = parseManifest(`kind: Namespace\n---\n${secret}---\n${HEAD}---\n`, 'f');
  t.deepEqual(
    found.secrets.map(({ metadata }) => metadata),
    [{ name: 's', namespace: 'n' }],
  );
  t.deepEqual(
    found.clusters.map(({ metadata }) => metadata),
    [{ name: 'city', namespace: 'default' }],
  );
  for (const file of ['city', 'minimal']) {
    t.is(readManifest(join(ROOT, 'examples', `${file}.yaml`)).clusters[0]?.metadata.name, file);
  }
  t.throws(() => readManifest('/no/such/file'), { message: '/no/such/file: there is no such file' });
});

test('a changed manifest is held against the cluster that runs, as an API server does it', (t) => {
  const { clusters } = parseManifest(`${HEAD}spec: { redis: { channelPrefix: a } }\n`, 'f');
  const changed = (name: string) =>
    parseManifest(`${HEAD.replace('city', name)}spec:\n  redis:\n    channelPrefix: b\n`, 'f', clusters);
  t.throws(() => changed('city'), { message: /^f:6: spec\.redis\.channelPrefix: cannot be changed/ });
  t.is(changed('other').clusters.length, 1);
});

test('a rule of the whole object names its field, and the place of that is shown', (t) => {
  const text = `${HEAD.replace('city', '9city')}spec: {}\n`;
  t.throws(() => parseManifest(text, 'f'), { message: /^f:3: metadata\.name must be at most 40/ });
});

test('a section with the value null is no section', (t) => {
  const [cluster] = parseManifest(`${HEAD}spec: { redis: { external: null } }\n`, 'f').clusters;
  t.deepEqual(cluster?.spec, { redis: {} });
  t.is(
    parseManifest(HEAD.replace('city', 'city, namespace: null'), 'f').clusters[0]?.metadata.namespace,
    'default',
  );
});
