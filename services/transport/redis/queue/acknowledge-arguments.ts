/** A delivery and its outcome as the arguments of acknowledge.lua. */
import { type Frame, MessageType } from '../../../ocpp/frame.ts';
import { endBy } from '../../station-call.ts';
import { BUSINESS_KEY_SECONDS, type Answer, type Outcome } from '../../transport.ts';
import type { DomainEvent, StateWrite } from '../../stored-state.ts';
import type { UnreadableText } from '../../unreadable.ts';
import { type AnswerPieces, outboxAnswer, type Request, seedAnswer } from './envelope.ts';
import { EVENTS_KEPT, eventTexts } from '../state/events.ts';
import { escapeKey, type Keys } from '../keys.ts';

const NO_ANSWER: AnswerPieces = { head: '', body: '', tail: '' };
/** A replay has the head and tail of a result; its body is the stored one. */
const ANY_RESULT: Answer = { kind: 'result', payload: {} };

/** What acknowledge.lua calls the frames. */
const KINDS: ReadonlyMap<number, string> = new Map([
  [MessageType.Call, 'call'],
  [MessageType.Send, 'send'],
  [MessageType.CallResult, 'answer'],
  [MessageType.CallError, 'answer'],
]);

export function finishArguments(keys: Keys, number: string, request: Request, outcome: Outcome): string[] {
  const { stationId, epoch, sequence, proxyId, frame, replayed } = request;
  const kind = KINDS.get(frame.type) ?? 'other';
  const { answer } = outcome;
  const known = epoch > 0;
  const write = (to: Answer) =>
    known ? outboxAnswer(epoch, frame.id, to) : seedAnswer(stationId, frame.id, to, Date.now());
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
  const answers = kind !== 'call' || replayed ? '' : known ? keys.outbox(proxyId) : keys.responses(stationId);
  const writes = [
    ...writesArguments(keys, outcome),
    ...(outcome.unreadable === undefined ? [] : unreadableArguments(outcome.unreadable)),
  ];
  return [
    number,
    escapeKey(stationId),
    known ? String(epoch) : '',
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

/** What a station answered to a call of ours: its message id and its Answer as JSON, or nothing where it is malformed. */
function stationAnswer(frame: Frame): AnswerPieces {
  const end = endBy(frame);
  if (end === undefined) return NO_ANSWER;
  return { head: frame.id, body: end.kind === 'answered' ? JSON.stringify(end.answer) : '', tail: '' };
}

/** Writes and events as writes.lua reads them. */
export function writesArguments(
  keys: Keys,
  { writes, events }: Pick<Outcome, 'writes' | 'events'>,
): string[] {
  return [
    ...writes.flatMap((write) => writeArguments(keys, write)),
    ...events.flatMap((event) => eventArguments(keys, event)),
  ];
}

function writeArguments(keys: Keys, write: StateWrite): string[] {
  switch (write.kind) {
    case 'forget':
      return ['forget', keys.answered(write.businessKey), '', '0'];
    case 'delete':
      return ['delete', keys.state(write.key), '', '0'];
    case 'add':
      return ['add', keys.state(write.key), String(write.score), '1', write.member];
    case 'remove':
      return ['remove', keys.state(write.key), '', '1', write.member];
    case 'append': {
      const texts = Object.entries(write.fields).flat();
      return ['append', keys.state(write.key), String(write.maxLength), String(texts.length), ...texts];
    }
    default: {
      const { newerBy, fields, expireSeconds = '', existing } = write;
      const compared = newerBy === undefined ? {} : { [newerBy]: fields[newerBy] ?? '' };
      // The compared one comes first.
      const texts = Object.entries({ ...compared, ...fields }).flat();
      const op = existing === true ? 'set-existing' : newerBy === undefined ? 'set' : 'set-newer';
      return [op, keys.state(write.key), String(expireSeconds), String(texts.length), ...texts];
    }
  }
}

function unreadableArguments({ quota, ...kept }: UnreadableText): string[] {
  const { stationId, protocol, epoch, reason, text } = kept;
  const texts = [stationId, protocol, String(epoch), reason, text];
  const name = quota === undefined ? escapeKey(stationId) : `${escapeKey(stationId)}%${quota}`;
  return ['unreadable', name, '', String(texts.length), ...texts];
}

function eventArguments(keys: Keys, event: DomainEvent): string[] {
  const texts = eventTexts(event);
  return ['append', keys.events, String(EVENTS_KEPT), String(texts.length), ...texts];
}
