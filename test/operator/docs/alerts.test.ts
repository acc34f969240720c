/** The alerts: made of metrics that the real programs export, and fired by the problem that they report, as Prometheus' own tool says. */
import test from 'ava';
import { ENV, PATH } from '../../../services/contract.ts';
import { alerts } from '../../../operator/render/alerts/alerts.ts';
import type { Alert } from '../../../operator/render/alerts/rule.ts';
import { renderInputOf } from '../../../operator/render/render-input.ts';
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import { freePort } from '../../support/free-port.ts';
import { Program, startProgram } from '../../support/program.ts';
import { hasPromtool, promtool } from '../../support/promtool.ts';
import { startRedis } from '../../support/redis-server.ts';
import { city } from '../../support/rendered.ts';
import { until } from '../../support/until.ts';

const context = { image: 'i', redisImage: 'r', processorReplicas: 1, proxyReplicas: 2, renderRevision: 3 };
const alertsOf = (spec: OcppClusterSpec): Alert[] => alerts(renderInputOf(city(spec), context));
const SPECS: Readonly<Record<string, OcppClusterSpec>> = {
  embedded: {
    processor: { autoscaling: { maxReplicas: 1 } },
    api: {
      enabled: true,
      webhooks: [{ name: 'a', url: 'https://a', signingSecret: { name: 'a', key: 'a' } }],
    },
    billing: { sink: { postgres: { secretName: 'bills' } } },
    decisions: {
      webhook: {
        url: 'https://decider.example.com',
        signingSecret: { name: 'decider', key: 'secret' },
        actions: [{ action: 'Authorize' }],
      },
    },
  },
  external: {
    processor: { autoscaling: { mode: 'Off' } },
    redis: { external: { addresses: ['redis.example.com:6379'] } },
  },
};
const metricsIn = ({ expr }: Alert) => expr.match(/\bocpp_[a-z_]+(?=\{)/g) ?? [];

test('each says in a sentence what is wrong and in some more what to do, without links', (t) => {
  for (const alert of alertsOf(SPECS['embedded'] ?? {})) {
    const { summary, description } = alert.annotations;
    t.regex(summary, /^OcppCluster default\/city: .{10,80}[^.]$/, alert.alert);
    t.true(description.length > 100 && description.length < 500, `${alert.alert}: ${description.length}`);
    t.regex(description, /\.$/, alert.alert);
    t.notRegex(`${summary} ${description}`, /https?:|undefined/, alert.alert);
    t.like(alert.labels, { namespace: 'default', ocpp_cluster: 'city' });
    for (const selector of alert.expr.match(/\{[^}]*\}/g) ?? [])
      t.regex(selector, /^\{namespace="default",ocpp_cluster="city"[,}]/, 'of this cluster and no other');
  }
  const named = (spec: OcppClusterSpec) => alertsOf(spec).map(({ alert }) => alert);
  t.is(new Set(named({})).size, named({}).length);
  t.deepEqual(
    named({}).filter((name) => !named(SPECS['external'] ?? {}).includes(name)),
    ['OcppProcessorsAtMaximum'],
    'there is no maximum without autoscaling',
  );
  const unreachable = alertsOf(SPECS['external'] ?? {}).find(({ alert }) => alert === 'OcppRedisUnreachable');
  t.regex(unreachable?.annotations.description ?? '', /redis\.example\.com:6379/);
});

