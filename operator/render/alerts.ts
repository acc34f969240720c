/**
 * The alerts of one cluster: each says what stations notice and what to do first. `critical` needs attention now,
 * `warning` in the morning. Normal operation (drains, scaling, reconnects) fires no alert, and a missing figure is
 * not a zero.
 */
import { METRIC } from '../../services/contract.ts';
import { hasBillSink, nameOf, type RenderInput } from './render-input.ts';

export interface Alert {
  readonly alert: string;
  /** PromQL */
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly description: string };
}

type Rule = Pick<Alert, 'alert' | 'expr' | 'for'> & Alert['annotations'];

export function alerts(input: RenderInput): Alert[] {
  const { cluster, namespace } = input;
  const { name } = cluster.metadata;
  const withSeverity = (severity: string, rules: readonly Rule[]) =>
    rules.map(({ alert, expr, for: since, summary, description }) => ({
      alert,
      expr,
      for: since,
      labels: { severity, namespace, ocpp_cluster: name },
      annotations: { summary: `OcppCluster ${namespace}/${name}: ${summary}`, description },
    }));
  const of = readers(`{namespace="${namespace}",ocpp_cluster="${name}"}`);
  return [
    ...withSeverity('critical', [
      ...outages(input, of),
      ...lateAnswers(input, of),
      ...fullStores(of),
      ...closedDoors(input, of),
    ]),
    ...withSeverity('warning', [
      ...nearLimits(input, of),
      ...billSink(input, of),
      ...anomalies(of),
      ...credentials(input, of),
    ]),
  ];
}

/** Metrics of the cluster, as PromQL. */
function readers(selector: string) {
  const metric = (key: keyof typeof METRIC) => `${METRIC[key]}${selector}`;
  return {
    metric,
    /** Only the series with these labels. */
    labelled: (key: keyof typeof METRIC, labels: string) =>
      `${METRIC[key]}${selector.replace('}', `,${labels}}`)}`,
    /** A figure that every Pod exports alike: the maximum is as good as any. */
    global: (key: keyof typeof METRIC) => `max(${metric(key)})`,
    /** Queue figures: a reading of more than a minute ago is ignored (Pods of 0.1 keep exporting their last one). */
    fresh: (key: keyof typeof METRIC) =>
      `max(${metric(key)} and on (pod) (time() - ${metric('queueSampledAt')} < 60))`,
  };
}
type Readers = ReturnType<typeof readers>;

const listPods = (input: RenderInput, part: 'ws-proxy' | 'processor' | 'bill-sink') =>
  `kubectl -n ${input.namespace} get pods -l app.kubernetes.io/instance=${input.cluster.metadata.name},app.kubernetes.io/component=${part}`;
const showCluster = (input: RenderInput) =>
  `kubectl -n ${input.namespace} get ocppcluster ${input.cluster.metadata.name} -o wide`;

function outages(input: RenderInput, { metric, global }: Readers): Rule[] {
  const anyPod = `count(${metric('proxySessions')} or ${metric('processorBusySeconds')}) > 0`;
  const redis =
    input.spec.redis.embedded === undefined
      ? `the Redis at ${input.spec.redis.external?.addresses.join(', ') ?? ''}, the network path to it and its credentials`
      : `the Pod ${nameOf(input.cluster, 'redis')}-0`;
  return [
    {
      alert: 'OcppNoProxy',
      expr: `absent(${metric('proxySessions')} unless on (pod) ${metric('proxyDraining')} == 1)`,
      for: '3m',
      summary: 'no ws-proxy accepts stations',
      description: `Stations cannot connect; charging continues offline. Prometheus scrapes no ws-proxy that is not draining. Check why the Pods do not start: ${listPods(input, 'ws-proxy')}, then describe one. If they are ready, Prometheus cannot reach them.`,
    },
    {
      alert: 'OcppNoProcessor',
      expr: `absent(${metric('processorBusySeconds')})`,
      for: '3m',
      summary: 'no processor answers stations',
      description: `Stations stay connected but get no answers; their messages wait in Redis and are not lost. Check why no processor starts: ${listPods(input, 'processor')}, then describe one and read its log. If they are ready, Prometheus cannot reach them.`,
    },
    {
      alert: 'OcppRedisUnreachable',
      expr: `(${anyPod}) unless (time() - ${global('queueSampledAt')} < 60)`,
      for: '2m',
      summary: 'Redis is unreachable',
      description: `No ws-proxy and no processor could read Redis for more than a minute. Sockets stay open and messages wait at the stations, but nothing is answered. Check ${redis}; the Pod logs contain the error. Do not restart a ws-proxy: it would disconnect the stations and solve nothing.`,
    },
    {
      alert: 'OcppStationsLost',
      expr: `sum(${metric('proxySessions')}) < 0.7 * sum(${metric('proxySessions')} offset 15m) and sum(${metric('proxySessions')} offset 15m) > 20`,
      for: '5m',
      summary: 'more than 30 % of the stations disconnected',
      description: `{{ $value | humanize }} stations are connected, far fewer than 15 minutes ago, and the others did not reconnect within 5. If the ws-proxies are healthy (${showCluster(input)}), check what is in front of them: load balancer, Ingress or Gateway, certificates, DNS, the mobile network.`,
    },
  ];
}

