/** The alert on the decision webhook. */
import type { RenderInput } from '../render-input.ts';
import { listPods, type Readers, type Rule } from './rule.ts';

export function decisionFallbacks(input: RenderInput, { labelled }: Readers): Rule[] {
  if (input.spec.decisions === undefined) return [];
  const failed = labelled('decisions', 'result=~"fallback-.*"');
  return [
    {
      alert: 'OcppDecisionsFallBack',
      // After a single failure it is 0 again within less than 5 minutes.
      expr: `sum by (action) (rate(${failed}[5m])) > 0`,
      for: '5m',
      summary: 'the decision webhook does not decide',
      description: `For {{ $labels.action }} stations get the fallback of spec.decisions.webhook, {{ $value | humanize }} times per second. No bill is concerned. The label result of ocpp_decisions_total says why: timeout, unreachable, refused (its token), bad-answer, busy (too slow for so many stations) or open (it failed repeatedly). The log of a processor has the error (${listPods(input, 'processor')}).`,
    },
  ];
}
