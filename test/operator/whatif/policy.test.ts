/** The policy of a replay: what is accepted, and what is said of the rest. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { policyOf } from '../../../operator/whatif/policy.ts';

const DEFAULTS = { minReplicas: 1, maxReplicas: 20, targetDrainSeconds: 10 };

test('fields that are not given have their defaults', (t) => {
  t.like(policyOf(''), { autoscaling: DEFAULTS, concurrency: 200 });
  t.like(policyOf('maxReplicas: 5\n'), { autoscaling: { ...DEFAULTS, maxReplicas: 5 } });
});

test('a manifest is a policy, also among Secrets', (t) => {
  const city = readFileSync(join(import.meta.dirname, '../../../examples/city.yaml'), 'utf8');
  t.true(policyOf(city).autoscaling.maxReplicas > 0);
  const secret = 'apiVersion: v1\nkind: Secret\nmetadata: { name: a }\n---\n';
  const cluster =
    'apiVersion: ocpp.dev/v1alpha1\nkind: OcppCluster\nmetadata: { name: a }\nspec: { processor: { concurrency: 3 } }\n';
  t.like(policyOf(secret + cluster), { autoscaling: DEFAULTS, concurrency: 3 });
});

const WRONG: readonly (readonly [name: string, text: string, says: RegExp])[] = [
  ['an unknown field', 'maxReplica: 3', /^maxReplica: there is no such field$/],
  ['a value out of range', 'maxReplicas: 0', /^maxReplicas: must be >= 1$/],
  ['a broken rule', 'minReplicas: 9\nmaxReplicas: 3', /minReplicas/],
  ['another kind', 'apiVersion: apps/v1\nkind: Deployment', /^apiVersion: must be ocpp\.dev\/v1alpha1$/],
  [
    'an unknown field of a manifest',
    'apiVersion: ocpp.dev/v1alpha1\nkind: OcppCluster\nmetadata: { name: a }\nspec: { processor: { autoscaling: { max: 1 } } }',
    /^spec\.processor\.autoscaling\.max: there is no such field$/,
  ],
  ['no YAML', 'a: [', /^not YAML: /],
  ['a list', '- 1', /neither an OcppCluster nor fields/],
];
for (const [name, text, says] of WRONG) {
  test(`a policy is refused: ${name}`, (t) => {
    t.throws(() => policyOf(text), { name: 'PolicyError', message: says });
  });
}