function lateAnswers(input: RenderInput, { fresh }: Readers): Rule[] {
  const { callTimeoutSeconds, autoscaling } = input.spec.processor;
  return [
    {
      alert: 'OcppAnswersLate',
      expr: `${fresh('queueOldestSeconds')} > ${callTimeoutSeconds}`,
      for: '2m',
      summary: 'stations wait for answers longer than the call timeout',
      description: `The oldest waiting message is {{ $value | humanizeDuration }} old; stations time out after ${callTimeoutSeconds}s and send again. Check that the processors run and what they log (${listPods(input, 'processor')}), and whether the load needs more processors than allowed (${showCluster(input)}; spec.processor.autoscaling.maxReplicas is ${autoscaling.maxReplicas}).`,
    },
  ];
}

function fullStores({ metric, global }: Readers): Rule[] {
  const letters = metric('deadLetters');
  return [
    {
      alert: 'OcppRedisFull',
      expr: `${global('storeMemoryShare')} > 0.85`,
      for: '1m',
      summary: 'Redis is nearly full, new connections of stations are refused',
      description:
        'Redis uses {{ $value | humanizePercentage }} of its maxmemory; above 85 % the ws-proxies refuse new connections with 503. Give Redis more memory (spec.redis.embedded.podTemplate.resources.limits.memory, which restarts it; or maxmemory of your own Redis). Do not enable eviction: every key is a message, a session or a transaction.',
    },
    {
      alert: 'OcppDeadLettersGrow',
      expr: `max(${letters}) - min(min_over_time(${letters}[30m])) >= 10`,
      for: '1m',
      summary: 'the number of dead letters grows fast',
      description:
        '{{ $value | humanize }} messages became dead letters within half an hour, after five attempts each. Most likely a handler fails for every message of one kind: read the log of a processor. In a processor Pod `node dead-letters.js list` shows them; run `replay` when the cause is fixed.',
    },
  ];
}

/** Share of a limit from which a figure counts as near it. */
const NEAR = 0.8;
/** Limit of calls that one processor waits for (docs/bounds.md). */
const CALLS_AWAITED = 20_000;

function nearLimits(input: RenderInput, { metric, global }: Readers): Rule[] {
  const { proxy, processor } = input.spec;
  const { mode, maxReplicas } = processor.autoscaling;
  const busy = metric('processorBusySeconds');
  const atMaximum: Rule = {
    alert: 'OcppProcessorsAtMaximum',
    expr: `avg(rate(${busy}[5m])) > ${NEAR} and count(${busy}) >= ${maxReplicas}`,
    for: '15m',
    summary: 'the processors are busy and at their maximum number',
    description: `${maxReplicas} processors are {{ $value | humanizePercentage }} busy. Raise spec.processor.autoscaling.maxReplicas, if Redis and the services that the handlers call can take the load.`,
  };
  return [
    ...(mode === 'Off' ? [] : [atMaximum]),
    {
      alert: 'OcppProxiesNearlyFull',
      expr: `sum(${metric('proxySessions')}) / count(${metric('proxySessions')} unless on (pod) ${metric('proxyDraining')} == 1) > ${NEAR} * ${proxy.maxSessionsPerPod}`,
      for: '10m',
      summary: 'the ws-proxies are nearly full',
      description: `There are {{ $value | humanize }} stations for each ws-proxy, and each accepts at most ${proxy.maxSessionsPerPod}. If one ws-proxy fails, the others must take its stations: raise the number of ws-proxies in spec.proxy.`,
    },
    {
      alert: 'OcppRedisFilling',
      expr: `${global('storeMemoryShare')} > 0.7`,
      for: '15m',
      summary: 'Redis fills up',
      description:
        'Redis uses {{ $value | humanizePercentage }} of its maxmemory; above 85 % new connections of stations are refused. Plan more memory.',
    },
    {
      alert: 'OcppBillsNearBound',
      expr: `${global('billsStored')} > ${NEAR} * ${global('billsBound')}`,
      for: '10m',
      summary: 'the oldest bills will soon be dropped from Redis',
      description:
        'Redis holds {{ $value | humanize }} bills, and drops the oldest from about 100 000 on, billed or not. Run a bill sink, which moves bills to PostgreSQL (docs/bill-sink.md). If another program reads them, let it remove what it has processed: XTRIM with MINID.',
    },
    {
      alert: 'OcppOpenCallsNearBound',
      expr: `${global('openCalls')} > ${NEAR * CALLS_AWAITED}`,
      for: '5m',
      summary: 'very many calls to stations are pending',
      description: `{{ $value | humanize }} calls wait for stations. A processor waits for ${CALLS_AWAITED} at most and refuses further calls with too-many-calls. The sender calls faster than stations answer, or calls many stations that are offline.`,
    },
  ];
}

