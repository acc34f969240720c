/** The dashboard shows what the programs export: every name exists, none is forgotten, and figures of the whole cluster are never added up. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { metricsIn, ROWS } from './dashboard.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const read = (page: string) => readFileSync(join(DOCS, page), 'utf8');
const PAGES = ['metrics.md', 'operator-metrics.md', 'bill-sink.md'];

/** Rows of the tables of metrics: name and meaning. */
const LISTED = PAGES.flatMap((page) =>
  [...read(page).matchAll(/^\| `(ocpp_\w+)` \| (?:gauge|counter|histogram) \|(?:[^|]*)\| (.+) \|$/gm)].map(
    ([, name = '', meaning = '']) => ({ name, meaning }),
  ),
);

/** Metrics that the dashboard leaves out, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {};

const FRAME = readFileSync(
  join(import.meta.dirname, '../../charts/ocpp-operator/templates/_dashboard.tpl'),
  'utf8',
);
const queries = ROWS.flatMap((row) =>
  row.panels.flatMap(({ id, queries: all }) => all.map((query) => ({ id, ...query }))),
);
const used = new Set([
  ...queries.flatMap(({ expr = '', freshest, increase }) => [
    ...metricsIn(expr),
    ...[freshest, increase].filter((name) => name !== undefined),
  ]),
  ...metricsIn(FRAME),
]);

test('every metric of the dashboard is in the docs, which tests compare with the programs', (t) => {
  const names = new Set(LISTED.map(({ name }) => name));
  t.true(names.size > 90, String(names.size));
  t.deepEqual(
    [...used].filter((name) => !names.has(name)),
    [],
  );
});

test('every metric of the docs is on the dashboard, or is left out for a reason', (t) => {
  const missing = LISTED.map(({ name }) => name).filter((name) => !used.has(name) && !(name in LEFT_OUT));
  t.deepEqual(missing, []);
  t.deepEqual(
    Object.keys(LEFT_OUT).filter((name) => used.has(name)),
    [],
    'no longer left out',
  );
});

/** Each Pod exports the same figure of the whole cluster. */
const GLOBAL = [
  ...(
    read('metrics.md').split('## The whole cluster, from both programs')[1]?.split('These four')[0] ?? ''
  ).matchAll(/`(ocpp_\w+)` \| gauge/g),
]
  .map(([, name = '']) => name)
  .concat(
    LISTED.filter(({ meaning }) => /for the whole cluster|Global\.|length of the stream/i.test(meaning)).map(
      ({ name }) => name,
    ),
    'ocpp_bills_oldest_seconds',
    'ocpp_bills_bound',
  );

test('a figure of the whole cluster is read from the freshest Pod, and never added up', (t) => {
  t.true(GLOBAL.length >= 12, String(GLOBAL));
  for (const name of GLOBAL) {
    const plain = queries.filter(({ expr = '' }) => metricsIn(expr).includes(name));
    // Times are the same in all Pods, and the marker is compared between them.
    for (const { id, expr = '' } of plain)
      t.regex(expr, new RegExp(`\\b(max|min|count_values)\\((?:"identity", )?${name}\\{`), `${id}: ${expr}`);
    const freshest = queries.some((query) => query.freshest === name);
    t.true(freshest || plain.length > 0 || metricsIn(FRAME).includes(name), name);
  }
});

test('what is missing stays missing: no query turns it into a zero', (t) => {
  for (const { id, expr = '' } of queries) t.notRegex(expr, /vector\(|absent|or on \(\)/, String(id));
});
