/** Alerts on the bill sink: bills that reach PostgreSQL late, or never. */
import { hasBillSink, type RenderInput } from '../render-input.ts';
import { listPods, type Readers, type Rule } from './rule.ts';

/** Share of the memory of Redis from which a sink that is away is urgent: stations are refused from 0.85 on. */
const FILLING = 0.6;

/** Of a cluster without a sink there is nothing to lose: `OcppBillsNearBound` warns there. */
export function lostBills(input: RenderInput, { metric, global }: Readers): Rule[] {
  if (!hasBillSink(input)) return [];
  const gaps = metric('billSinkGaps');
  // A sink that finds the gap when it starts exports no earlier figure to compare with.
  const foundAtStart = `(${gaps} > 0 unless ${gaps} offset 1h)`;
  return [
    {
      alert: 'OcppBillsLost',
      expr: `sum by (stream) (increase(${gaps}[1h]) > 0 or ${foundAtStart}) > 0`,
      for: '0s',
      summary: 'entries left Redis before they were in PostgreSQL',
      description: `PostgreSQL will never have these entries of the stream {{ $labels.stream }} (transactions are bills). Of meter-values Redis keeps 100 000 at most while PostgreSQL is away. The other streams are trimmed by nothing of ours: stop a program of yours with XTRIM, or a processor whose podTemplate.env sets OCPP_BILL_SINK to false. The log of the sink has the ids around the gap: ${listPods(input, 'bill-sink')}.`,
    },
    {
      alert: 'OcppBillsFillRedis',
      expr: `${global('storeMemoryShare')} > ${FILLING} and on () absent(${metric('billSinkWorking')} == 1)`,
      for: '5m',
      summary: 'no bill sink works, and Redis fills up',
      description: `Redis uses {{ $value | humanizePercentage }} of its maxmemory, and bills wait in it for PostgreSQL. From 85 % on stations are refused. First bring PostgreSQL back: the log of the sink says why it is away (${listPods(input, 'bill-sink')}). If that takes long, give Redis more memory; the embedded one restarts for it and keeps its data. Do not remove spec.billing.sink, and trim nothing.`,
    },
  ];
}

/** Bills that wait for longer are reported, s. */
const BILLS_LATE_SECONDS = 900;

export function waitingBills(input: RenderInput, { metric }: Readers): Rule[] {
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
      description: `Bills wait in Redis without a bound and are not lost; of meter values the newest 100 000 wait. Stations notice nothing until Redis is full. The /readyz of the Pod and its log say whether PostgreSQL or Redis is away and why: ${pods}. If there is no Pod, the condition Degraded names the cause.`,
    },
    {
      alert: 'OcppBillSinkLags',
      expr: `time() - ${caughtUp} > ${BILLS_LATE_SECONDS} and on () (${isWorking})`,
      for: '5m',
      summary: 'bills reach PostgreSQL late',
      description: `The bill sink works, but has not been at the end of a stream for {{ $value | humanizeDuration }}: bills, settlements, meter values or reports wait in Redis. After a long pause it needs time to catch up. Otherwise PostgreSQL is too slow or refuses rows: read the log of the sink (${pods}).`,
    },
  ];
}