/** Bills that wait for longer are reported, s. */
const BILLS_LATE_SECONDS = 900;

function billSink(input: RenderInput, { metric }: Readers): Rule[] {
  if (!hasBillSink(input)) return [];
  const pods = listPods(input, 'bill-sink');
  // After a takeover the last sink keeps its figures: the newest one of a stream counts.
  const caughtUp = `min(max by (stream) (${metric('billSinkCaughtUp')}))`;
  const isWorking = `${metric('billSinkWorking')} == 1`;
  return [
    {
      alert: 'OcppBillSinkNotRunning',
      expr: `absent(${isWorking})`,
      for: '10m',
      summary: 'no bill sink moves bills to PostgreSQL',
      description: `Bills wait in Redis without a bound and are not lost; stations notice nothing until Redis is full. The /readyz of the Pod and its log say whether PostgreSQL or Redis is away and why: ${pods}. If there is no Pod, the condition Degraded names the cause.`,
    },
    {
      alert: 'OcppBillSinkLags',
      expr: `time() - ${caughtUp} > ${BILLS_LATE_SECONDS} and on () (${isWorking})`,
      for: '5m',
      summary: 'bills reach PostgreSQL late',
      description: `The sink works, but for {{ $value | humanizeDuration }} there were always bills, settlements, meter values or reports that are not in PostgreSQL yet. After a long pause it needs time to catch up. Otherwise PostgreSQL is too slow, or refuses rows: read the log of the sink (${pods}).`,
    },
  ];
}

function closedDoors(input: RenderInput, { global }: Readers): Rule[] {
  return [
    {
      alert: 'OcppStationSourceFails',
      expr: `${global('stationSourceFailing')} > 0`,
      for: '3m',
      summary: 'the entries of stations cannot be read',
      description: `Connected stations stay. A new station is refused, as nothing says whether its password is right; earlier files of a Secret, cached answers of a webhook and mode Report still admit stations. Check what spec.authentication.stations names: the webhook, the Secret or Redis. The log of a ws-proxy has the error (${listPods(input, 'ws-proxy')}).`,
    },
  ];
}

/** A certificate that expires earlier is reported. */
const EXPIRY_SECONDS = 7 * 86_400;
/** The same of the internal authority, as its successor must be in the bundle of every listener first. */
const AUTHORITY_EXPIRY_SECONDS = 30 * 86_400;
/** Refusals per second for a wrong password or certificate: scanners cause far fewer. */
const MANY_REFUSED = 0.5;

