/** Alerts on event webhooks: no station notices, but the business back end does. */
import { hasApi, type RenderInput } from '../render-input.ts';
import { listPods, type Readers, type Rule } from './rule.ts';

/** Events that wait for longer are reported, s. An endpoint that is down delays all of them: it needs no alert of its own. */
const LATE_SECONDS = 900;
const ADVICE = 'GET /v1/webhooks of the API (`ocppctl webhooks list`) has the last error.';

export function lateWebhooks(input: RenderInput, { metric, labelled }: Readers): Rule[] {
  const { webhooks = [] } = input.spec.api;
  if (!hasApi(input) || webhooks.length === 0) return [];
  const [letters, gaps] = [metric('apiWebhookDeadLetters'), metric('apiWebhookGaps')];
  // A process that counts for the first time exports no earlier figure to compare with.
  const countedIn = (counter: string) =>
    `sum by (webhook) (increase(${counter}[1h]) > 0 or (${counter} > 0 unless ${counter} offset 1h)) > 0`;
  const withoutOwner = webhooks.map(
    ({ name }) => `absent(${labelled('apiWebhookLag', `webhook="${name}"`)})`,
  );
  return [
    {
      alert: 'OcppWebhookLate',
      expr: `max by (webhook) (${metric('apiWebhookLag')}) > ${LATE_SECONDS}`,
      for: '5m',
      summary: 'a webhook gets events late',
      description: `The oldest event that waits for the webhook {{ $labels.webhook }} is {{ $value | humanizeDuration }} old. If one station fails, only its events wait. If the endpoint is down or slow, at most 100 000 events wait, and later ones can be lost. ${ADVICE} Steps: docs/incidents.md.`,
    },
    {
      alert: 'OcppWebhookNotDelivering',
      expr: withoutOwner.join(' or '),
      for: '10m',
      summary: 'no API program delivers events to a webhook',
      description: `The webhook {{ $labels.webhook }} gets no events; they wait in Redis, and the oldest are dropped when it has 100 000. Either no API Pod runs, and the condition Degraded has the reason, or Redis refuses a command, mostly as its ACL user lacks a right of the API (docs/redis.md). The log of the API says which: ${listPods(input, 'api')}.`,
    },
    {
      alert: 'OcppWebhookDeadLetters',
      expr: countedIn(letters),
      for: '0s',
      summary: 'a webhook refused events',
      description: `{{ $value | humanize }} events for the webhook {{ $labels.webhook }} became dead letters within an hour, as its receiver refused them or failed for too long. It does not have them. \`ocppctl webhooks dead-letters\` has each with its reason; correct the receiver, and replay them. The last 1000 are kept.`,
    },
    {
      alert: 'OcppWebhookEventsLost',
      expr: countedIn(gaps),
      for: '0s',
      summary: 'events were dropped before a webhook got them',
      description: `The webhook {{ $labels.webhook }} got ocpp.gap instead of some events, as it was down or too slow for long. Its receiver must read the lists of the API again. ${ADVICE}`,
    },
  ];
}
