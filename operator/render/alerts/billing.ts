/** Alerts on the bill sink: bills that reach PostgreSQL late, or never. */
import { hasBillSink, type RenderInput } from '../render-input.ts';
import { listPods, type Readers, type Rule } from './rule.ts';

/** Of a cluster without a sink there is nothing to lose: `OcppBillsNearBound` warns there. */
export function lostBills(input: RenderInput, { metric }: Readers): Rule[] {
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
      description: `PostgreSQL will never have these entries of the stream {{ $labels.stream }} (transactions are bills). The log of the bill sink has the ids before and after the gap: ${listPods(input, 'bill-sink')}. Stop what trims the stream: a program of yours with XTRIM, or a processor whose podTemplate.env sets OCPP_BILL_SINK to false. If spec.billing.sink was removed for a while, processors dropped the oldest entries in that time.`,
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
      description: `Bills wait in Redis without a bound and are not lost; stations notice nothing until Redis is full. The /readyz of the Pod and its log say whether PostgreSQL or Redis is away and why: ${pods}. If there is no Pod, the condition Degraded names the cause.`,
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
