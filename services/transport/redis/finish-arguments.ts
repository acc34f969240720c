/** A delivery and its outcome as the arguments of finish.lua. */
import { MessageType } from '../../ocpp/frame.ts';
import type { DomainEvent, Outcome, StateWrite } from '../transport.ts';
import { type AnswerPieces, outboxAnswer, type Request, seedAnswer } from './envelope.ts';
import { escapeKey, type Keys } from './keys.ts';

/** About as many events are kept for whoever reads the stream. */
const EVENTS_KEPT = 10_000;
const NO_ANSWER: AnswerPieces = { head: '', body: '', tail: '' };

export function finishArguments(keys: Keys, number: string, request: Request, outcome: Outcome): string[] {
  const { stationId, connection, sequence, gatewayId, frame } = request;
  const kind = frame.type === MessageType.Call ? 'call' : frame.type === MessageType.Send ? 'send' : 'other';
  const { answer } = outcome;
  const known = connection > 0;
  const answering = kind === 'call' && answer !== undefined;
  const write = (to: typeof answer) => {
    if (to === undefined) return NO_ANSWER;
    return known ? outboxAnswer(connection, frame.id, to) : seedAnswer(stationId, frame.id, to, Date.now());
  };
  const { head, body, tail } = answering ? write(answer) : NO_ANSWER;
  // An error says nothing that the next try should be told again.
  const replayable = outcome.businessKey !== undefined && answering && answer.kind === 'result';
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
    known ? keys.outbox(gatewayId) : keys.responses(stationId),
    head,
    body,
    tail,
    replayable ? head : '',
    replayable ? keys.answered(outcome.businessKey) : '',
    String(writes.length),
    ...writes,
  ];
}

function writeArguments(keys: Keys, write: StateWrite): string[] {
  const key = keys.state(write.key);
  if (write.kind === 'delete') return ['delete', key, '', '0'];
  const texts = Object.entries(write.fields).flat();
  const bound = write.kind === 'append' ? write.maxLength : (write.expireSeconds ?? '');
  return [write.kind, key, String(bound), String(texts.length), ...texts];
}

function eventArguments(keys: Keys, { type, stationId, fields }: DomainEvent): string[] {
  const texts = ['type', type, 'stationId', stationId, ...Object.entries(fields).flat()];
  return ['append', keys.events, String(EVENTS_KEPT), String(texts.length), ...texts];
}
