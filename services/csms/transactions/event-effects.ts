/** The effects of a TransactionEvent of 2.x, by its meaning for the transaction (event-kind.ts). */
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
export function meaningFor(received: ReceivedEvent, known: TransactionRecord | undefined): Meaning {
  const { event, metered, context } = received;
  const { eventType, timestamp, seqNo } = event;
  const now = context.now.getTime();
  const register = newest(metered.readings, now)?.energy;
  const registerUnreadable = known !== undefined && Boolean(readingOf(received, known).meterTrouble);
  return meaningOf(
    known,
    { eventType, timestamp: reportedTime(timestamp, context), seqNo, register, registerUnreadable },
    now,
  );
}

export function effectsOf(
  meaning: Meaning,
  key: string,
  known: TransactionRecord,
  received: ReceivedEvent,
): Effects {
  const { event, context } = received;
  const { settings, stationId, log } = context;
  const { transactionId } = event.transactionInfo;
  const seconds = settings.transactionKeySeconds;
  const now = context.now.getTime();
  const reused = () =>
    report('transaction-id-reused', stationId, { transactionId, startedAt: event.timestamp });
  switch (meaning) {
    case 'opens':
      return open(key, received, {});
    case 'continues':
      return goOn(key, known, received);
    case 'closes':
      return close(key, factsWith(received, known), endOf(received), seconds);
    case 'replaces': {
      const before = abandon({ key, record: known }, 'id-reused', now, seconds);
      return joined(
        before,
        reused(),
        openAgain(key, received, { facts: lasting(known), billId: before.billId }),
      );
    }
    case 'ends-earlier':
      return endEarlier(known, received);
    case 'reuses':
      return joined(reused(), openAgain(key, received));
    case 'reuses-and-closes':
      return joined(
        reused(),
        close(key, { ...factsWith(received, {}), notes: 'id-reused' }, endOf(received), seconds),
      );
    case 'completes':
      return complete(key, known, received);
    case 'corrects': {
      const end: End = { ...endOf(received), kind: 'correction', supersedes: known.billId };
      return close(key, factsWith(received, known), end, seconds);
    }
    case 'follows':
      return follow(key, known, received);
    default:
      log.debug({ stationId, transactionId, seqNo: event.seqNo }, 'event of a closed transaction');
      return { writes: [], events: [] };
  }
}

function open(key: string, received: ReceivedEvent, more: TransactionFacts): Effects {
  const facts = { ...factsWith(received, {}), ...more };
  const writes = openRecord(key, facts, received.context.now.getTime());
  return { writes, events: received.event.eventType === 'Started' ? [started(received, facts)] : [] };
}

/** @param replaced the transaction of the same id that has no end yet: the end may be late */
function openAgain(key: string, received: ReceivedEvent, replaced?: ReplacedTransaction): Effects {
  const { notes } = factsWith(received, {});
  const before = replaced === undefined ? undefined : JSON.stringify(replaced);
  return open(key, received, { notes: notes === undefined ? 'id-reused' : `${notes} id-reused`, before });
}

/** Corrects the bill of a transaction that was closed as abandoned when its id was reused. */
function endEarlier({ before = '{}' }: TransactionRecord, received: ReceivedEvent): Effects {
  const { facts, billId } = JSON.parse(before) as ReplacedTransaction;
  return billed(facts, { ...endOf(received), kind: 'correction', supersedes: billId });
}

/** The facts that a bill needs. */
function lasting({
  openedAt: _opened,
  heardAt: _heard,
  before: _before,
  ...facts
}: TransactionFacts): TransactionFacts {
  return facts;
}

function goOn(key: string, known: TransactionRecord, received: ReceivedEvent): Effects {
  const { event, context } = received;
  const facts = newsOf(received, known);
  const writes = [
    remember(key, { ...facts, ...heard(known, context.now.getTime(), context.settings.heardEveryMs) }),
    ...changeToken(key, known, facts.idTag),
  ];
  const { transactionId, chargingState } = event.transactionInfo;
  const late = event.eventType === 'Started' && known.startedAt === undefined;
  const changed = chargingState !== undefined && chargingState !== known.chargingState;
  return {
    writes,
    events: [
      ...(late ? [started(received, { ...known, ...facts })] : []),
      ...(changed ? [eventOf('charging-state', context.stationId, { transactionId, chargingState })] : []),
    ],
  };
}

/** An event of an ended transaction. If its bill is final, it is reported, once. */
function follow(key: string, known: TransactionRecord, received: ReceivedEvent): Effects {
  const isNews = known.kind !== 'abandoned' && known.goesOn === undefined;
  const facts = { ...readingOf(received, known), ...(isNews && { goesOn: 'true' }) };
  const { billId } = known;
  const { transactionId } = received.event.transactionInfo;
  const doubt = { transactionId, billId, notes: 'goes-on' satisfies Note };
  return joined(
    { writes: [rememberIfThere(key, facts)], events: [] },
    ...(isNews ? [report('bill-doubtful', received.context.stationId, doubt)] : []),
  );
}

/** The missing start or last register of a bill arrived late: the bill is corrected. */
function complete(key: string, known: TransactionRecord, received: ReceivedEvent): Effects {
  const { kind: _kind, billId, meterStop, closed = '', said: _said, stopSaid, stopPhases, ...facts } = known;
  const { settings, now } = received.context;
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
  const all = { ...facts, ...defined(newsOf(received, facts)) };
  return close(key, all, end, settings.transactionKeySeconds);
}

function started({ event, context }: ReceivedEvent, facts: TransactionFacts) {
  const { authorization, idTag, startedAt, meterStart, reservationId, remoteStartId, chargingState } = facts;
  const { transactionId } = event.transactionInfo;
  const about = { transactionId, evse: event.evse?.id, authorization };
  return eventOf('transaction-started', context.stationId, {
    ...about,
    idTag,
    startedAt,
    meterStart,
    reservationId,
    remoteStartId,
    chargingState,
  });
}