function credentials(input: RenderInput, { metric, labelled }: Readers): Rule[] {
  return [
    {
      alert: 'OcppCertificateExpires',
      expr: `min by (listener, what) (${metric('certificateExpiry')}) - time() < ${EXPIRY_SECONDS}`,
      for: '10m',
      summary: 'a certificate or revocation list expires soon',
      description:
        'On the listener {{ $labels.listener }} expires in {{ $value | humanizeDuration }}: {{ $labels.what }} (server is its certificate). After it, stations refuse the server (server), are refused (client-ca), or certificates that are revoked later stay valid (revocation-list). Renew the Secret that the listener names: running Pods take it over and drop no socket. With tls.issuerRef, see why cert-manager has not renewed it: kubectl describe certificate.',
    },
    {
      alert: 'OcppStationCertificatesExpire',
      expr: `sum(${labelled('stationCertificatesExpiring', 'within="7d"')}) > 0`,
      for: '10m',
      summary: 'certificates of connected stations expire soon',
      description: `The certificates of {{ $value | humanize }} connected stations expire within 7 days, or have expired. Their sockets stay open, but their next handshake is refused. Once a day the log of a ws-proxy names those that expire first (${listPods(input, 'ws-proxy')}). Let these stations request new certificates, or install them, and then reconnect: until then their sockets count with the former one.`,
    },
    {
      alert: 'OcppAuthorityExpires',
      expr: `min(${metric('authorityExpiry')}) - time() < ${AUTHORITY_EXPIRY_SECONDS}`,
      for: '10m',
      summary: 'the certificate of the internal authority expires soon',
      description:
        'It expires in {{ $value | humanizeDuration }}. After it, stations are refused whose certificates it has signed, also new ones. First add the new authority to ca.crt of tls.clientCaSecretName, then replace the Secret that certificateAuthority.internal names: processors read it for each certificate and need no restart.',
    },
    {
      alert: 'OcppRedisCertificateExpires',
      expr: `min(${metric('storeCertificateExpiry')}) - time() < ${EXPIRY_SECONDS}`,
      for: '10m',
      summary: 'the certificate of Redis expires soon',
      description:
        'It expires in {{ $value | humanizeDuration }}. After it, no Pod can connect to Redis any more: stations stay connected and get no answers. For the embedded Redis renew the Secret that redis.embedded.tls names, which it takes without a restart; with issuerRef, see why cert-manager has not renewed it: kubectl describe certificate.',
    },
    {
      alert: 'OcppTlsFilesRefused',
      expr: `max by (listener) (${metric('tlsRejected')}) > 0`,
      for: '2m',
      summary: 'TLS files are refused',
      description: `The files in the Secret of the listener {{ $labels.listener }} have a mistake or have expired. Running ws-proxies serve with those that they had. A Pod that starts now does not start, unless the files are only expired. The condition Secured of the OcppCluster says which file is wrong and why, and so does the log of a ws-proxy (${listPods(input, 'ws-proxy')}).`,
    },
    {
      alert: 'OcppCredentialsRefused',
      expr: `sum(rate(${labelled('proxyRefused', 'status=~"401|404",reason!="path"')}[10m])) > ${MANY_REFUSED}`,
      for: '15m',
      summary: 'many stations are refused for who they are',
      description:
        '{{ $value | humanize }} handshakes per second are refused for who the station is. The label reason of ocpp_proxy_handshakes_refused_total gives the cause, and the log of a ws-proxy the identities and addresses. After a change of passwords or certificates it may be the change; many identities from one address are a guess. Mostly unknown-station: the register may be lost, see docs/security.md.',
    },
  ];
}

function anomalies({ metric, global }: Readers): Rule[] {
  return [
    {
      alert: 'OcppDeadLetters',
      expr: `${global('deadLetters')} > 0`,
      for: '5m',
      summary: 'dead letters need attention',
      description:
        '{{ $value | humanize }} messages became dead letters after five attempts. In a processor Pod `node dead-letters.js list` shows them with the reason; replay or drop each, so that new ones are noticed.',
    },
    {
      alert: 'OcppHandlerErrors',
      expr: `sum(rate(${metric('processorHandlerErrors')}[10m])) > 0.1`,
      for: '15m',
      summary: 'handlers keep failing',
      description:
        '{{ $value | humanize }} handlers per second fail or time out. Stations get InternalError, and transaction messages become dead letters. Read the log of a processor.',
    },
    {
      alert: 'OcppReleaseFails',
      expr: `sum(increase(${metric('processorHandedOver')}[10m])) > 0`,
      for: '0s',
      summary: 'one release of the processors fails messages',
      description:
        'Two releases run, and one of them failed {{ $value | humanize }} messages within 10 minutes and handed them over to the other. As soon as only the failing release runs, such messages become dead letters. Read the logs of the newer processors, and set spec.processor.image or spec.image back if its release is the cause.',
    },
    {
      alert: 'OcppHandshakesRefused',
      expr: `sum(rate(${metric('proxyRefused')}[10m])) > 5`,
      for: '15m',
      summary: 'connections of stations are refused',
      description:
        '{{ $value | humanize }} handshakes per second are refused. The label status of the metric gives the cause: 429 too many at once, 503 full or Redis nearly full, 404 or 400 a wrong path or identity.',
    },
    {
      alert: 'OcppDrainForced',
      expr: `sum(increase(${metric('proxyDrainForced')}[30m])) > 0`,
      for: '0s',
      summary: 'a drain exceeded its deadline',
      description:
        '{{ $value | humanize }} sockets were closed during a call or transaction because the drain deadline had passed. No stored data is lost. Raise spec.proxy.drain.deadlineSeconds or ratePerSecond before the next rollout.',
    },
  ];
}
