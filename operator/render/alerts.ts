/**
 * The alerts of one cluster, for whoever is woken by them: what stations notice, and what to do first. `critical`
 * is for a person now, `warning` for one in the morning. What a healthy cluster does by itself (drains, scaling,
 * reconnects) wakes nobody, and a figure that nobody could read is no zero.
 */
import { METRIC } from '../../services/contract.ts';
import { nameOf, type View } from './render-input.ts';

export interface Alert {
  readonly alert: string;
  /** PromQL */
  readonly expr: string;
  readonly for: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly description: string };
}

type Told = Pick<Alert, 'alert' | 'expr' | 'for'> & Alert['annotations'];

export function alerts(view: View): Alert[] {
  const { cluster, namespace } = view;
  const { name } = cluster.metadata;
  const rank = (severity: string, told: readonly Told[]) =>
    told.map(({ alert, expr, for: since, summary, description }) => ({
      alert,
      expr,
      for: since,
      labels: { severity, namespace, ocpp_cluster: name },
      annotations: { summary: `OcppCluster ${namespace}/${name}: ${summary}`, description },
    }));
  const of = readers(`{namespace="${namespace}",ocpp_cluster="${name}"}`);
  return [
    ...rank('critical', [...away(view, of), ...late(view, of), ...full(of)]),
    ...rank('warning', [...crowded(view, of), ...odd(of)]),
  ];
}

/** Metrics of the cluster, as PromQL. */
function readers(selector: string) {
  const metric = (key: keyof typeof METRIC) => `${METRIC[key]}${selector}`;
  return {
    metric,
    /** The same of every Pod: the highest is as good as any. */
    global: (key: keyof typeof METRIC) => `max(${metric(key)})`,
    /** The queue's: who cannot reach Redis goes on showing what it read last. */
    fresh: (key: keyof typeof METRIC) =>
      `max(${metric(key)} and on (pod) (time() - ${metric('queueSampledAt')} < 60))`,
  };
}
type Readers = ReturnType<typeof readers>;

const look = (view: View, part: 'ws-proxy' | 'processor') =>
  `kubectl -n ${view.namespace} get pods -l app.kubernetes.io/instance=${view.cluster.metadata.name},app.kubernetes.io/component=${part}`;
const ask = (view: View) =>
  `kubectl -n ${view.namespace} get ocppcluster ${view.cluster.metadata.name} -o wide`;

function away(view: View, { metric, global }: Readers): Told[] {
  const anybody = `count(${metric('proxySessions')} or ${metric('processorBusySeconds')}) > 0`;
  const redis =
    view.spec.redis.embedded === undefined
      ? `the Redis at ${view.spec.redis.external?.addresses.join(', ') ?? ''}, the way to it and its login`
      : `the Pod ${nameOf(view.cluster, 'redis')}-0`;
  return [
    {
      alert: 'OcppNoProxy',
      expr: `absent(${metric('proxySessions')} unless on (pod) ${metric('proxyDraining')} == 1)`,
      for: '3m',
      summary: 'no ws-proxy takes stations',
      description: `Stations cannot connect; charging goes on offline. No ws-proxy could be scraped that is not about to end. See why its Pods do not start: ${look(view, 'ws-proxy')}, then describe one. If they are ready, Prometheus does not reach them.`,
    },
    {
      alert: 'OcppNoProcessor',
      expr: `absent(${metric('processorBusySeconds')})`,
      for: '3m',
      summary: 'no processor answers stations',
      description: `Stations stay connected and get no answers; their messages wait in Redis and are not lost. See why no processor starts: ${look(view, 'processor')}, then describe one and read its log. If they are ready, Prometheus does not reach them.`,
    },
    {
      alert: 'OcppRedisUnreachable',
      expr: `(${anybody}) unless (time() - ${global('queueSampledAt')} < 60)`,
      for: '2m',
      summary: 'nobody reaches Redis',
      description: `Neither ws-proxy nor processor could read Redis for more than a minute. Sockets stay open and messages wait at the stations, but nothing is answered. See ${redis}; the Pods' logs say what they were told. Restart no ws-proxy: that would cost the stations their sockets and help nothing.`,
    },
    {
      alert: 'OcppStationsLost',
      expr: `sum(${metric('proxySessions')}) < 0.7 * sum(${metric('proxySessions')} offset 15m) and sum(${metric('proxySessions')} offset 15m) > 20`,
      for: '5m',
      summary: 'more than three in ten stations went away',
      description: `{{ $value | humanize }} stations are connected, far fewer than 15 minutes ago, and they did not come back within 5. If the ws-proxies are well (${ask(view)}), look at what stands before them: load balancer, Ingress or Gateway, certificates, DNS, the mobile network.`,
    },
  ];
}

function late(view: View, { fresh }: Readers): Told[] {
  const { callTimeoutSeconds, autoscaling } = view.spec.processor;
  return [
    {
      alert: 'OcppAnswersLate',
      expr: `${fresh('queueOldestSeconds')} > ${callTimeoutSeconds}`,
      for: '2m',
      summary: 'stations wait for answers longer than the call time-out',
      description: `The oldest waiting message is {{ $value | humanizeDuration }} old; stations give up after ${callTimeoutSeconds}s and send again. See whether processors run and what they log (${look(view, 'processor')}), and whether more are wanted than allowed (${ask(view)}; spec.processor.autoscaling.maxReplicas is ${autoscaling.maxReplicas}).`,
    },
  ];
}

