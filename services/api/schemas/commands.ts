/** Commands to stations: what a caller sends, and what becomes of it. */
import {
  answerOf,
  bodyOf,
  flag,
  freeObject,
  maybe,
  parameters,
  protocol,
  station,
  text,
  whole,
  word,
} from './schema.ts';

const Answer = answerOf(
  'StationAnswer',
  'What the station answered: a result with its payload, or an error.',
  {
    kind: word(['result', 'error'], 'CALLRESULT or CALLERROR.'),
    payload: maybe(freeObject('Payload of a result.')),
    code: maybe(text('Error code of OCPP.')),
    description: maybe(text('Description of the error.')),
    details: maybe(freeObject('Details of the error.')),
  },
);

export const Command = answerOf('Command', 'A command to a station and what became of it.', {
  id: text('Its idempotency key at this station.'),
  station: text('Identity of the station.'),
  action: maybe(text('Action of OCPP.')),
  state: word(
    ['queued', 'sent', 'answered', 'not-sent', 'uncertain'],
    'not-sent: the station has not received it and never will. uncertain: it is unknown whether the station acted on it.',
  ),
  reason: maybe(text('Why it was not sent, or why its outcome is uncertain.')),
  detail: maybe(text('What is wrong with the answer, or which part of the command failed; for people.')),
  answer: maybe(Answer),
});

/** A week and an hour, as StationCalls bounds them; s. */
const LONGEST_QUEUED = 7 * 86_400;
const LONGEST_RESPONSE = 3600;

/** What every command may say. */
export const commandOptions = {
  /** Overrides that of the connection or the last boot of the station. */
  protocol: maybe(protocol),
  priority: maybe(whole('Of the commands queued for one station, the highest is sent first.', 0, 9)),
  timeToLive: maybe(whole('How long it may be queued; s.', 1, LONGEST_QUEUED)),
  timeout: maybe(whole('How long the station may take to respond; s.', 1, LONGEST_RESPONSE)),
  queueable: maybe(flag('Whether it waits for an offline station.')),
  announce: maybe(
    flag('Whether the event `command-ended`, with the id of the command, says when it has ended.'),
  ),
  wait: maybe(whole('How long the response waits for the end of the command; s. 30 by default.', 0, 60)),
  keepEntry: maybe(flag('The password in it is for another system: the register keeps what it has.')),
  replacePending: maybe(flag('Send a password although an earlier new one is pending.')),
};

export const action = text('Action of OCPP, such as `Reset`.', { minLength: 1, maxLength: 50 });
export const payload = freeObject('Payload of the action, in the version of the station.');

export const CommandRequest = bodyOf('CommandRequest', 'Any action of OCPP.', {
  action,
  payload,
  ...commandOptions,
});

const evse = maybe(whole('EVSE of 2.x.', 1, 2 ** 31 - 1));
const connector = maybe(whole('Connector.', 1, 2 ** 31 - 1));

export const StartRequest = bodyOf('StartRequest', 'Starts a transaction.', {
  token: text('Token that pays.', { minLength: 1, maxLength: 255 }),
  tokenType: maybe(text('IdTokenType of 2.x, such as ISO14443.', { minLength: 1, maxLength: 20 })),
  connector,
  evse,
  chargingProfile: maybe(freeObject('ChargingProfile in the version of the station.')),
  ...commandOptions,
});

export const StopRequest = bodyOf('StopRequest', 'Stops a transaction.', {
  transaction: text('Id of the transaction.', { minLength: 1, maxLength: 255 }),
  ...commandOptions,
});

export const UnlockRequest = bodyOf('UnlockRequest', 'Unlocks a connector.', {
  connector: whole('Connector.', 1, 2 ** 31 - 1),
  evse,
  ...commandOptions,
});

export const ResetRequest = bodyOf('ResetRequest', 'Resets a station, or one EVSE of 2.x.', {
  type: maybe(
    word(
      ['soft', 'hard', 'idle', 'immediate'],
      'Kind of reset: soft and hard of 1.6, idle and immediate of 2.x.',
    ),
  ),
  evse,
  ...commandOptions,
});

export const TriggerRequest = bodyOf('TriggerRequest', 'Requests a message of the station.', {
  message: text('The message, such as `StatusNotification`.', { minLength: 1, maxLength: 50 }),
  connector,
  evse,
  ...commandOptions,
});

export const idempotencyKey = text(
  'Names the intent: the same key sends nothing a second time. Random by default.',
  {
    minLength: 1,
    maxLength: 255,
    pattern: '^[ -~]+$',
  },
);

export const commandPath = parameters({
  station,
  command: text('Id of the command.', { minLength: 1, maxLength: 255 }),
});
