/**
 * Transactions of OCPP 2.0.1 and 2.1: TransactionEvent, and MeterValues, which are never part of one.
 *
 * The station gives the ids and numbers its events. Any of them may be the first to arrive, or come long after the fact
 * (offline): what is said is remembered, nothing is refused. What an event means for a transaction that is open, closed
 * or unknown says the table in transactions/event-kind.ts.
 */
import type { OCPP20, OCPP21 } from 'typed-ocpp';
import { readDecimal, writeDecimal } from '../../ocpp/decimal.ts';
import { utcOf } from '../../ocpp/time.ts';
import { businessKey, digest, METER_KEY_SECONDS } from '../business-key.ts';
import { eventOf } from '../domain-event.ts';
import type { Handler, HandlerContext } from '../handler.ts';
import { isNewer, type MeterValue, type Metered, newest, signed } from '../meter.ts';
import { keepMeterValues, key } from '../state.ts';
import type { Authorization } from '../tokens.ts';
import type { End, StopMeter } from '../transactions/bill.ts';
import { abandon, close } from '../transactions/closing.ts';
import { type Meaning, meaningOf, type SaidEvent } from '../transactions/event-kind.ts';
import { lastReading, meterOf, saidTime, timeNotes } from '../transactions/reading.ts';
import {
  heard,
  openRecord,
  remember,
  type StoredTransaction,
  type TransactionFacts,
  type TransactionRecord,
} from '../transactions/record.ts';
import { type Effects, joined, report } from '../transactions/reports.ts';
import { afterEvent } from '../transactions/sequence.ts';
import { decideToken, idTokenInfo, refuseConcurrent } from './authorization.ts';

type Sent = OCPP20.TransactionEventRequest | OCPP21.TransactionEventRequest;
/** What a repaired message may have left out, although its schema does not. */
type Event = Omit<Sent, 'seqNo' | 'timestamp'> & Partial<Pick<Sent, 'seqNo' | 'timestamp'>>;
type EventResponse = OCPP20.TransactionEventResponse & OCPP21.TransactionEventResponse;

export const transactionEvent: Handler<Event, EventResponse> = async (event, context) => {
  const { stationId, settings, state } = context;
  const { eventType, seqNo, timestamp, idToken } = event;
  const { transactionId } = event.transactionInfo;
  const starts = eventType === 'Started';
  const recordKey = key.stationTransaction(stationId, transactionId);
  const [known, open, decision] = await Promise.all([
    state.transaction(recordKey),
    starts && event.evse !== undefined ? state.openTransactions(stationId) : [],
    idToken === undefined ? undefined : decideToken(idToken, context),
  ]);
  const replaced = open.filter((one) => one.key !== recordKey && isReplaced(one, event, context));
  const except = [recordKey, ...replaced.map((one) => one.key)];
  const judged =
    starts && decision !== undefined && idToken !== undefined
      ? await refuseConcurrent(decision, idToken.idToken, except, context)
      : decision;
  const one = new Telling(event, known, judged, recordKey, context);
  const now = context.now.getTime();
  return {
    response: judged === undefined ? {} : { idTokenInfo: idTokenInfo(judged) },
    businessKey: businessKey(
      'event',
      stationId,
      transactionId,
      seqNo,
      eventType,
      saidTime(timestamp, context),
    ),
    businessKeySeconds: eventType === 'Updated' ? METER_KEY_SECONDS : settings.transactionKeySeconds,
    ...joined(
      ...replaced.map((other) => abandon(other, 'connector-reused', now, settings.transactionKeySeconds)),
      one.effects(),
    ),
  };
};

export const meterValues2: Handler<OCPP20.MeterValuesRequest | OCPP21.MeterValuesRequest> = async (
  { evseId, meterValue },
  { stationId },
) => ({
  response: {},
  writes: keepMeterValues({ stationId, evseId }, meterValue as MeterValue[]),
  businessKey: businessKey('meter', stationId, evseId, digest(meterValue)),
  businessKeySeconds: METER_KEY_SECONDS,
});

/** A start on an EVSE ends what ran there, unless it is older and comes late. */
function isReplaced({ record }: StoredTransaction, event: Event, { now }: HandlerContext): boolean {
  if (record.evseId === undefined || record.evseId !== String(event.evse?.id)) return false;
  const { connectorId } = event.evse ?? {};
  const otherConnector =
    record.connectorId !== undefined && connectorId !== undefined && record.connectorId !== `${connectorId}`;
  return !otherConnector && isNewer(event.timestamp, record.startedAt, now.getTime());
}

