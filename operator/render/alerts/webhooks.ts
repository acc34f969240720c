/** Alerts on event webhooks: no station notices, but the business back end does. */
import { hasApi, type RenderInput } from '../render-input.ts';
import type { Readers, Rule } from './rule.ts';

/** Events that wait for longer are reported, s. */
const LATE_SECONDS = 900;
const ADVICE = 'GET /v1/webhooks of the API (`ocppctl webhooks list`) has the last error.';

export function lateWebhooks(input: RenderInput, { metric }: Readers): Rule[] {
  if (!hasApi(input) || (input.spec.api.webhooks ?? []).length === 0) return [];
  const gaps = metric('apiWebhookGaps');
  // A process that finds the gap when it takes over exports no earlier figure to compare with.
  const foundAtStart = `(${gaps} > 0 unless ${gaps} offset 1h)`;
  return [
    {
      alert: 'OcppWebhookLate',
      expr: `max by (webhook) (${metric('apiWebhookLag')}) > ${LATE_SECONDS}`,
      for: '5m',
      summary: 'a webhook gets events late',
      description: `The oldest event that waits for the webhook {{ $labels.webhook }} is {{ $value | humanizeDuration }} old. If one station fails, only its events wait. If the endpoint is down or slow, at most 100 000 events wait, and later ones can be lost. ${ADVICE}`,
    },
    {
      alert: 'OcppWebhookEventsLost',
      expr: `sum by (webhook) (increase(${gaps}[1h]) > 0 or ${foundAtStart}) > 0`,
      for: '0s',
      summary: 'events were dropped before a webhook got them',
      description: `The webhook {{ $labels.webhook }} got ocpp.gap instead of some events, as it was down or too slow for long. Its receiver must read the lists of the API again. ${ADVICE}`,
    },
  ];
}
