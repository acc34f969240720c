/** Metadata of an OcppCluster: a real API server and npm start refuse the same. */
import test from 'ava';
import { validateCluster } from '../../../operator/api/validate.ts';
import { commonApiServer } from '../../support/shared-api-server.ts';
import { cluster, create } from './cluster-resources.ts';

const shared = commonApiServer(test);

/** Metadata, and the field that is refused; undefined: it is taken. */
const METADATA: readonly (readonly [metadata: object, field?: string])[] = [
  [{ labels: { 'ocpp.dev/team': 'a_b.c', empty: '', none: null }, annotations: { 'Some.Key_1': 'a b\nc' } }],
  [{ labels: null, annotations: {}, namespace: 'default' }],
  [{ labels: { a: true } }, 'metadata.labels[a]'],
  [{ labels: { a: 5 } }, 'metadata.labels[a]'],
  [{ labels: { a: { b: 'c' } } }, 'metadata.labels[a]'],
  [{ labels: { a: 'b c' } }, 'metadata.labels[a]'],
  [{ labels: { a: 'b'.repeat(64) } }, 'metadata.labels[a]'],
  [{ labels: { '-a': 'b' } }, 'metadata.labels[-a]'],
  [{ labels: { 'A/a': 'b' } }, 'metadata.labels[A/a]'],
  [{ labels: { 'a/b/c': 'b' } }, 'metadata.labels[a/b/c]'],
  [{ labels: { 'a/': 'b' } }, 'metadata.labels[a/]'],
  [{ labels: { '': 'b' } }, 'metadata.labels[]'],
  [{ labels: ['a'] }, 'metadata.labels'],
  [{ annotations: { a: 1 } }, 'metadata.annotations[a]'],
  [{ annotations: { 'a b': '' } }, 'metadata.annotations[a b]'],
  [{ annotations: 'a' }, 'metadata.annotations'],
  [{ namespace: 5 }, 'metadata.namespace'],
  [{ lables: { a: 'b' } }, 'metadata.lables'],
  [{ lables: null }, 'metadata.lables'],
  [{ name: 5 }, 'metadata.name'],
];

for (const [metadata, field] of METADATA) {
  test(`${JSON.stringify(metadata)} is ${field === undefined ? 'taken' : 'refused'}`, async (t) => {
    const manifest = cluster({});
    const given = { ...manifest, metadata: { ...manifest.metadata, ...metadata } };
    t.deepEqual(
      validateCluster(given).map((problem) => problem.field),
      field === undefined ? [] : [field],
    );
    const api = shared.given(t);
    if (api === undefined) return;
    await (field === undefined ? t.notThrowsAsync(create(api, given)) : t.throwsAsync(create(api, given)));
  });
}

test('a namespace is a DNS label', (t) => {
  const fields = (namespace: unknown) =>
    validateCluster({ ...cluster({}), metadata: { name: 'city', namespace } }).map(({ field }) => field);
  for (const good of ['default', 'a-1', '', null, undefined]) t.deepEqual(fields(good), [], String(good));
  for (const bad of ['A', 'a.b', '-a', 'a'.repeat(64), 5, {}, true])
    t.deepEqual(fields(bad), ['metadata.namespace']);
});
