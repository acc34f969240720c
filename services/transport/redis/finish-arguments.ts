/** A delivery and its outcome as the arguments of finish.lua. */
import { type Frame, MessageType } from '../../ocpp/frame.ts';
import { answerOf } from '../station-call.ts';
import {
  BUSINESS_KEY_SECONDS,
  type Answer,
  type DomainEvent,
  type Outcome,
  type StateWrite,
} from '../transport.ts';
import { type AnswerPieces, outboxAnswer, type Request, seedAnswer } from './envelope.ts';
import { EVENTS_KEPT, eventTexts } from './events.ts';
import { escapeKey, type Keys } from './keys.ts';

const NO_ANSWER: AnswerPieces = { head: '', body: '', tail: '' };
/** A replay has the head and tail of a result; its body is the stored one. */
const ANY_RESULT: Answer = { kind: 'result', payload: {} };

/** What finish.lua calls the frames. */
const KINDS: ReadonlyMap<number, string> = new Map([
  [MessageType.Call, 'call'],
  [MessageType.Send, 'send'],
  [MessageType.CallResult, 'answer'],
  [MessageType.CallError, 'answer'],
]);

export function finishArguments(keys: Keys, number: string, request: Request, outcome: Outcome): string[] {
  const { stationId, connection, sequence, gatewayId, frame, replayed } = request;
  const kind = KINDS.get(frame.type) ?? 'other';
  const { answer } = outcome;
  const known = connection > 0;
  const write = (to: Answer) =>
    known ? outboxAnswer(connection, frame.id, to) : seedAnswer(stationId, frame.id, to, Date.now());
  const pieces =
    kind === 'answer'
      ? stationAnswer(frame)
      : kind === 'call' && answer !== undefined
        ? write(answer)
        : NO_ANSWER;
  // What was answered under the business key before is said again, whatever the handler says now.
  const replay =
    kind === 'call' && outcome.businessKey !== undefined
      ? { key: keys.answered(outcome.businessKey), ...write(ANY_RESULT) }
      : { key: '', ...NO_ANSWER };
  const answers =
    kind !== 'call' || replayed ? '' : known ? keys.outbox(gatewayId) : keys.responses(stationId);
  const writes = [
    ...outcome.writes.flatMap((one) => writeArguments(keys, one)),
    ...outcome.events.flatMap((event) => eventArguments(keys, event)),
  ];
  return [
    number,
    escapeKey(stationId),
    known ? String(connection) : '',
    kind,
    String(sequence),
    answers,
    pieces.head,
    pieces.body,
    pieces.tail === '' ? replay.tail : pieces.tail,
    replay.head,
    replay.key,
    String(writes.length),
    String(outcome.businessKeySeconds ?? BUSINESS_KEY_SECONDS),
    ...writes,
  ];
}

/** What a station answered to a call of ours: its message id and its Answer as JSON. */
function stationAnswer(frame: Frame): AnswerPieces {
  const answer = answerOf(frame);
  return answer === undefined ? NO_ANSWER : { head: frame.id, body: JSON.stringify(answer), tail: '' };
}

function writeArguments(keys: Keys, write: StateWrite): string[] {
  const key = keys.state(write.key);
  if (write.kind === 'delete') return ['delete', key, '', '0'];
  const newerBy = write.kind === 'set' ? write.newerBy : undefined;
  const compared = newerBy === undefined ? {} : { [newerBy]: write.fields[newerBy] ?? '' };
  // The compared one comes first.
  const texts = Object.entries({ ...compared, ...write.fields }).flat();
  const bound = write.kind === 'append' ? write.maxLength : (write.expireSeconds ?? '');
  const op = newerBy === undefined ? write.kind : 'set-newer';
  return [op, key, String(bound), String(texts.length), ...texts];
}

function eventArguments(keys: Keys, event: DomainEvent): string[] {
  const texts = eventTexts(event);
  return ['append', keys.events, String(EVENTS_KEPT), String(texts.length), ...texts];
}
