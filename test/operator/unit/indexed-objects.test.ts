/** The index of a cache gives the same results as a scan of all objects. */
import * as fc from 'fast-check';
import test from 'ava';
import { keyOf, selectorOf } from '../../../operator/controller/caches.ts';
import { IndexedObjects } from '../../../operator/controller/indexed-objects.ts';
import type { KubeObject } from '../../../operator/kube/object-store.ts';

const word = fc.constantFrom('a', 'b', 'c');
const objects = fc.record({
  namespace: word,
  name: word,
  labels: fc.record({ instance: word, tier: word }, { requiredKeys: [] }),
});
const steps = fc.array(fc.record({ object: objects, gone: fc.boolean() }), { maxLength: 40 });
const scopes = fc.record(
  {
    namespace: word,
    labelSelector: fc.constantFrom('', 'instance=a', 'tier=b', 'tier=a,instance=b', 'instance==c', 'other=a'),
  },
  { requiredKeys: [] },
);

test('after any sets, changes, label changes and deletes, lists hold the matching objects in a stable order', (t) => {
  let listed = 0;
  const property = fc.property(steps, scopes, (history, scope) => {
    const index = new IndexedObjects('instance');
    const plain = new Map<string, KubeObject>();
    for (const { object, gone } of history) {
      const made: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: object };
      const key = keyOf(object);
      if (gone) t.is(index.delete(key), plain.delete(key));
      else {
        if (plain.get(key)?.metadata.labels?.['instance'] !== object.labels.instance) plain.delete(key);
        plain.set(key, made);
        index.set(made);
      }
    }
    const matches = selectorOf(scope.labelSelector);
    const expected = [...plain.values()].filter(
      (one) => (scope.namespace ?? one.metadata.namespace) === one.metadata.namespace && matches(one),
    );
    const found = index.list(scope);
    listed += found.length;
    t.deepEqual(found, expected);
    t.deepEqual([...index.entries()], [...plain]);
  });
  fc.assert(property, { numRuns: 300 });
  t.true(listed > 20, 'some were found');
});
