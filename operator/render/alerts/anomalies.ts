/** Alerts on what should not happen, and loses nothing: dead letters, failing handlers, refused handshakes, forced drains. */
import type { Readers, Rule } from './rule.ts';

export function anomalies({ metric, global }: Readers): Rule[] {
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
