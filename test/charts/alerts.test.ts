/** The chart's alerts about the operator fire for their problem, as evaluated by promtool. */
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
/** One value per minute, for an hour and a half. */
const HEALTHY = {
  [LEADER]: '1x90',
  [STANDBY]: '0x90',
  [ERRORS]: '0x90',
  [NORTH]: '1x90',
  [SOUTH]: '1x90',
  [WATCH]: '40x90',
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
  ['one watch is silent', { [WATCH]: '40x29 40+60x60' }, ['OcppOperatorWatchSilent']],
];

chartTest('each alert about the operator fires for its problem and for no other', (t) => {
  const values = { metrics: { podMonitor: { enabled: true }, prometheusRule: { enabled: true } } };
  const objects = template(OPERATOR, values);
  const rules = only(objects, 'PrometheusRule').spec as { groups: { rules: { alert: string }[] }[] };
  const all = rules.groups.flatMap((group) => group.rules.map(({ alert }) => alert));
  t.deepEqual(
    [...new Set(PROBLEMS.flatMap(([, , firing]) => firing))].sort(),
    [...all].sort(),
    'the table has all',
  );
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
