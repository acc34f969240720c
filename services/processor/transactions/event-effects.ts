/** What a TransactionEvent of 2.x changes, by what it means for its transaction (event-kind.ts). */
import { utcOf } from '../../ocpp/time.ts';
import { eventOf } from '../domain-event.ts';
import { newest } from '../meter.ts';
import type { End, StopMeter } from './bill.ts';
import { abandon, close } from './closing.ts';
import { defined, endOf, factsWith, newsOf, readingOf, type ToldEvent } from './event-facts.ts';
import { type Meaning, meaningOf } from './event-kind.ts';
import { saidTime } from './reading.ts';
import {
  decimalOf,
  heard,
  openRecord,
  remember,
  type TransactionFacts,
  type TransactionRecord,
} from './record.ts';
import { type Effects, joined, report } from './reports.ts';

/** @param key of the record of its transaction */
export function meaningFor(
  { event, metered, context }: ToldEvent,
  known: TransactionRecord | undefined,
): Meaning {
  const { eventType, timestamp, seqNo } = event;
  const now = context.now.getTime();
  const register = newest(metered.readings, now)?.energy;
  return meaningOf(known, { eventType, timestamp: saidTime(timestamp, context), seqNo, register }, now);
}

export function effectsOf(meaning: Meaning, key: string, known: TransactionRecord, told: ToldEvent): Effects {
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
    case 'replaces':
      return joined(
        abandon({ key, record: known }, 'id-reused', now, seconds),
        reused(),
        openAgain(key, told),
      );
    case 'reuses':
      return joined(reused(), openAgain(key, told));
    case 'reuses-and-closes':
      return joined(reused(), close(key, factsWith(told, {}), endOf(told), seconds));
    case 'completes':
      return complete(key, known, told);
    case 'corrects': {
      const end: End = { ...endOf(told), kind: 'correction', supersedes: known.billId };
      return close(key, factsWith(told, known), end, seconds);
    }
    case 'follows':
      return { writes: [remember(key, readingOf(told, known))], events: [] };
    default:
      log.debug({ stationId, transactionId, seqNo: event.seqNo }, 'event of a closed transaction');
      return { writes: [], events: [] };
  }
}

function open(key: string, told: ToldEvent, more: TransactionFacts): Effects {
  const facts = { ...factsWith(told, {}), ...more };
  const writes = openRecord(key, facts, told.context.now.getTime());
  return { writes, events: told.event.eventType === 'Started' ? [started(told, facts)] : [] };
}

function openAgain(key: string, told: ToldEvent): Effects {
  const { notes } = factsWith(told, {});
  return open(key, told, { notes: notes === undefined ? 'id-reused' : `${notes} id-reused` });
}

function goOn(key: string, known: TransactionRecord, told: ToldEvent): Effects {
  const { event, context } = told;
  const facts = newsOf(told, known);
  const writes = [remember(key, { ...facts, ...heard(known, context.now.getTime()) })];
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

/** What was missing in a bill came late, its start or its last register: the bill is made once more, with it. */
function complete(key: string, known: TransactionRecord, told: ToldEvent): Effects {
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

function started({ event, context }: ToldEvent, facts: TransactionFacts) {
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