test('every metric of an alert is exported by the real programs', async (t) => {
  await using redis = await startRedis();
  const env = { [ENV.redisAddr]: redis.addr, [ENV.drainPropagation]: '0s' };
  await using proxy = await startProgram('ws-proxy', env);
  await using processor = await startProgram('processor', env);
  // Its metrics are there before PostgreSQL is.
  const away = { [ENV.postgresHost]: '127.0.0.1', [ENV.postgresPort]: '1', [ENV.postgresUser]: 'sink' };
  const ports = { admin: await freePort(), station: 0 };
  await using sink = new Program('bill-sink', { [ENV.redisAddr]: redis.addr, ...away }, ports);
  await until(async () => (await sink.ask(PATH.metrics)).status === 200, 'the metrics of the sink');
  const exported = async ({ ask }: { ask: (path: string) => Promise<{ text: string }> }) =>
    (await ask(PATH.metrics)).text.match(/(?<=^# TYPE )\S+/gm) ?? [];
  const ofProxy = await exported({ ask: (path) => proxy.ask(path) });
  const ofProcessor = await exported({ ask: (path) => processor.ask(path) });
  const ofSink = await exported({ ask: (path) => sink.ask(path) });
  // Any text may be a token.
  await using api = await startProgram('api', { ...env, [ENV.apiAdminTokenFile]: import.meta.filename });
  const ofApi = await exported({ ask: (path) => api.ask(path) });
  t.true(ofProxy.length > 10 && ofProcessor.length > 5, 'the metrics were read');
  for (const alert of alertsOf(SPECS['embedded'] ?? {})) {
    const used = metricsIn(alert);
    t.true(used.length > 0, alert.alert);
    const missing = used.filter((name) => ![...ofProxy, ...ofProcessor, ...ofSink, ...ofApi].includes(name));
    t.deepEqual(missing, [], alert.alert);
  }
});

/** Values of each minute, as promtool writes them: `start+step×count`. */
type Series = Readonly<Record<string, string>>;
const HOUR = 90;
const HEALTHY: Series = {
  'ocpp_proxy_sessions a': `100x${HOUR}`,
  'ocpp_proxy_sessions b': `100x${HOUR}`,
  'ocpp_proxy_rate_share a rate="handshakes"': `1000x${HOUR}`,
  'ocpp_proxy_draining a': `0x${HOUR}`,
  'ocpp_proxy_draining b': `0x${HOUR}`,
  'ocpp_proxy_drain_forced_total a': `0x${HOUR}`,
  'ocpp_proxy_handshakes_refused_total a': `0+6x${HOUR}`,
  'ocpp_processor_busy_seconds_total p': `0+6x${HOUR}`,
  'ocpp_processor_handler_errors_total p': `0x${HOUR}`,
  'ocpp_processor_handed_over_total p': `0x${HOUR}`,
  'ocpp_requests_sampled_timestamp_seconds a': `0+60x${HOUR}`,
  'ocpp_requests_sampled_timestamp_seconds p': `0+60x${HOUR}`,
  'ocpp_requests_oldest_seconds a': `1x${HOUR}`,
  'ocpp_requests_oldest_seconds p': `1x${HOUR}`,
  'ocpp_dead_letters p': `0x${HOUR}`,
  'ocpp_calls_open p': `5x${HOUR}`,
  'ocpp_bills_stored p': `5000x${HOUR}`,
  'ocpp_bills_bound p': `100000x${HOUR}`,
  'ocpp_bill_sink_working s': `1x${HOUR}`,
  'ocpp_bill_sink_working t': `0x${HOUR}`,
  'ocpp_bill_sink_caught_up_timestamp_seconds s stream="bills"': `0+60x${HOUR}`,
  'ocpp_bill_sink_caught_up_timestamp_seconds s stream="reports"': `0+60x${HOUR}`,
  // Of a sink from which the other one took over.
  'ocpp_bill_sink_caught_up_timestamp_seconds t stream="bills"': `0x${HOUR}`,
  'ocpp_bill_sink_gaps_total s stream="bills"': `0x${HOUR}`,
  // This Pod does not run yet.
  'ocpp_bill_sink_gaps_total u stream="bills"': `_x${HOUR}`,
  'ocpp_api_webhook_lag_seconds w webhook="a"': `1x${HOUR}`,
  'ocpp_api_webhook_gaps_total w webhook="a"': `0x${HOUR}`,
  // Before the first dead letter there is no figure.
  'ocpp_api_webhook_dead_letters_total w webhook="a"': `_x${HOUR}`,
  'ocpp_api_webhook_dead_letters_total w webhook="b"': `3x${HOUR}`,
  'ocpp_proxy_mode a mode="accepting"': `1x${HOUR}`,
  'ocpp_proxy_mode b mode="accepting"': `1x${HOUR}`,
  'ocpp_proxy_handshakes_waiting a': `0x${HOUR}`,
  'ocpp_proxy_handshakes_waiting b': `0x${HOUR}`,
  'ocpp_store_response_seconds p': `0.002x${HOUR}`,
  'ocpp_store_response_seconds q': `0.003x${HOUR}`,
  'ocpp_store_memory_share a': `0.3x${HOUR}`,
  'ocpp_proxy_station_source_failing a': `0x${HOUR}`,
  'ocpp_proxy_certificate_expiry_timestamp_seconds a listener="tls",what="certificate"': `9000000x${HOUR}`,
  'ocpp_proxy_certificate_expiry_timestamp_seconds a listener="tls",what="ca.crl"': `9000000x${HOUR}`,
  'ocpp_proxy_sessions_certificate_expiring a within="7d"': `0x${HOUR}`,
  'ocpp_proxy_sessions_certificate_expiring a within="30d"': `5x${HOUR}`,
  'ocpp_proxy_sessions_certificate_expiring b within="7d"': `0x${HOUR}`,
  'ocpp_decisions_total p action="Authorize",result="answered"': `0+60x${HOUR}`,
  'ocpp_decisions_total p action="Authorize",result="fallback-timeout"': `0x${HOUR}`,
  'ocpp_certificate_authority_expiry_timestamp_seconds p': `9000000x${HOUR}`,
  'ocpp_store_certificate_expiry_timestamp_seconds p': `9000000x${HOUR}`,
  'ocpp_proxy_tls_rejected a listener="tls"': `0x${HOUR}`,
  'ocpp_proxy_tls_rejected b listener="tls"': `0x${HOUR}`,
  'ocpp_proxy_handshakes_refused_total a status="401"': `0+3x${HOUR}`,
};
const gone = 'stale';
/** What is so from minute 30 on, and which alerts fire at minute 60. */
const PROBLEMS: readonly (readonly [string, Series, readonly string[]])[] = [
  ['all is well', {}, []],
  [
    'the decision webhook fails now and then',
    { 'ocpp_decisions_total p action="Authorize",result="fallback-timeout"': '0+1x60' },
    ['OcppDecisionsFallBack'],
  ],
  [
    'one decision failed',
    { 'ocpp_decisions_total p action="Authorize",result="fallback-timeout"': '0x26 1x40' },
    [],
  ],
  [
    'all proxies are gone',
    {
      'ocpp_proxy_sessions a': gone,
      'ocpp_proxy_sessions b': gone,
      'ocpp_requests_sampled_timestamp_seconds a': gone,
    },
    ['OcppNoProxy'],
  ],
  [
    'all proxies are ending',
    { 'ocpp_proxy_draining a': '1x60', 'ocpp_proxy_draining b': '1x60' },
    ['OcppNoProxy'],
  ],
  ['one proxy is ending', { 'ocpp_proxy_draining a': '1x60' }, []],
  [
    'all processors are gone',
    {
      'ocpp_processor_busy_seconds_total p': gone,
      'ocpp_requests_sampled_timestamp_seconds p': gone,
      'ocpp_dead_letters p': gone,
    },
    ['OcppNoProcessor'],
  ],
  [
    'Redis is away',
    {
      'ocpp_requests_sampled_timestamp_seconds a': '1800x60',
      'ocpp_requests_sampled_timestamp_seconds p': gone,
      'ocpp_requests_oldest_seconds a': '99x60',
    },
    ['OcppRedisUnreachable'],
  ],
  ['one proxy does not reach Redis', { 'ocpp_requests_sampled_timestamp_seconds a': '1800x60' }, []],
  ['messages wait too long', { 'ocpp_requests_oldest_seconds p': '31x60' }, ['OcppAnswersLate']],
  [
    'most stations went a while ago',
    { 'ocpp_proxy_sessions a': '100x22 10x40', 'ocpp_proxy_sessions b': '100x22 10x40' },
    ['OcppStationsLost'],
  ],
  [
    'a fifth of the stations went',
    { 'ocpp_proxy_sessions a': '100x22 80x40', 'ocpp_proxy_sessions b': '100x22 80x40' },
    [],
  ],
  ['Redis fills up', { 'ocpp_store_memory_share a': '0.75x60' }, ['OcppRedisFilling']],
  ['Redis is full', { 'ocpp_store_memory_share a': '0.9x60' }, ['OcppRedisFilling', 'OcppRedisFull']],
  ['a dead letter', { 'ocpp_dead_letters p': '1x60' }, ['OcppDeadLetters']],
  [
    'dead letters one after another',
    { 'ocpp_dead_letters p': '0+1x60' },
    ['OcppDeadLetters', 'OcppDeadLettersGrow'],
  ],
  [
    'the only processor there may be is busy',
    { 'ocpp_processor_busy_seconds_total p': '180+54x60' },
    ['OcppProcessorsAtMaximum'],
  ],
  [
    'the proxies are nearly full',
    { 'ocpp_proxy_sessions a': '17000x60', 'ocpp_proxy_sessions b': '17000x60' },
    ['OcppProxiesNearlyFull'],
  ],
  ['many calls are open', { 'ocpp_calls_open p': '17000x60' }, ['OcppOpenCallsNearBound']],
  ['bills will soon be dropped', { 'ocpp_bills_stored p': '81000x60' }, ['OcppBillsNearBound']],
  ['many bills wait for their sink', { 'ocpp_bills_stored p': '200000x60', 'ocpp_bills_bound p': gone }, []],
  ['the bill sink is gone', { 'ocpp_bill_sink_working s': gone }, ['OcppBillSinkNotRunning']],
  ['PostgreSQL is away', { 'ocpp_bill_sink_working s': '0x60' }, ['OcppBillSinkNotRunning']],
  [
    'PostgreSQL is away, and Redis fills up',
    { 'ocpp_bill_sink_working s': '0x60', 'ocpp_store_memory_share a': '0.65x60' },
    ['OcppBillSinkNotRunning', 'OcppBillsFillRedis'],
  ],
  ['Redis is half full for another reason', { 'ocpp_store_memory_share a': '0.65x60' }, []],
  ['another bill sink takes over', { 'ocpp_bill_sink_working s': '0x3 1x60' }, []],
  [
    'one kind of bills is late',
    { 'ocpp_bill_sink_caught_up_timestamp_seconds s stream="reports"': '1800x60' },
    ['OcppBillSinkLags'],
  ],
  [
    'entries left Redis before they were moved',
    { 'ocpp_bill_sink_gaps_total s stream="bills"': '1x60' },
    ['OcppBillsLost'],
  ],
  [
    'a bill sink finds such a gap when it starts',
    { 'ocpp_bill_sink_gaps_total u stream="bills"': '1x60' },
    ['OcppBillsLost'],
  ],
  ['handlers fail', { 'ocpp_processor_handler_errors_total p': '0+60x60' }, ['OcppHandlerErrors']],
  [
    'a new release fails messages',
    { 'ocpp_processor_handed_over_total p': '0x25 3x35' },
    ['OcppReleaseFails'],
  ],
  [
    'stations are turned away',
    { 'ocpp_proxy_handshakes_refused_total a': '180+600x60' },
    ['OcppHandshakesRefused'],
  ],
  [
    'entries of stations cannot be read',
    { 'ocpp_proxy_station_source_failing a': '1x60' },
    ['OcppStationSourceFails'],
  ],
  [
    'a revocation list expires in six days',
    { 'ocpp_proxy_certificate_expiry_timestamp_seconds a listener="tls",what="ca.crl"': '518400x60' },
    ['OcppCertificateExpires'],
  ],
  [
    'the certificate of a connected station expires in six days',
    { 'ocpp_proxy_sessions_certificate_expiring b within="7d"': '1x60' },
    ['OcppStationCertificatesExpire'],
  ],
  [
    'the certificate of the internal authority expires in 29 days',
    { 'ocpp_certificate_authority_expiry_timestamp_seconds p': '2505600x60' },
    ['OcppAuthorityExpires'],
  ],
  [
    'the certificate of Redis expires in six days',
    { 'ocpp_store_certificate_expiry_timestamp_seconds p': '518400x60' },
    ['OcppRedisCertificateExpires'],
  ],
  [
    'one ws-proxy refuses a changed certificate',
    { 'ocpp_proxy_tls_rejected b listener="tls"': '1x60' },
    ['OcppTlsFilesRefused'],
  ],
  [
    'many stations have wrong passwords',
    { 'ocpp_proxy_handshakes_refused_total a status="401"': '90+60x60' },
    ['OcppCredentialsRefused'],
  ],
  [
    'an endpoint has been down for twenty minutes',
    { 'ocpp_api_webhook_lag_seconds w webhook="a"': '0x10 1200x50' },
    ['OcppWebhookLate'],
  ],
  [
    'a receiver refuses one event in a hundred, as it never did before',
    { 'ocpp_api_webhook_dead_letters_total w webhook="a"': '1x60' },
    ['OcppWebhookDeadLetters'],
  ],
  [
    'a receiver that refused events refuses one more',
    { 'ocpp_api_webhook_dead_letters_total w webhook="b"': '3x10 4x50' },
    ['OcppWebhookDeadLetters'],
  ],
  [
    'no API program delivers for a webhook',
    { 'ocpp_api_webhook_lag_seconds w webhook="a"': gone },
    ['OcppWebhookNotDelivering'],
  ],
  [
    'another API program takes over a webhook',
    { 'ocpp_api_webhook_lag_seconds w webhook="a"': '_x4 1x56' },
    [],
  ],
  [
    'events were dropped before a webhook got them',
    { 'ocpp_api_webhook_gaps_total w webhook="a"': '0x20 1x40' },
    ['OcppWebhookEventsLost'],
  ],
  [
    'Redis is slow, as both processors measure it',
    { 'ocpp_store_response_seconds p': '0.3x60', 'ocpp_store_response_seconds q': '0.6x60' },
    ['OcppRedisSlow'],
  ],
  ['one processor is late', { 'ocpp_store_response_seconds p': '1x60' }, []],
  ['stations wait to connect', { 'ocpp_proxy_handshakes_waiting a': '4000x60' }, ['OcppHandshakesWait']],
  ['stations waited for three minutes', { 'ocpp_proxy_handshakes_waiting a': '0x26 4000x40' }, []],
  ['a line of less than two seconds', { 'ocpp_proxy_handshakes_waiting a': '1500x60' }, []],
  [
    'one ws-proxy holds all stations but a few',
    { 'ocpp_proxy_sessions a': '195x60', 'ocpp_proxy_sessions b': '5x60' },
    ['OcppProxiesUneven'],
  ],
  [
    'one ws-proxy holds a third more than the mean',
    { 'ocpp_proxy_sessions a': '135x60', 'ocpp_proxy_sessions b': '65x60' },
    [],
  ],
  [
    'one ws-proxy is emptied in a rollout',
    {
      'ocpp_proxy_sessions a': '195x60',
      'ocpp_proxy_sessions b': '5x60',
      'ocpp_proxy_mode a mode="accepting"': '0x60',
    },
    [],
  ],
  ['a drain was too slow', { 'ocpp_proxy_drain_forced_total a': '0x20 7x40' }, ['OcppDrainForced']],
];

const LABELS = 'namespace="default",ocpp_cluster="city"';
/** One test of `promtool test rules`. A neighbour whose figures are terrible is no business of ours. */
function scenario([name, problem, firing]: (typeof PROBLEMS)[number]): object {
  const series = Object.entries(HEALTHY).map(([key, healthy]) => {
    const [metric = '', pod = '', labels] = key.split(' ');
    const changed = problem[key];
    const values = changed === undefined ? healthy : `${healthy.replace(/x\d+$/, 'x29')} ${changed}`;
    const further = labels === undefined ? '' : `,${labels}`;
    return { series: `${metric}{${LABELS},pod="${pod}"${further}}`, values };
  });
  const neighbour = `{namespace="default",ocpp_cluster="town",pod="x"}`;
  const others = ['ocpp_dead_letters', 'ocpp_store_memory_share', 'ocpp_requests_oldest_seconds'];
  return {
    name,
    interval: '1m',
    input_series: [
      ...series,
      ...others.map((metric) => ({ series: `${metric}${neighbour}`, values: `999x${HOUR}` })),
    ],
    promql_expr_test: [
      {
        expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: '60m',
        exp_samples: firing.map((alertname) => ({ labels: `{alertname="${alertname}"}`, value: 1 })),
      },
    ],
  };
}

test('each alert fires on its own problem only', (t) => {
  const all = alertsOf(SPECS['embedded'] ?? {}).map(({ alert }) => alert);
  const expected = new Set(PROBLEMS.flatMap(([, , firing]) => firing));
  t.deepEqual(
    all.filter((alert) => !expected.has(alert)),
    [],
    'not in the table',
  );
  if (!hasPromtool()) return;
  const rulesOf = (spec: OcppClusterSpec) => ({ groups: [{ name: 'city', rules: alertsOf(spec) }] });
  for (const [name, spec] of Object.entries(SPECS))
    t.regex(promtool('check rules', { 'rules.yaml': rulesOf(spec) }), /SUCCESS/, name);
  for (const one of PROBLEMS) {
    const suite = { rule_files: ['rules.yaml'], evaluation_interval: '1m', tests: [scenario(one)] };
    const files = { 'test.yaml': suite, 'rules.yaml': rulesOf(SPECS['embedded'] ?? {}) };
    t.notThrows(() => promtool('test rules', files), one[0]);
  }
});
