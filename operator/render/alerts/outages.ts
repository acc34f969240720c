/** Alerts on what stations notice: nothing accepts them, nothing answers, or late. */
import { nameOf, type RenderInput } from '../render-input.ts';
import { listPods, type Readers, type Rule, showCluster } from './rule.ts';

export function outages(input: RenderInput, { metric, global }: Readers): Rule[] {
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

export function lateAnswers(input: RenderInput, { fresh }: Readers): Rule[] {
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

export function closedDoors(input: RenderInput, { global }: Readers): Rule[] {
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
