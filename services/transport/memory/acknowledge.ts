/** Acknowledges a delivery in memory: the rules of redis/queue/acknowledge.lua, in one synchronous step. */
import { formatFrame, MessageType } from '../../ocpp/frame.ts';
import type { MemoryCalls } from './calls.ts';
import type { MemorySession } from './gateway.ts';
import type { MemoryState } from './state.ts';
import { endBy } from '../station-call.ts';
import type { IncomingFrame, OutgoingFrame } from '../gateway.ts';
import type { Answer, Outcome } from '../outcome.ts';

export interface MemoryAcknowledgement {
  /** Of the connection that sent the frame. */
  readonly session: MemorySession;
  readonly incoming: IncomingFrame;
  readonly outcome: Outcome;
  readonly state: MemoryState;
  readonly calls: MemoryCalls;
}

export function acknowledge(delivered: MemoryAcknowledgement): void {
  takeEffect(delivered);
  // After the response: a station gets the answer to its boot first.
  delivered.calls.acknowledged(delivered.session, delivered.outcome.holdsCalls === true);
}

function takeEffect({ session, incoming, outcome, state, calls }: MemoryAcknowledgement): void {
  const { frame, sequence } = incoming;
  if (frame.type === MessageType.Send && !session.sends.add(sequence)) return;
  const end = endBy(frame);
  if (end !== undefined && !calls.answered(session, frame.id, end)) return;
  if (frame.type === MessageType.Call) {
    if (sequence < session.lastCall) return;
    if (sequence === session.lastCall) {
      if (session.lastAnswer !== undefined) session.sink.deliver(session.lastAnswer);
      return;
    }
    session.lastCall = sequence;
  }
  const replayed = outcome.businessKey === undefined ? undefined : state.replay(outcome.businessKey);
  if (replayed === undefined && outcome.deadLetter === undefined) apply(state, outcome);
  if (frame.type !== MessageType.Call) return;
  session.lastAnswer =
    replayed === undefined ? answerFrame(frame.id, outcome.answer) : replayFrame(frame.id, replayed);
  if (session.lastAnswer !== undefined) session.sink.deliver(session.lastAnswer);
}

function apply(
  state: MemoryState,
  { writes, events, businessKey, businessKeySeconds, answer, unreadable }: Outcome,
): void {
  for (const write of writes) state.apply(write);
  for (const event of events) state.emit(event);
  if (unreadable !== undefined) state.keepUnreadable(unreadable);
  if (businessKey !== undefined && answer?.kind === 'result') {
    state.remember(businessKey, JSON.stringify(answer.payload), businessKeySeconds);
  }
}

/** @param payload JSON */
function replayFrame(messageId: string, payload: string): OutgoingFrame {
  const type = MessageType.CallResult;
  return { type, messageId, text: `[${type},${JSON.stringify(messageId)},${payload}]` };
}

function answerFrame(id: string, answer: Answer | undefined): OutgoingFrame | undefined {
  if (answer === undefined) return undefined;
  if (answer.kind === 'result') return replayFrame(id, JSON.stringify(answer.payload));
  const { code, description, details = {} } = answer;
  const frame = { type: MessageType.CallError, id, code, description, details } as const;
  return { type: frame.type, messageId: id, text: formatFrame(frame) };
}
