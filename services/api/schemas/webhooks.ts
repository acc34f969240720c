/** Event webhooks: their state, their dead letters, and tests. */
import { answerOf, flag, listOf, maybe, pageOf, text, time, whole, word } from './schema.ts';
import { CloudEvent } from './streams.ts';

const count = (description: string) => whole(description, 0, Number.MAX_SAFE_INTEGER);

export const Webhook = answerOf('Webhook', 'A webhook that gets events.', {
  name: text('Its name in the settings.'),
  url: text('Where events are sent, without its query.'),
  types: listOf(text('Type of events, or with `*` at the end the beginning of types.')),
  state: word(
    ['delivering', 'down', 'starting'],
    '`down`: several stations in a row failed, and one event is tried at a time. `starting`: no process of the API delivers at the moment.',
  ),
  lagSeconds: count('Age of the oldest event that is not delivered.'),
  parked: count('Events that wait because their station or the endpoint fails or is slow.'),
  deadLetters: count('Dead letters.'),
  gaps: count('Times that events were dropped before they were delivered.'),
  cursor: maybe(text('Events up to this one are delivered, dead letters or parked.')),
  deliveredAt: maybe(time('The last delivery.')),
  failedAt: maybe(time('The last failure.')),
  lastError: maybe(text('What that failure was.')),
});
export const WebhookList = answerOf('WebhookList', 'All webhooks.', { items: listOf(Webhook) });

export const WebhookDeadLetter = answerOf('WebhookDeadLetter', 'An event that is not sent again by itself.', {
  id: text('Id of the event.'),
  at: time('When it became a dead letter.'),
  reason: text('Why: `refused`, `undelivered` or `backlog-full`, and the last error.'),
  attempts: whole('How often it was sent.', 0, Number.MAX_SAFE_INTEGER),
  event: CloudEvent,
});
export const WebhookDeadLetterPage = pageOf(
  'WebhookDeadLetterPage',
  WebhookDeadLetter,
  'Dead letters, the oldest first.',
);

export const WebhookTest = answerOf('WebhookTest', 'How a test event fared.', {
  id: text('Id of the event.'),
  delivered: flag('Whether the endpoint took it.'),
  milliseconds: count('How long that took.'),
  error: maybe(text('Why it did not.')),
});
