/** What may be sent to a station: actions of a version, and the schemas of their requests. */
import { answerOf, flag, freeObject, listOf, protocol, text } from './schema.ts';

const CommandAction = answerOf('CommandAction', 'An action that a station takes.', {
  action: text('Action of OCPP.'),
  queueable: flag('Whether it may wait for an offline station.'),
});

export const CommandActions = answerOf('CommandActions', 'The actions that a station of a version takes.', {
  protocol,
  actions: listOf(CommandAction),
});

export const CommandSchema = answerOf('CommandSchema', 'The schema of a request to a station.', {
  protocol,
  action: text('Action of OCPP.'),
  schema: freeObject(
    'JSON schema (draft 6) that the payload of a command is checked against; `definitions` has what it refers to.',
  ),
});
