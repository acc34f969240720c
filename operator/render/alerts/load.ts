/** Alerts on load that stays where it should not: a slow Redis, stations that wait to connect, stations on one ws-proxy. */
import { nameOf, type RenderInput } from '../render-input.ts';
import type { Readers, Rule } from './rule.ts';

/** A healthy Redis answers within milliseconds; s. The console has the same bound. */
const SLOW_SECONDS = 0.25;
/** How long the line of handshakes is; s. Beyond 10 s they are refused. */
const LINE_SECONDS = 2;
/** Stations above the mean, as a share of it and as a number: connections that spread at random stay far below both. */
const UNEVEN = { share: 0.5, stations: 20 };

export function misplacedLoad(input: RenderInput, { metric, labelled }: Readers): Rule[] {
  const { cluster, namespace, spec } = input;
  const redis =
    spec.redis.embedded === undefined ? 'Redis' : `Redis in the Pod ${nameOf(cluster, 'redis')}-0`;
  // Pods of a rollout or drain, which others replace, are not compared with them.
  const accepting = `(${metric('proxySessions')} and on (pod) ${labelled('proxyMode', 'mode="accepting"')} == 1 unless on (pod) ${metric('proxyDraining')} == 1)`;
  const most = `max(${accepting}) - avg(${accepting})`;
  return [
    {
      alert: 'OcppRedisSlow',
      // The least of all processors: one that is late itself says nothing of Redis.
      expr: `min(avg_over_time(${metric('storeResponseSeconds')}[5m])) > ${SLOW_SECONDS}`,
      for: '5m',
      summary: 'Redis answers slowly',
      description: `Redis takes {{ $value | humanizeDuration }} for an answer, as all processors measure it. Stations get late answers, and more processors do not help. Mostly another client runs slow commands: SLOWLOG GET in ${redis} has each with the address of its client. Otherwise look at its CPU limit, its disk and the network. Steps: docs/incidents.md.`,
    },
    {
      alert: 'OcppHandshakesWait',
      // Some handshake waits in many moments of a large network: only a line that takes seconds is one.
      // The shares of all Pods are the limit that counts at that moment.
      expr: `sum(${metric('proxyHandshakesWaiting')}) > ${LINE_SECONDS} * sum(${labelled('proxyRateShare', 'rate="handshakes"')})`,
      for: '5m',
      summary: 'stations have waited in line to connect for minutes',
      description: `{{ $value | humanize }} handshakes wait, as at most ${spec.proxy.admission.connectionsPerSecond} stations per second may connect; those for which the line is too long get 429 and try again. After an outage of the network this ends by itself. Raise spec.proxy.admission.connectionsPerSecond if Redis and the processors have room: running Pods take it over. Steps: docs/incidents.md.`,
    },
    {
      alert: 'OcppProxiesUneven',
      expr: `${most} > ${UNEVEN.share} * avg(${accepting}) and ${most} > ${UNEVEN.stations}`,
      for: '30m',
      summary: 'one ws-proxy holds far more stations than the others',
      description: `It has {{ $value | humanize }} stations more than the mean. If it fails, all of them reconnect at once. After a scale-out from one ws-proxy it is expected, as stations stay where they are. Even them out: kubectl -n ${namespace} annotate ocpp ${cluster.metadata.name} --overwrite ocpp.dev/rebalance="$(date +%s)". If it returns, the load balancer prefers one Pod. Steps: docs/incidents.md.`,
    },
  ];
}
