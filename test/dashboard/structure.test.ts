/** The dashboard is one that Grafana loads, and its panels speak to a person on call. */
import { chartTest } from '../charts/helm.ts';
import { hasPromtool, promtool } from '../support/promtool.ts';
import test from 'ava';
import { type Place, queriesOf, renderDashboard, ROWS, withVariables } from './dashboard.ts';

/** Ids of units that Grafana knows (packages/grafana-data/src/valueFormats/categories.ts there). */
const UNITS = new Set(['short', 'none', 's', 'percentunit', 'bytes', 'ops', 'reqps']);
const COLUMNS = 24;
/** `kubectl apply` keeps the object in an annotation, of which the API server takes 256 KiB. */
const MAX_BYTES = 200 * 1024;

const overlap = (a: Place, b: Place) =>
  a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

chartTest('panels have ids of their own and places that do not overlap', (t) => {
  const { dashboard, text } = renderDashboard();
  const { panels } = dashboard;
  t.true(text.length < MAX_BYTES, `${text.length} bytes`);
  t.true(panels.length > 60);
  t.is(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const [index, panel] of panels.entries()) {
    const { x, y, w, h } = panel.gridPos;
    t.true([x, y, w, h].every(Number.isInteger) && x >= 0 && y >= 0 && w > 0 && h > 0, panel.title);
    t.true(x + w <= COLUMNS, `${panel.title} is beyond the right edge`);
    for (const other of panels.slice(index + 1))
      t.false(overlap(panel.gridPos, other.gridPos), `${panel.title} and ${other.title}`);
  }
  const rows = panels.filter(({ type }) => type === 'row');
  t.deepEqual(
    rows.map(({ title }) => title),
    ROWS.map(({ title }) => title),
  );
});

chartTest('every query asks the data source that the person chose, and units are those of Grafana', (t) => {
  const { dashboard } = renderDashboard();
  const chosen = { type: 'prometheus', uid: '${datasource}' };
  t.is(dashboard.templating.list[0]?.type, 'datasource');
  t.is(dashboard.templating.list[0]?.name, 'datasource');
  for (const { name, type, datasource } of dashboard.templating.list)
    if (type === 'query') t.deepEqual(datasource, chosen, name);
  for (const { name, expr, datasource } of dashboard.annotations.list)
    if (expr !== undefined) t.deepEqual(datasource, chosen, name);
  for (const { type, title, datasource, targets = [], fieldConfig } of dashboard.panels) {
    if (type === 'row') continue;
    t.deepEqual(datasource, chosen, title);
    t.true(targets.length > 0, title);
    t.true(UNITS.has(fieldConfig?.defaults.unit ?? ''), `${title}: ${fieldConfig?.defaults.unit}`);
    t.deepEqual(
      targets.map(({ refId }) => refId),
      'ABCDEFGH'.split('').slice(0, targets.length),
    );
    for (const target of targets) {
      t.deepEqual(target.datasource, chosen, title);
      t.not(target.instant, target.range, title);
      // A value that has gone is no value: the last one of a range would be shown.
      t.is(target.instant, type === 'stat' || type === 'table', title);
    }
  }
});

chartTest('every variable in a query exists, and every query chooses a cluster or an operator', (t) => {
  const { dashboard } = renderDashboard();
  const known = new Set(['__rate_interval', ...dashboard.templating.list.map(({ name }) => name)]);
  for (const { name, expr } of queriesOf(dashboard)) {
    for (const [, variable = ''] of expr.matchAll(/\$\{?(\w+)/g))
      if (!/^\d$/.test(variable)) t.true(known.has(variable), `${name}: $${variable}`);
    t.notRegex(expr, /CLUSTER|OPERATED|OPERATOR/, name);
    const selectors = expr.match(/\b\w+\{[^}]*\}/g) ?? [];
    t.true(selectors.length > 0, name);
    for (const selector of selectors)
      t.regex(
        selector,
        /\{(namespace="\$namespace",(ocpp_)?cluster="\$cluster"|job=~"\$operator"|alertname=~"OcppOperator)/,
        `${name}: ${selector}`,
      );
  }
});

chartTest('every query is PromQL', (t) => {
  if (!hasPromtool()) return;
  const variables = { namespace: 'charging', cluster: 'city', rateInterval: '2m' };
  const rules = queriesOf(renderDashboard().dashboard).map(({ expr }, index) => ({
    record: `dashboard:query:${index}`,
    expr: withVariables(expr, variables),
  }));
  t.regex(promtool('check rules', { 'rules.yaml': { groups: [{ name: 'dashboard', rules }] } }), /SUCCESS/);
});

test('each panel says in short sentences what it shows, what is normal and what to do', (t) => {
  for (const { id, title, description } of ROWS.flatMap((row) => row.panels)) {
    const name = `${id} ${title}`;
    t.regex(description, /normal|whether/i, name);
    t.regex(description, /\.$/, name);
    t.true(description.length > 80 && description.length < 500, `${name}: ${description.length}`);
    for (const sentence of description.split(/[.:;] /)) {
      const words = sentence.split(/\s+/).length;
      t.true(words <= 25, `${name}: ${words} words: ${sentence}`);
    }
    t.true(title.length <= 50, name);
  }
});

test('ids of panels follow their rows, so that links to panels stay', (t) => {
  for (const { id, panels } of ROWS) {
    t.is(id % 100, 0);
    for (const panel of panels) t.true(panel.id > id && panel.id < id + 100, String(panel.id));
  }
});
