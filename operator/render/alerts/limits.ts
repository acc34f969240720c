/** Alerts on what is full, or will be soon: Redis, dead letters, proxies, processors, bills, calls. */
import type { RenderInput } from '../render-input.ts';
import type { Readers, Rule } from './rule.ts';

export function fullStores({ metric, global }: Readers): Rule[] {
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

export function nearLimits(input: RenderInput, { metric, global }: Readers): Rule[] {
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
        'Redis holds {{ $value | humanize }} bills, and drops the oldest from about 100 000 on, billed or not. Run a bill sink, which moves bills to PostgreSQL (docs/bill-sink.md). If another program reads them, let it remove what it has processed: XTRIM with MINID. If a sink was removed before it had moved them, more than that are here and none is dropped: set the sink again.',
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
