import { type Frame, MessageType } from '../../../ocpp/frame.ts';
import { messageOf } from '../../errors.ts';
import { type Answer, BUSINESS_KEY_SECONDS, type Outcome } from '../../outcome.ts';
import { endBy } from '../../station-call.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { escapeKey, type Keys } from '../keys.ts';
import { addExpectation, addWrites } from '../state/writes.ts';
import type { Claimed } from './in-flight.ts';
import { ocppGoResponse, outboxResponse, type Request, type ResponsePieces } from './envelope.ts';

const script = loadScript<[number, ...string[]]>(new URL('./acknowledge.lua', import.meta.url));

const NO_RESPONSE: ResponsePieces = { head: '', body: '', tail: '' };
/** A replay has the head and tail of a result; its body is the stored one. */
const ANY_RESULT: Answer = { kind: 'result', payload: {} };

/** What acknowledge.lua calls the frames. */
const KINDS: ReadonlyMap<number, string> = new Map([
  [MessageType.Call, 'call'],
  [MessageType.Send, 'send'],
  [MessageType.CallResult, 'answer'],
  [MessageType.CallError, 'answer'],
]);

/** Places of the two numbers of arguments among the fields of a delivery, from their end. */
const BEFORE_END = { expected: 1, writes: 5 };

/** A delivery with its outcome. */
export interface Handled {
  readonly claimed: Claimed;
  readonly request: Request;
  readonly outcome: Outcome;
}

/** Deliveries as arguments of the script. */
export interface PreparedAcknowledgement {
  readonly handled: readonly Handled[];
  readonly args: readonly string[];
  /** Outcomes that are no valid arguments: a fault of their handler, which another attempt does not cure. */
  readonly invalid: readonly { readonly handled: Handled; readonly reason: string }[];
}

/** An outcome that cannot be stored. */
export interface Unstorable {
  readonly tag: string;
  readonly reason: string;
  /**
   * Whether this process still has the entry in Redis; `late` when it does and no release can make it take effect, `unexpected` when
   * it does and is to handle it again.
   */
  readonly held: 'held' | 'late' | 'unexpected' | '';
}

export function prepareAcknowledgement(keys: Keys, all: readonly Handled[]): PreparedAcknowledgement {
  const args = [keys.prefix, new Date().toISOString()];
  const handled: Handled[] = [];
  const invalid: { handled: Handled; reason: string }[] = [];
  for (const one of all) {
    const first = args.length;
    try {
      addDelivery(args, keys, one);
      checkTexts(args, first);
      handled.push(one);
    } catch (error) {
      args.length = first;
      const reason = `its handler returned an outcome that cannot be stored: ${messageOf(error)}`;
      invalid.push({ handled: one, reason });
    }
  }
  return { handled, args, invalid };
}

/** The types forbid all else, but handlers of other projects may be JavaScript. */
function checkTexts(args: readonly unknown[], first: number): void {
  for (let i = first; i < args.length; i++) {
    if (typeof args[i] !== 'string')
      throw new TypeError(`a value is ${typeof args[i]}, and must be a string`);
  }
}

/** @returns the deliveries of which nothing could be stored */
export async function acknowledge(
  connection: RedisConnection,
  keys: Keys,
  processId: string,
  args: readonly string[],
): Promise<Unstorable[]> {
  const [, ...faults] = await script(connection, [keys.processing(processId), keys.requests], args);
  const unstorable: Unstorable[] = [];
  for (let i = 0; i < faults.length; i += 3) {
    const [tag = '', reason = '', held = ''] = faults.slice(i, i + 3);
    unstorable.push({ tag, reason, held: held as Unstorable['held'] });
  }
  return unstorable;
}

/** The fields of one delivery, in the order of the head of acknowledge.lua, then its writes. */
function addDelivery(args: string[], keys: Keys, { claimed, request, outcome }: Handled): void {
  const { stationId, epoch, sequence, proxyId, frame, replayed, failedBefore } = request;
  const { answer, holdsCalls, businessKey, businessKeySeconds = BUSINESS_KEY_SECONDS } = outcome;
  const kind = KINDS.get(frame.type) ?? 'other';
  const isCall = kind === 'call';
  const hasEpoch = epoch > 0;
  const write = (to: Answer) =>
    hasEpoch ? outboxResponse(epoch, frame.id, to) : ocppGoResponse(stationId, frame.id, to, Date.now());
  const response =
    kind === 'answer' ? stationAnswer(frame) : isCall && answer !== undefined ? write(answer) : NO_RESPONSE;
  // A response that is stored under the business key is sent again, whatever the handler says now.
  const mayReplay = isCall && businessKey !== undefined;
  const replay = mayReplay ? write(ANY_RESULT) : NO_RESPONSE;
  const list = !isCall || replayed ? '' : hasEpoch ? keys.outbox(proxyId) : keys.responses(stationId);
  args.push(
    claimed.tag,
    escapeKey(stationId),
    hasEpoch ? String(epoch) : '',
    kind,
    String(sequence),
    list,
    response.head,
    response.body,
    response.tail === '' ? replay.tail : response.tail,
    replay.head,
    mayReplay ? keys.answered(businessKey) : '',
    '',
    String(businessKeySeconds),
    failedBefore ? '1' : '',
    holdsCalls === true ? '1' : '',
    '',
  );
  const end = args.length;
  addExpectation(args, keys, outcome.expects);
  const first = args.length;
  addWrites(args, keys, outcome);
  args[end - BEFORE_END.expected] = String(first - end);
  args[end - BEFORE_END.writes] = String(args.length - first);
}

/** What a station answered to a call of ours: its message id and its Answer as JSON, or nothing where it is malformed. */
function stationAnswer(frame: Frame): ResponsePieces {
  const end = endBy(frame);
  if (end === undefined) return NO_RESPONSE;
  return { head: frame.id, body: end.kind === 'answered' ? JSON.stringify(end.answer) : '', tail: '' };
}
