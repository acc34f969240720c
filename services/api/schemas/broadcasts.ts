/** Broadcasts: the same command to many stations. */
import { action, Command, commandOptions, payload } from './commands.ts';
import { answerOf, bodyOf, listOf, maybe, pageOf, station, text, time, whole, word } from './schema.ts';

const { protocol, priority, timeToLive, timeout, queueable } = commandOptions;

const BroadcastFilter = bodyOf('BroadcastFilter', 'Stations that ever connected, of these properties.', {
  prefix: maybe(text('Beginning of the identity.', { minLength: 1, maxLength: 255 })),
});

export const BroadcastRequest = bodyOf(
  'BroadcastRequest',
  'A command and its stations: a list of them, or a filter. An empty filter means all stations.',
  {
    stations: maybe(listOf(station, { minItems: 1, maxItems: 20_000 })),
    filter: maybe(BroadcastFilter),
    action,
    payload,
    perSecond: maybe(whole('Commands started per second; 50 by default.', 1, 1000)),
    atOnce: maybe(whole('Most commands open at once; 1000 by default.', 1, 2000)),
    protocol,
    priority,
    timeToLive,
    timeout,
    queueable,
  },
);

const count = (description: string) => whole(description, 0, Number.MAX_SAFE_INTEGER);

export const Broadcast = answerOf('Broadcast', 'A broadcast and how far it is.', {
  id: text('Its Idempotency-Key.'),
  action: text('Action of OCPP.'),
  state: word(['running', 'ended', 'stopped'], 'stopped: no further commands are started.'),
  stations: count('Stations that it is for.'),
  answered: count('Stations that answered.'),
  notSent: count('Stations that have not received it and never will.'),
  uncertain: count('Stations of which the outcome is unknown.'),
  startedAt: time('When it was started.'),
  endedAt: maybe(time('When it ended or was stopped; it is kept for a day after that.')),
});

export const OutcomePage = pageOf(
  'OutcomePage',
  Command,
  'Outcomes of stations, in the order of the broadcast. A page may be empty and still have `next`.',
);
