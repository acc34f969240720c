/** What a TransactionEvent of 2.x changes, by what it means for its transaction (event-kind.ts). */
import { utcOf } from '../../ocpp/time.ts';
import { eventOf } from '../facts.ts';
import { newest } from './meter.ts';
import type { End, Note, StopMeter } from './bill.ts';
import { abandon, billed, close } from './closing.ts';
import { defined, endOf, factsWith, newsOf, readingOf, type ReceivedEvent } from './event-facts.ts';
import { type Meaning, meaningOf } from './event-kind.ts';
import { reportedTime } from './reading.ts';
import {
  changeToken,
  decimalOf,
  heard,
  openRecord,
  remember,
  rememberIfThere,
  type ReplacedTransaction,
  type TransactionFacts,
  type TransactionRecord,
} from './record.ts';
import { type Effects, joined, report } from './reports.ts';

/** @param key of the record of its transaction */
export function meaningFor(told: ReceivedEvent, known: TransactionRecord | undefined): Meaning {
  const { event, metered, context } = told;
  const { eventType, timestamp, seqNo } = event;
  const now = context.now.getTime();
  const register = newest(metered.readings, now)?.energy;
  const isUnread = known !== undefined && Boolean(readingOf(told, known).meterTrouble);
  return meaningOf(
    known,
    { eventType, timestamp: reportedTime(timestamp, context), seqNo, register, registerUnreadable: isUnread },
    now,
  );
}

export function effectsOf(
  meaning: Meaning,
  key: string,
  known: TransactionRecord,
  told: ReceivedEvent,
): Effects {
  const { event, context } = told;
  const { settings, stationId, log } = context;
  const { transactionId } = event.transactionInfo;
  const seconds = settings.transactionKeySeconds;
  const now = context.now.getTime();
  const reused = () =>
    report('transaction-id-reused', stationId, { transactionId, startedAt: event.timestamp });
  switch (meaning) {
    case 'opens':
      return open(key, told, {});
    case 'continues':
      return goOn(key, known, told);
    case 'closes':
      return close(key, factsWith(told, known), endOf(told), seconds);
    case 'replaces': {
      const before = abandon({ key, record: known }, 'id-reused', now, seconds);
      return joined(before, reused(), openAgain(key, told, { facts: lasting(known), billId: before.billId }));
    }
    case 'ends-earlier':
      return endEarlier(known, told);
    case 'reuses':
      return joined(reused(), openAgain(key, told));
    case 'reuses-and-closes':
      return joined(
        reused(),
        close(key, { ...factsWith(told, {}), notes: 'id-reused' }, endOf(told), seconds),
      );
    case 'completes':
      return complete(key, known, told);
    case 'corrects': {
      const end: End = { ...endOf(told), kind: 'correction', supersedes: known.billId };
      return close(key, factsWith(told, known), end, seconds);
    }
    case 'follows':
      return follow(key, known, told);
    default:
      log.debug({ stationId, transactionId, seqNo: event.seqNo }, 'event of a closed transaction');
      return { writes: [], events: [] };
  }
}

function open(key: string, told: ReceivedEvent, more: TransactionFacts): Effects {
  const facts = { ...factsWith(told, {}), ...more };
  const writes = openRecord(key, facts, told.context.now.getTime());
  return { writes, events: told.event.eventType === 'Started' ? [started(told, facts)] : [] };
}

/** @param replaced the transaction of the same id that had no end yet: it may come late */
function openAgain(key: string, told: ReceivedEvent, replaced?: ReplacedTransaction): Effects {
  const { notes } = factsWith(told, {});
  const before = replaced === undefined ? undefined : JSON.stringify(replaced);
  return open(key, told, { notes: notes === undefined ? 'id-reused' : `${notes} id-reused`, before });
}

/** The end of a transaction that was closed as abandoned when its id was used again: its bill is corrected. */
function endEarlier({ before = '{}' }: TransactionRecord, told: ReceivedEvent): Effects {
  const { facts, billId } = JSON.parse(before) as ReplacedTransaction;
  return billed(facts, { ...endOf(told), kind: 'correction', supersedes: billId });
}

/** The facts that a bill is made of. */
function lasting({
  openedAt: _opened,
  heardAt: _heard,
  before: _before,
  ...facts
}: TransactionFacts): TransactionFacts {
  return facts;
}

function goOn(key: string, known: TransactionRecord, told: ReceivedEvent): Effects {
  const { event, context } = told;
  const facts = newsOf(told, known);
  const writes = [
    remember(key, { ...facts, ...heard(known, context.now.getTime()) }),
    ...changeToken(key, known, facts.idTag),
  ];
  const { transactionId, chargingState } = event.transactionInfo;
  const late = event.eventType === 'Started' && known.startedAt === undefined;
  const changed = chargingState !== undefined && chargingState !== known.chargingState;
  return {
    writes,
    events: [
      ...(late ? [started(told, { ...known, ...facts })] : []),
      ...(changed ? [eventOf('charging-state', context.stationId, { transactionId, chargingState })] : []),
    ],
  };
}

/** The station speaks of a transaction that has ended. Where its bill is final, a person has to know of it, once. */
function follow(key: string, known: TransactionRecord, told: ReceivedEvent): Effects {
  const isNews = known.kind !== 'abandoned' && known.goesOn === undefined;
  const facts = { ...readingOf(told, known), ...(isNews && { goesOn: 'true' }) };
  const { billId } = known;
  const { transactionId } = told.event.transactionInfo;
  const doubt = { transactionId, billId, notes: 'goes-on' satisfies Note };
  return joined(
    { writes: [rememberIfThere(key, facts)], events: [] },
    ...(isNews ? [report('bill-doubtful', told.context.stationId, doubt)] : []),
  );
}

/** What was missing in a bill came late, its start or its last register: the bill is made once more, with it. */
function complete(key: string, known: TransactionRecord, told: ReceivedEvent): Effects {
  const { kind: _kind, billId, meterStop, closed = '', said: _said, stopSaid, stopPhases, ...facts } = known;
  const { settings, now } = told.context;
  const stop = stopSaid === undefined ? decimalOf(meterStop) : undefined;
  const end: End = {
    kind: 'correction',
    supersedes: billId,
    meter:
      stop === undefined
        ? ({ said: stopSaid ?? 'nothing' } as StopMeter)
        : { said: 'register', energy: stop, phases: stopPhases ?? '' },
    stoppedAt: closed,
    stoppedAtUtc: known.stoppedAtUtc ?? utcOf(closed, now.getTime()),
    reason: known.reason ?? 'Local',
    again: true,
  };
  const all = { ...facts, ...defined(newsOf(told, facts)) };
  return close(key, all, end, settings.transactionKeySeconds);
}

function started({ event, context }: ReceivedEvent, facts: TransactionFacts) {
  const { authorization, reservationId, remoteStartId, chargingState } = facts;
  const { transactionId } = event.transactionInfo;
  const about = { transactionId, evse: event.evse?.id, authorization };
  return eventOf('transaction-started', context.stationId, {
    ...about,
    reservationId,
    remoteStartId,
    chargingState,
  });
}
