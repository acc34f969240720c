/** Every chart value is described once, validated by the schema, and has exactly the effect listed in effects.ts. */
import test from 'ava';
import { differences } from './differences.ts';
import { CLUSTER_EFFECTS, OPERATOR_EFFECTS } from './effects.ts';
import { chartTest, type Rendered, template } from './helm.ts';
import {
  CLUSTER,
  OPERATOR,
  readme,
  type Schema,
  schemaAt,
  schemaOf,
  tableOf,
  valuesOf,
  withTable,
} from './values.ts';

const CHARTS = { 'ocpp-operator': OPERATOR, 'ocpp-cluster': CLUSTER };
const EFFECTS = { 'ocpp-operator': OPERATOR_EFFECTS, 'ocpp-cluster': CLUSTER_EFFECTS };

const EVERYTHING = {};
const NO_DEFINITION = { crd: { install: false } };

/** `a.b` and 1 → `{a: {b: 1}}`, into a copy of `given`. */
function withValue(given: object, path: string, value: unknown): object {
  const [key = '', ...rest] = path.split('.');
  const inner = (given as Record<string, object>)[key] ?? {};
  return { ...given, [key]: rest.length === 0 ? value : withValue(inner, rest.join('.'), value) };
}

const leafPaths = (schema: Schema, prefix = ''): string[] =>
  Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const path = `${prefix}${key}`;
    return inner.description === undefined ? leafPaths(inner, `${path}.`) : [path];
  });

for (const [name, chart] of Object.entries(CHARTS)) {
  const paths = valuesOf(chart).map(({ path }) => path);

  test(`${name}: README.md and the schema describe each value as values.yaml does`, (t) => {
    t.is(
      readme(chart),
      withTable(readme(chart), tableOf(valuesOf(chart))),
      'run: node test/charts/values.ts',
    );
    for (const { path, description } of valuesOf(chart)) {
      t.is(
        schemaAt(schemaOf(chart), path)?.description,
        description,
        `run: node test/charts/values.ts (${path})`,
      );
    }
    t.deepEqual(leafPaths(schemaOf(chart)).sort(), [...paths].sort(), 'the schema has the same values');
  });

  test(`${name}: each group of values in the schema is closed, but for the globals, which other charts share`, (t) => {
    const open = (schema: Schema, path: string): string[] => [
      ...(schema.properties !== undefined && schema.additionalProperties !== false && path !== 'values.global'
        ? [path]
        : []),
      ...Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => open(inner, `${path}.${key}`)),
    ];
    t.deepEqual(open(schemaOf(chart), 'values'), []);
  });

  test(`${name}: each value has its effect in effects.ts`, (t) => {
    t.deepEqual(Object.keys(EFFECTS[name as keyof typeof EFFECTS]), paths);
  });
}

for (const [name, effects] of Object.entries(EFFECTS)) {
  const chart = CHARTS[name as keyof typeof CHARTS];
  const known = new Map<object, Rendered[]>();
  const rendered = (given: object) => {
    const found = known.get(given) ?? template(chart, given);
    known.set(given, found);
    return found;
  };
  chartTest(`${name}: each value has its listed effect and no other`, (t) => {
    for (const [path, { value, given, differences: expected }] of Object.entries(effects)) {
      // The definition is long, and only few values affect it.
      const both = given ?? (/^(crd|common)/.test(path) || chart === CLUSTER ? EVERYTHING : NO_DEFINITION);
      const after = template(chart, withValue(both, path, value));
      const lines = differences(rendered(both), after);
      if (typeof expected === 'function') t.true(expected(lines, after), `${path}:\n${lines.join('\n')}`);
      else t.deepEqual(lines, [...expected].sort(), path);
    }
  });
}
