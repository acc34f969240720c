/** What a TransactionEvent of 2.x adds to the facts of its transaction, and its facts of the end. Pure functions. */
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
/** A repaired message may lack required fields. */
export type TransactionEvent = Omit<Sent, 'seqNo' | 'timestamp'> & Partial<Pick<Sent, 'seqNo' | 'timestamp'>>;

/** An event, its readings and the decision about its token. */
export interface ReceivedEvent {
  readonly event: TransactionEvent;
  readonly metered: Metered;
  /** About its token, if it has one. */
  readonly decision: Authorization | undefined;
  readonly context: HandlerContext;
}

/** All known facts, including those of this event. */
export function factsWith(received: ReceivedEvent, known: TransactionFacts): TransactionFacts {
  const { stationId, protocol } = received.context;
  const { transactionId } = received.event.transactionInfo;
  return { ...known, stationId, transactionId, protocol, ...defined(newsOf(received, known)) };
}

/** The facts that this event adds. The token of the start stays: another card may stop. */
export function newsOf(received: ReceivedEvent, known: TransactionFacts): TransactionFacts {
  const { event, decision, context } = received;
  const { eventType, evse, idToken, timestamp, reservationId, transactionInfo } = event;
  const isFirst = eventType === 'Started' && known.startedAt === undefined;
  const takesToken = idToken !== undefined && (isFirst || known.idTag === undefined);
  return {
    ...(evse !== undefined && { evseId: evse.id, connectorId: evse.connectorId }),
    ...(isFirst && {
      startedAt: writtenTime(timestamp, context),
      startedAtUtc: utcOf(timestamp, context.receivedAt),
    }),
    ...startRegister(received, known, isFirst),
    ...(takesToken && { idTag: idToken.idToken, authorization: decision?.status }),
    ...sequenceWith(event, known),
    remoteStartId: transactionInfo.remoteStartId,
    reservationId,
    chargingState: transactionInfo.chargingState,
    ...notesWith(received, known, isFirst),
    // The bill takes the register of an end from the event itself. The register of a start is no later reading.
    ...(eventType !== 'Ended' && readingOf(received, known, isFirst ? 1 : 0)),
  };
}

/** The newest register of an event, if it is newer than the known one. @param from index of the first reading that counts */
export function readingOf(
  { metered: { readings, problems }, context }: ReceivedEvent,
  known: TransactionFacts,
  from = 0,
): TransactionFacts {
  return lastReading({ readings: readings.slice(from), problems }, known, context.now.getTime());
}

export function endOf({ event, metered, context }: ReceivedEvent): End {
  const { timestamp, transactionInfo } = event;
  const { receivedAt, now } = context;
  return {
    kind: 'final',
    meter: stopMeter(metered, now.getTime()),
    stoppedAt: writtenTime(timestamp, context),
    stoppedAtUtc: utcOf(timestamp, receivedAt),
    // Omitted means Local (TransactionType.stoppedReason).
    reason: transactionInfo.stoppedReason ?? 'Local',
    notes: timeNotes(context),
  };
}

/** The newest register of the end: it is the last one, whatever its time. */
function stopMeter(metered: Metered, now: number): StopMeter {
  const after = metered.readings.filter(({ begin }) => !begin);
  const problem = newestProblem({ ...metered, readings: after }, now);
  if (problem !== undefined) return { said: problem.why };
  const last = newest(after, now);
  return last === undefined
    ? { said: 'nothing' }
    : { said: 'register', energy: last.energy, phases: last.phases };
}

/** The first register of a start; of any other event only one with the context Transaction.Begin. */
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
  const problems = isFirst ? startProblems(metered) : [];
  const words = [...(known.notes ?? '').split(' '), ...(isFirst ? timeNotes(context) : []), ...problems];
  const notes = [...new Set(words)].filter((word) => word !== '').join(' ');
  return notes === (known.notes ?? '') ? {} : { notes };
}

/** Why the register of a start is unusable; empty if it has none. */
function startProblems({ readings, problems }: Metered): readonly Note[] {
  const first = oldest(readings);
  if (first === undefined) return problems.slice(0, 1).map(({ why }) => why);
  return first.energy.digits < 0n ? ['meter-start-missing'] : [];
}

export function defined(facts: TransactionFacts): TransactionFacts {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
