/** The chart's alerts about the operator fire for their problem, as evaluated by promtool. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { hasPromtool, promtool } from '../support/promtool.ts';
import { chartTest, NAMESPACE, only, template } from './helm.ts';
import { OPERATOR, readme } from './values.ts';

const JOB = `job="${NAMESPACE}/ocpp-ocpp-operator"`;
const LEADER = `ocpp_operator_leader{${JOB},pod="a"}`;
const STANDBY = `ocpp_operator_leader{${JOB},pod="b"}`;
const ERRORS = `ocpp_operator_reconciles_total{${JOB},result="error"}`;
const NORTH = `ocpp_operator_namespace_synced{${JOB},namespace="north"}`;
const SOUTH = `ocpp_operator_namespace_synced{${JOB},namespace="south"}`;
const WATCH = `ocpp_operator_watch_last_event_age_seconds{${JOB},resource="services"}`;
const inCity = (metric: string, more = '') => `${metric}{${JOB},namespace="charging",cluster="city"${more}}`;
const DEGRADED = inCity('ocpp_operator_cluster_condition', ',condition="Degraded"');
const PROGRESSING = inCity('ocpp_operator_cluster_condition', ',condition="Progressing"');
const HOLDS = inCity('ocpp_operator_autoscaling_holds');
const NO_GAIN = inCity('ocpp_operator_autoscaling_no_gain');
const STALLED = inCity('ocpp_operator_rollout_stalled');
const OVERDUE = inCity('ocpp_operator_drain_overdue_seconds');
/** One value per minute, for an hour and a half. */
const HEALTHY = {
  [LEADER]: '1x90',
  [STANDBY]: '0x90',
  [ERRORS]: '0x90',
  [NORTH]: '1x90',
  [SOUTH]: '1x90',
  [WATCH]: '40x90',
  [DEGRADED]: '0x90',
  [PROGRESSING]: '0x90',
  [HOLDS]: '0x90',
  [NO_GAIN]: '0x90',
  [STALLED]: '0x90',
  [OVERDUE]: '0x90',
  // Another release has another job label and must not fire these alerts.
  'ocpp_operator_leader{job="elsewhere/ocpp-ocpp-operator",pod="c"}': '1x90',
  'ocpp_operator_watch_last_event_age_seconds{job="elsewhere/x",resource="services"}': '9999x90',
};

/** Differences from the healthy series, and the alerts that fire after an hour. */
const PROBLEMS: readonly (readonly [string, Readonly<Record<string, string>>, readonly string[]])[] = [
  ['all is well', {}, []],
  ['no operator leads', { [LEADER]: '1x29 0x60' }, ['OcppOperatorNoLeader']],
  ['no operator is there', { [LEADER]: '1x29 stale', [STANDBY]: '0x29 stale' }, ['OcppOperatorNoLeader']],
  ['the other one leads', { [LEADER]: '1x29 stale', [STANDBY]: '0x29 1x60' }, []],
  ['the lead changed a minute ago', { [LEADER]: '1x59 0x30' }, []],
  ['reconciles fail', { [ERRORS]: '0x20 0+2x60' }, ['OcppOperatorReconcileErrors']],
  ['a few reconciles failed', { [ERRORS]: '0x50 4x40' }, []],
  ['one namespace cannot be read', { [NORTH]: '0x90' }, ['OcppOperatorNamespaceUnread']],
  ['a cluster is degraded', { [DEGRADED]: '0x50 1x40' }, ['OcppClusterDegraded']],
  ['a cluster was degraded for a moment', { [DEGRADED]: '0x55 1x40' }, []],
  ['a cluster progresses', { [PROGRESSING]: '1x90' }, []],
  ['the load is unknown', { [HOLDS]: '0x45 1x40' }, ['OcppClusterAutoscalingHolds']],
  ['the load is unknown for a while', { [HOLDS]: '0x50 1x40' }, []],
  ['more processors do not help', { [NO_GAIN]: '0x50 1x40' }, ['OcppClusterScaleOutDoesNotHelp']],
  ['a rollout waits', { [STALLED]: '0x50 1x40' }, ['OcppClusterRolloutStalled']],
  ['a Pod does not end', { [OVERDUE]: '0x50 0+60x40' }, ['OcppClusterDrainOverdue']],
  ['a Pod ends late', { [OVERDUE]: '0x57 60x1 0x40' }, []],
  ['one watch is silent', { [WATCH]: '40x29 40+60x60' }, ['OcppOperatorWatchSilent']],
];

interface Rule {
  readonly alert: string;
  readonly annotations: { readonly runbook_url: string };
}

/** The page of the alert exists and has its section. */
function explained(t: ExecutionContext, { alert, annotations }: Rule) {
  const [page = '', section = ''] = annotations.runbook_url.split('#');
  const home = 'https://github.com/ocpp-cluster/ocpp-cluster/blob/main/';
  t.true(page.startsWith(home), page);
  const text = readFileSync(join(import.meta.dirname, '../..', page.slice(home.length)), 'utf8');
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title.toLowerCase().replaceAll(' ', '-'),
  );
  t.true(headings.includes(section), `${alert}: ${annotations.runbook_url}`);
}

chartTest('each alert about the operator fires for its problem and for no other', (t) => {
  const values = { metrics: { podMonitor: { enabled: true }, prometheusRule: { enabled: true } } };
  const objects = template(OPERATOR, values);
  const rules = only(objects, 'PrometheusRule').spec as { groups: { rules: Rule[] }[] };
  const all = rules.groups.flatMap((group) => group.rules.map(({ alert }) => alert));
  t.deepEqual(
    [...new Set(PROBLEMS.flatMap(([, , firing]) => firing))].sort(),
    [...all].sort(),
    'the table has all',
  );
  for (const one of rules.groups.flatMap((group) => group.rules)) explained(t, one);
  for (const alert of all) t.true(readme(OPERATOR).includes(`| \`${alert}\` |`), `README.md lists ${alert}`);
  // The Prometheus operator names the targets of a PodMonitor after its namespace and name.
  const { namespace, name } = only(objects, 'PodMonitor').metadata;
  t.is(JOB, `job="${namespace}/${name}"`);
  if (!hasPromtool()) return;
  t.regex(promtool('check rules', { 'rules.yaml': rules }), /SUCCESS/);
  for (const [what, changes, firing] of PROBLEMS) {
    const series = Object.entries({ ...HEALTHY, ...changes }).map(([one, of]) => ({
      series: one,
      values: of,
    }));
    const expected = firing.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 }));
    const test = {
      interval: '1m',
      input_series: series,
      promql_expr_test: [
        {
          expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
          eval_time: '60m',
          exp_samples: expected,
        },
      ],
    };
    const files = { 'test.yaml': { rule_files: ['rules.yaml'], tests: [test] }, 'rules.yaml': rules };
    t.notThrows(() => promtool('test rules', files), what);
  }
});
