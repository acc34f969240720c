/** Streams of the network: events, meter values, reports, settlements, dead letters, unreadable texts, and the audit. */
import { answerOf, flag, maybe, pageOf, text, texts, time, whole, word } from './schema.ts';

const entry = {
  id: text('Id of the entry; a cursor too.'),
  at: time('When it was stored.'),
  station: text('Identity of the station.'),
  fields: texts('What the entry holds.'),
};

export const StreamEntry = answerOf('StreamEntry', 'An entry of a stream of the network.', entry);
export const StreamEntryPage = pageOf('StreamEntryPage', StreamEntry, 'Entries, the oldest first.');

export const NetworkEvent = answerOf('NetworkEvent', 'Something that happened in the network.', {
  ...entry,
  type: text('Type of the event.'),
});
export const EventPage = pageOf(
  'EventPage',
  NetworkEvent,
  'Events, the oldest first. `next` is always present.',
);

export const CloudEvent = answerOf('CloudEvent', 'An event of the network as a CloudEvent 1.0.', {
  specversion: word(['1.0'], 'Version of CloudEvents.'),
  id: text('Id of the event: its cursor, too. With `source` it is unique.'),
  source: text('`/ocpp/` and the name of the cluster.'),
  type: text('`ocpp.` and the type of the event.'),
  time: time('When it was stored.'),
  datacontenttype: word(['application/json'], 'Type of `data`.'),
  subject: maybe(text('Identity of the station; absent for an event of the whole network.')),
  data: texts('What the event holds.'),
});
export const CloudEventPage = pageOf(
  'CloudEventPage',
  CloudEvent,
  'CloudEvents, the oldest first. `next` is always present.',
);

export const DeadLetter = answerOf('DeadLetter', 'A message that no processor could handle.', {
  id: text('Id of the dead letter.'),
  at: time('When it was stored.'),
  reason: text('Why it could not be handled.'),
  deliveries: whole('How often it was delivered.', 0, Number.MAX_SAFE_INTEGER),
  station: maybe(text('Identity of the station.')),
  protocol: maybe(text('Subprotocol.')),
  action: maybe(text('Action of OCPP.')),
  messageId: maybe(text('Id of the message.')),
  receivedAt: maybe(time('When it was received.')),
  mayRepeat: flag(
    'Whether a replay could take effect twice, as it is older than the keys of repeated messages.',
  ),
  entry: maybe(text('As it was in the queue; only of a single dead letter.')),
});
export const DeadLetterPage = pageOf('DeadLetterPage', DeadLetter, 'Dead letters.');

export const UnreadableText = answerOf(
  'UnreadableText',
  'A text of a station that could not be understood.',
  {
    id: text('Id of the text.'),
    at: time('When it was stored.'),
    station: text('Identity of the station.'),
    protocol: text('Subprotocol.'),
    reason: text('Why it could not be understood.'),
    text: text('The text, or its beginning.'),
  },
);
export const UnreadablePage = pageOf('UnreadablePage', UnreadableText, 'Unreadable texts.');

export const AuditEntry = answerOf(
  'AuditEntry',
  'A command or change. It has two entries: one before it is done, without `status`, and one with it afterwards.',
  {
    id: text('Id of the entry.'),
    at: time('When it was stored.'),
    request: text('Id of the request, which both entries have; the header X-Request-Id of its response.'),
    who: text('Name of the access token.'),
    scope: text('Scope of the access token.'),
    method: text('HTTP method.'),
    path: text('Path, without its query.'),
    status: maybe(whole('HTTP status of the response; absent in the entry before it is done.', 100, 599)),
    station: maybe(text('Identity of the station.')),
    action: maybe(text('Action of OCPP.')),
    command: maybe(text('Id of the command.')),
  },
);
export const AuditPage = pageOf('AuditPage', AuditEntry, 'Entries of the audit, the newest first.');
