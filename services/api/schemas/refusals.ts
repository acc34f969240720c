/** Refused handshakes. */
import { answerOf, flag, listOf, maybe, text, time, whole } from './schema.ts';

const Refusal = answerOf('RefusedHandshake', 'The last refusal of an identity for a reason.', {
  identity: text(
    'Identity in the address that was requested, valid or not. Empty where no request was read.',
  ),
  known: flag('Whether it is of a station that connected before or is registered.'),
  code: text('The reason in one word; docs/security.md explains each.'),
  status: whole('HTTP status of the refusal.', 100, 599),
  reason: text('What was wrong.'),
  advice: text('What to do about it.'),
  remoteAddress: text('Address of the client.'),
  listener: maybe(text('Listener that refused it: its name, or its port without one.')),
  first: time('When it was first refused, of those that are counted.'),
  last: time('When it was last refused.'),
  count: whole('How often it was refused.', 1, Number.MAX_SAFE_INTEGER),
});

export const RefusalList = answerOf('RefusedHandshakeList', 'Refused handshakes, the newest first.', {
  items: listOf(Refusal),
});