function full({ metric, global }: Readers): Told[] {
  const letters = metric('deadLetters');
  return [
    {
      alert: 'OcppRedisFull',
      expr: `${global('storeMemoryShare')} > 0.85`,
      for: '1m',
      summary: 'Redis is nearly full, and no further stations are let in',
      description:
        'Redis uses {{ $value | humanizePercentage }} of its maxmemory; from 85 % on stations that connect are answered with 503. Give it more memory (spec.redis.embedded.podTemplate.resources.limits.memory, which restarts it; or maxmemory of your own Redis). Evict nothing: every key is a message, a session or a transaction.',
    },
    {
      alert: 'OcppDeadLettersGrow',
      expr: `max(${letters}) - min(min_over_time(${letters}[30m])) >= 10`,
      for: '1m',
      summary: 'messages are given up one after another',
      description:
        '{{ $value | humanize }} messages were given up within half an hour, after five attempts each. Most likely a handler fails for all messages of a kind: read the log of a processor. In a processor Pod `node dead-letters.js list` shows them, and `replay` sends them again when the cause is gone.',
    },
  ];
}

/** From this share on something is near its bound. */
const NEAR = 0.8;
/** What one processor awaits at most (docs/bounds.md). */
const CALLS_AWAITED = 20_000;

function crowded(view: View, { metric, global }: Readers): Told[] {
  const { proxy, processor } = view.spec;
  const { mode, maxReplicas } = processor.autoscaling;
  const busy = metric('processorBusySeconds');
  const atMaximum: Told = {
    alert: 'OcppProcessorsAtMaximum',
    expr: `avg(rate(${busy}[5m])) > ${NEAR} and count(${busy}) >= ${maxReplicas}`,
    for: '15m',
    summary: 'the processors are busy, and there may be no more of them',
    description: `${maxReplicas} processors are {{ $value | humanizePercentage }} busy. Raise spec.processor.autoscaling.maxReplicas, if Redis and what the handlers call can bear it.`,
  };
  return [
    ...(mode === 'Off' ? [] : [atMaximum]),
    {
      alert: 'OcppProxiesNearlyFull',
      expr: `sum(${metric('proxySessions')}) / count(${metric('proxySessions')} unless on (pod) ${metric('proxyDraining')} == 1) > ${NEAR} * ${proxy.maxSessionsPerPod}`,
      for: '10m',
      summary: 'the ws-proxies are nearly full',
      description: `There are {{ $value | humanize }} stations for each ws-proxy, and each takes ${proxy.maxSessionsPerPod}. When one of them goes the others have to take its stations: raise the number of ws-proxies in spec.proxy.`,
    },
    {
      alert: 'OcppRedisFilling',
      expr: `${global('storeMemoryShare')} > 0.7`,
      for: '15m',
      summary: 'Redis fills up',
      description:
        'Redis uses {{ $value | humanizePercentage }} of its maxmemory; from 85 % on no further stations are let in. Plan more memory.',
    },
    {
      alert: 'OcppOpenCallsNearBound',
      expr: `${global('openCalls')} > ${NEAR * CALLS_AWAITED}`,
      for: '5m',
      summary: 'very many calls to stations are open',
      description: `{{ $value | humanize }} calls wait for stations, and a processor awaits ${CALLS_AWAITED} at most; further ones are refused as too-many-calls. Whoever sends them asks faster than stations answer, or asks many that are offline.`,
    },
  ];
}

function odd({ metric, global }: Readers): Told[] {
  return [
    {
      alert: 'OcppDeadLetters',
      expr: `${global('deadLetters')} > 0`,
      for: '5m',
      summary: 'messages were given up and wait for a person',
      description:
        '{{ $value | humanize }} messages were given up after five attempts. In a processor Pod `node dead-letters.js list` shows them with the reason; replay or drop each, so that the next ones are noticed.',
    },
    {
      alert: 'OcppHandlerErrors',
      expr: `sum(rate(${metric('processorHandlerErrors')}[10m])) > 0.1`,
      for: '15m',
      summary: 'handlers fail again and again',
      description:
        '{{ $value | humanize }} handlers a second fail or are not done in time. Stations are answered with InternalError, and transaction messages end as dead letters. Read the log of a processor.',
    },
    {
      alert: 'OcppHandshakesRefused',
      expr: `sum(rate(${metric('proxyRefused')}[10m])) > 5`,
      for: '15m',
      summary: 'stations are turned away',
      description:
        '{{ $value | humanize }} handshakes a second are refused. The label status of the metric says why: 429 too fast, 503 full or Redis nearly full, 404 or 400 a wrong path or identity.',
    },
    {
      alert: 'OcppDrainForced',
      expr: `sum(increase(${metric('proxyDrainForced')}[30m])) > 0`,
      for: '0s',
      summary: 'a drain did not end in time',
      description:
        '{{ $value | humanize }} sockets were closed in the middle of what they did, as the deadline of the drain had passed. Nothing stored is lost. Raise spec.proxy.drain.deadlineSeconds or ratePerSecond before the next roll-out.',
    },
  ];
}
