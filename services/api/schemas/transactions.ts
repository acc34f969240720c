/** Open transactions and bills in one shape: which fields are there depends on `state` and on what the station sent. */
import { answerOf, listOf, maybe, pageOf, text, time, whole, word } from './schema.ts';

const number = (description: string) => maybe(whole(description, 0, Number.MAX_SAFE_INTEGER));

export const Transaction = answerOf(
  'Transaction',
  'A transaction: open, or closed with its bill. Energy is in Wh.',
  {
    state: word(['open', 'closed'], 'Fields of bills are present when it is closed.'),
    station: text('Identity of the station.'),
    transaction: text('Id of the transaction at this station.'),
    protocol: maybe(text('Subprotocol of its start.')),
    connector: number('Connector.'),
    evse: number('EVSE of 2.x.'),
    token: maybe(text('Token that started it.')),
    authorization: maybe(text('Decision about the token at the start.')),
    startedAt: maybe(text('Time as the station wrote it.')),
    meterStart: maybe(text('Register at the start, an exact decimal.')),
    lastMeter: maybe(text('Newest reading of the register, an exact decimal.')),
    lastMeterAt: maybe(text('Its time as the station wrote it.')),
    energy: maybe(text('Energy so far, or in total; an exact decimal.')),
    chargingState: maybe(text('chargingState of 2.x.')),
    remoteStartId: maybe(whole('remoteStartId of 2.x.', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)),
    reservationId: maybe(whole('Reservation.', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)),
    notes: maybe(listOf(text('What is doubtful about it.'))),
    heardAt: maybe(time('When its last message was received, or up to ten minutes earlier.')),
    billId: maybe(text('Id of the bill.')),
    kind: maybe(word(['final', 'abandoned', 'correction'], 'Kind of the bill.')),
    supersedes: maybe(text('The bill that this one replaces.')),
    meterStop: maybe(text('Register at the end, an exact decimal.')),
    stoppedAt: maybe(text('Time as the station wrote it.')),
    reason: maybe(text('Why it ended.')),
    gaps: maybe(text('Missing messages of 2.x.')),
    recordedAt: maybe(time('When the bill was stored.')),
  },
);

export const TransactionPage = pageOf(
  'TransactionPage',
  Transaction,
  'Open transactions, the longest running first, or bills, the newest first.',
);
