/** What a TransactionEvent of 2.x adds to what is known of its transaction, and what it says of its end. Pure functions. */
import type { OCPP20, OCPP21 } from 'typed-ocpp';
import { writeDecimal } from '../../ocpp/decimal.ts';
import { utcOf } from '../../ocpp/time.ts';
import type { HandlerContext } from '../handler.ts';
import { type Metered, newest, oldest } from './meter.ts';
import type { Authorization } from '../tokens.ts';
import type { End, Note, StopMeter } from './bill.ts';
import { lastReading, newestProblem, timeNotes, writtenTime } from './reading.ts';
import type { TransactionFacts } from './record.ts';
import { afterEvent } from './sequence.ts';

type Sent = OCPP20.TransactionEventRequest | OCPP21.TransactionEventRequest;
/** What a repaired message may have left out, although its schema does not. */
export type TransactionEvent = Omit<Sent, 'seqNo' | 'timestamp'> & Partial<Pick<Sent, 'seqNo' | 'timestamp'>>;

/** An event and what was found out about it. */
export interface ReceivedEvent {
  readonly event: TransactionEvent;
  readonly metered: Metered;
  /** About its token, where it has one. */
  readonly decision: Authorization | undefined;
  readonly context: HandlerContext;
}

/** All that is known with this event. */
export function factsWith(told: ReceivedEvent, known: TransactionFacts): TransactionFacts {
  const { stationId, protocol } = told.context;
  const { transactionId } = told.event.transactionInfo;
  return { ...known, stationId, transactionId, protocol, ...defined(newsOf(told, known)) };
}

/** What this event adds. The token of the start stays: a stop may be another's card. */
export function newsOf(told: ReceivedEvent, known: TransactionFacts): TransactionFacts {
  const { event, decision, context } = told;
  const { eventType, evse, idToken, timestamp, reservationId, transactionInfo } = event;
  const isFirst = eventType === 'Started' && known.startedAt === undefined;
  const takesToken = idToken !== undefined && (isFirst || known.idTag === undefined);
  return {
    ...(evse !== undefined && { evseId: evse.id, connectorId: evse.connectorId }),
    ...(isFirst && {
      startedAt: writtenTime(timestamp, context),
      startedAtUtc: utcOf(timestamp, context.receivedAt),
    }),
    ...startRegister(told, known, isFirst),
    ...(takesToken && { idTag: idToken.idToken, authorization: decision?.status }),
    ...sequenceWith(event, known),
    remoteStartId: transactionInfo.remoteStartId,
    reservationId,
    chargingState: transactionInfo.chargingState,
    ...notesWith(told, known, isFirst),
    // The bill takes the register of an end from the event itself. That of the start is no later reading.
    ...(eventType !== 'Ended' && readingOf(told, known, isFirst ? 1 : 0)),
  };
}

/** The newest register of an event, where it is newer than the one that is known. @param from without the readings before */
export function readingOf(
  { metered: { readings, problems: troubles }, context }: ReceivedEvent,
  known: TransactionFacts,
  from = 0,
): TransactionFacts {
  return lastReading({ readings: readings.slice(from), problems: troubles }, known, context.now.getTime());
}

export function endOf({ event, metered, context }: ReceivedEvent): End {
  const { timestamp, transactionInfo } = event;
  const { receivedAt, now } = context;
  return {
    kind: 'final',
    meter: stopMeter(metered, now.getTime()),
    stoppedAt: writtenTime(timestamp, context),
    stoppedAtUtc: utcOf(timestamp, receivedAt),
    // Left out means Local (TransactionType.stoppedReason).
    reason: transactionInfo.stoppedReason ?? 'Local',
    notes: timeNotes(context),
  };
}

/** The newest register in the end: it is the last one, whatever its time. */
function stopMeter(metered: Metered, now: number): StopMeter {
  const after = metered.readings.filter(({ begin }) => !begin);
  const trouble = newestProblem({ ...metered, readings: after }, now);
  if (trouble !== undefined) return { said: trouble.why };
  const last = newest(after, now);
  return last === undefined
    ? { said: 'nothing' }
    : { said: 'register', energy: last.energy, phases: last.phases };
}

/** Of a start its first register; of any other event only one that says that it is the start's. */
function startRegister(
  { metered: { readings } }: ReceivedEvent,
  known: TransactionFacts,
  isFirst: boolean,
): TransactionFacts {
  if (known.meterStart !== undefined) return {};
  const begin = readings.find((reading) => reading.begin) ?? (isFirst ? oldest(readings) : undefined);
  if (begin === undefined || begin.energy.digits < 0n) return {};
  return {
    meterStart: writeDecimal(begin.energy),
    ...(begin.phases !== '' && { startPhases: begin.phases }),
  };
}

function sequenceWith({ seqNo, eventType }: TransactionEvent, known: TransactionFacts): TransactionFacts {
  const before = {
    seqNo: known.seqNo === undefined ? undefined : Number(known.seqNo),
    gaps: known.gaps ?? '',
  };
  const after = afterEvent(before, seqNo, eventType === 'Started');
  return { seqNo: after.seqNo, ...(after.gaps !== before.gaps && { gaps: after.gaps }) };
}

function notesWith(
  { metered, context }: ReceivedEvent,
  known: TransactionFacts,
  isFirst: boolean,
): TransactionFacts {
  const trouble = isFirst ? startProblems(metered) : [];
  const words = [...(known.notes ?? '').split(' '), ...(isFirst ? timeNotes(context) : []), ...trouble];
  const notes = [...new Set(words)].filter((word) => word !== '').join(' ');
  return notes === (known.notes ?? '') ? {} : { notes };
}

/** Why the register of a start cannot be used; nothing where the station says none. */
function startProblems({ readings, problems: troubles }: Metered): readonly Note[] {
  const first = oldest(readings);
  if (first === undefined) return troubles.slice(0, 1).map(({ why }) => why);
  return first.energy.digits < 0n ? ['meter-start-missing'] : [];
}

export function defined(facts: TransactionFacts): TransactionFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