/** One event, beside what is known of its transaction. */
class Telling {
  readonly #event: Event;
  readonly #known: TransactionRecord | undefined;
  readonly #decision: Authorization | undefined;
  readonly #key: string;
  readonly #context: HandlerContext;
  readonly #metered: Metered;
  readonly #now: number;

  constructor(
    event: Event,
    known: TransactionRecord | undefined,
    decision: Authorization | undefined,
    recordKey: string,
    context: HandlerContext,
  ) {
    this.#event = event;
    this.#known = known;
    this.#decision = decision;
    this.#key = recordKey;
    this.#context = context;
    this.#metered = meterOf(event.meterValue as MeterValue[] | undefined, '/meterValue', context);
    this.#now = context.now.getTime();
  }

  effects(): Effects {
    const { eventType, timestamp, seqNo } = this.#event;
    const register = newest(this.#metered.readings, this.#now)?.energy;
    const said: SaidEvent = { eventType, timestamp: saidTime(timestamp, this.#context), seqNo, register };
    const meaning = meaningOf(this.#known, said, this.#now);
    const { stationId } = this.#context;
    const { transactionId } = this.#event.transactionInfo;
    const evseId = this.#event.evse?.id ?? this.#known?.evseId;
    const whole = eventType === 'Ended' || meaning === 'repeats';
    const values = this.#event.meterValue as MeterValue[] | undefined;
    const writes = keepMeterValues({ stationId, transactionId, evseId }, whole ? values : signed(values));
    return joined(this.#effectsOf(meaning), { writes, events: [] });
  }

  #effectsOf(meaning: Meaning): Effects {
    const { settings, stationId, log } = this.#context;
    const { transactionId } = this.#event.transactionInfo;
    const known = this.#known ?? {};
    const seconds = settings.transactionKeySeconds;
    const reused = () =>
      report('transaction-id-reused', stationId, { transactionId, startedAt: this.#event.timestamp });
    switch (meaning) {
      case 'opens':
        return this.#open({});
      case 'continues':
        return this.#continue(known);
      case 'closes':
        return close(this.#key, this.#facts(known), this.#end(known), seconds);
      case 'replaces': {
        const before = { key: this.#key, record: known };
        return joined(
          abandon(before, 'id-reused', this.#now, seconds),
          reused(),
          this.#open({ notes: 'id-reused' }),
        );
      }
      case 'reuses':
        return joined(reused(), this.#open({ notes: 'id-reused' }));
      case 'reuses-and-closes': {
        const facts = this.#facts({});
        return joined(reused(), close(this.#key, facts, this.#end({}), seconds));
      }
      case 'completes':
        return this.#complete(known, seconds);
      case 'corrects': {
        const end: End = { ...this.#end(known), kind: 'correction', supersedes: known.billId };
        return close(this.#key, this.#facts(known), end, seconds);
      }
      case 'follows':
        return { writes: [remember(this.#key, this.#reading(known))], events: [] };
      default:
        log.debug({ stationId, transactionId, seqNo: this.#event.seqNo }, 'event of a closed transaction');
        return { writes: [], events: [] };
    }
  }

  #open(more: TransactionFacts): Effects {
    const facts = { ...this.#facts({}), ...more };
    const writes = openRecord(this.#key, facts, this.#now);
    return { writes, events: this.#event.eventType === 'Started' ? [this.#started(facts)] : [] };
  }

  #continue(known: TransactionRecord): Effects {
    const facts = this.#news(known);
    const writes = [remember(this.#key, { ...facts, ...heard(known, this.#now) })];
    const { stationId } = this.#context;
    const { transactionId, chargingState } = this.#event.transactionInfo;
    const late = this.#event.eventType === 'Started' && known.startedAt === undefined;
    const changed = chargingState !== undefined && chargingState !== known.chargingState;
    return {
      writes,
      events: [
        ...(late ? [this.#started({ ...known, ...facts })] : []),
        ...(changed ? [eventOf('charging-state', stationId, { transactionId, chargingState })] : []),
      ],
    };
  }

  /** The start of a transaction that is billed: the bill is made once more, with it. */
  #complete(known: TransactionRecord, seconds: number): Effects {
    const { kind: _kind, billId, meterStop, closed = '', said: _said, ...facts } = known;
    const stop = meterStop === undefined ? undefined : readDecimal(meterStop);
    const end: End = {
      kind: 'correction',
      supersedes: billId,
      meter:
        stop === undefined
          ? { said: 'nothing' }
          : { said: 'register', energy: stop, phases: known.lastPhases ?? '' },
      stoppedAt: closed,
      stoppedAtUtc: known.stoppedAtUtc ?? utcOf(closed, this.#now),
      reason: known.reason ?? 'Local',
      again: true,
    };
    return close(this.#key, { ...facts, ...defined(this.#news(facts)) }, end, seconds);
  }

  /** All that is known with this event. */
  #facts(known: TransactionFacts): TransactionFacts {
    const { stationId, protocol } = this.#context;
    const { transactionId } = this.#event.transactionInfo;
    return { ...known, stationId, transactionId, protocol, ...defined(this.#news(known)) };
  }

  /** What this event adds. The token of the start stays: a stop may be another's card. */
  #news(known: TransactionFacts): TransactionFacts {
    const { eventType, evse, idToken, timestamp, seqNo, reservationId, transactionInfo } = this.#event;
    const { receivedAt } = this.#context;
    const starts = eventType === 'Started';
    const isFirst = starts && known.startedAt === undefined;
    const begin = this.#startRegister(known, isFirst);
    const sequence = { seqNo: numberOf(known.seqNo), gaps: known.gaps ?? '' };
    const counted = afterEvent(sequence, seqNo, starts);
    const takesToken = idToken !== undefined && (isFirst || known.idTag === undefined);
    return {
      ...(evse !== undefined && { evseId: evse.id, connectorId: evse.connectorId }),
      ...(isFirst && {
        startedAt: timestamp ?? receivedAt.toISOString(),
        startedAtUtc: utcOf(timestamp, receivedAt.getTime()),
      }),
      ...begin,
      ...(takesToken && { idTag: idToken.idToken, authorization: this.#decision?.status }),
      seqNo: counted.seqNo,
      ...(counted.gaps !== sequence.gaps && { gaps: counted.gaps }),
      remoteStartId: transactionInfo.remoteStartId,
      reservationId,
      chargingState: transactionInfo.chargingState,
      ...this.#notes(known, isFirst),
      // The bill takes the register of an end from the event itself. That of the start is no later reading.
      ...(eventType !== 'Ended' && this.#reading(known, isFirst ? 1 : 0)),
    };
  }

  /** Of a start its first register; of any other event only one that says that it is the start's. */
  #startRegister(known: TransactionFacts, isFirst: boolean): TransactionFacts {
    if (known.meterStart !== undefined) return {};
    const { readings } = this.#metered;
    const begin = readings.find((reading) => reading.begin) ?? (isFirst ? readings[0] : undefined);
    if (begin === undefined || begin.energy.digits < 0n) return {};
    return {
      meterStart: writeDecimal(begin.energy),
      ...(begin.phases !== '' && { startPhases: begin.phases }),
    };
  }

  #notes(known: TransactionFacts, isFirst: boolean): TransactionFacts {
    const trouble = isFirst && this.#metered.readings.length === 0 ? this.#metered.troubles.slice(0, 1) : [];
    const words = [
      ...(known.notes ?? '').split(' '),
      ...(isFirst ? timeNotes(this.#context) : []),
      ...trouble,
    ];
    const notes = [...new Set(words)].filter((word) => word !== '').join(' ');
    return notes === (known.notes ?? '') ? {} : { notes };
  }

  #reading(known: TransactionFacts, from = 0): TransactionFacts {
    const { readings, troubles } = this.#metered;
    return lastReading({ readings: readings.slice(from), troubles }, known, this.#now);
  }

  #end(known: TransactionFacts): End {
    const { timestamp, transactionInfo } = this.#event;
    const { receivedAt } = this.#context;
    return {
      kind: 'final',
      meter: this.#stopMeter(known),
      stoppedAt: timestamp ?? receivedAt.toISOString(),
      stoppedAtUtc: utcOf(timestamp, receivedAt.getTime()),
      // Left out means Local (TransactionType.stoppedReason).
      reason: transactionInfo.stoppedReason ?? 'Local',
      notes: timeNotes(this.#context),
    };
  }

  /** The newest register of the end, or of what came before where that is newer. */
  #stopMeter({ lastMeterAt }: TransactionFacts): StopMeter {
    const { readings, troubles } = this.#metered;
    const last = newest(
      readings.filter(({ begin }) => !begin),
      this.#now,
    );
    if (last === undefined) return troubles[0] === undefined ? { said: 'nothing' } : { said: troubles[0] };
    if (!isNewer(last.at, lastMeterAt, this.#now)) return { said: 'nothing' };
    return { said: 'register', energy: last.energy, phases: last.phases };
  }

  #started({ authorization, reservationId, remoteStartId, chargingState }: TransactionFacts) {
    const { evse, transactionInfo } = this.#event;
    const facts = { authorization, reservationId, remoteStartId, chargingState };
    const { transactionId } = transactionInfo;
    return eventOf('transaction-started', this.#context.stationId, {
      transactionId,
      evse: evse?.id,
      ...facts,
    });
  }
}

function numberOf(text: number | string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function defined(facts: TransactionFacts): TransactionFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
