/**
 * The JSON envelope of an entry in `ocpp:requests`, as ocpp-go writes it: `payload` is the whole OCPP-J
 * array. The station's own text is spliced in as it came, or repaired, so a text that is not proved to be one JSON array
 * (ocpp/frame) must never get here.
 *
 * | field | whose | meaning |
 * |---|---|---|
 * | charge_point_id, message_type, message_id, action, payload, timestamp, ws_server_id | ocpp-go's | |
 * | connection | ours | epoch of the connection that sent it |
 * | sequence | ours | number of a CALL on its connection, of a SEND among the SENDs; 0 for answers |
 * | protocol | ours | subprotocol of the connection |
 * | registration | ours | status in the response to the last BootNotification on the connection; omitted before one |
 * | raw, repairs | ours | of a text that the proxy repaired: the original text, cut, and the kinds of repair |
 * | traceparent, queued | ours | of a sampled CALL: W3C Trace Context, and when the envelope was written (ms since 1970) |
 * | attempts | ours | failed attempts by release, of a requeued entry; only the scripts read the numbers (lease/releases.lua) |
 * | replayed | ours | id of the dead letter that it was: no connection waits for the response |
 *
 * Readers tolerate the looser forms of ocpp-go: action omitted, message_type 0, message_id empty (all three
 * follow from payload), unknown fields, and entries without our fields.
 */
import { withExactNumbers } from '../../../ocpp/exact-numbers.ts';
import { MessageType, type Protocol, PROTOCOLS } from '../../../ocpp/frame.ts';
import { readForwarded } from '../../../ocpp/frame-repair.ts';
import { preciseNow, readTraceContext } from '../../../runtime/tracing/tracing.ts';
import { type Delivery, REGISTRATION_STATUSES, type RepairedText } from '../../delivery.ts';
import type { IncomingFrame } from '../../gateway.ts';
import type { Answer } from '../../outcome.ts';

/** The name that processors of ocpp-go put into ws_server_id of their responses. */
const ANSWERED_BY = 'redis-ocpp-server';

/** What an entry says: a delivery, and what its acknowledgement needs. The epoch is 0 when the proxy has none. */
export interface Request extends Delivery {
  readonly proxyId: string;
  readonly sequence: number;
  /** It was a dead letter: its writes count, and no connection waits for the response. */
  readonly replayed: boolean;
  /** An attempt of a known release failed. */
  readonly failedBefore: boolean;
}

export type ReadRequest =
  | { readonly ok: true; readonly request: Request }
  | { readonly ok: false; readonly reason: string };

/** Writes the envelopes of one connection. The parts that stay the same are made once. */
export class EnvelopeWriter {
  readonly #head: string;
  readonly #tail: string;

  constructor(stationId: string, proxyId: string, epoch: number, protocol: Protocol) {
    this.#head = `{"charge_point_id":${JSON.stringify(stationId)},"message_type":`;
    this.#tail = `,"ws_server_id":${JSON.stringify(proxyId)},"connection":${epoch},"protocol":"${protocol}"`;
  }

  write({ frame, text, receivedAt, sequence, registration, repaired, traceparent }: IncomingFrame): string {
    const action = 'action' in frame ? `"action":${quoted(frame.action)},` : '';
    const id = quoted(frame.id);
    const timestamp = isoTime(receivedAt);
    const further = `${registration === undefined ? '' : `,"registration":"${registration}"`}${repaired === undefined ? '' : repairs(repaired)}${traceparent === undefined ? '' : traced(traceparent)}`;
    return `${this.#head}${frame.type},"message_id":${id},${action}"payload":${text},"timestamp":"${timestamp}"${this.#tail},"sequence":${sequence}${further}}`;
  }
}

function repairs({ raw, kinds }: RepairedText): string {
  return `,"raw":${JSON.stringify(raw)},"repairs":${JSON.stringify(kinds)}`;
}

function traced(traceparent: string): string {
  return `,"traceparent":"${traceparent}","queued":${preciseNow().toFixed(3)}`;
}

/** A text as JSON. Most ids and actions have nothing to escape, and this test is faster than JSON.stringify. */
function quoted(text: string): string {
  return /^[\w-]*$/.test(text) ? `"${text}"` : JSON.stringify(text);
}

const lastTime = { ms: 0, text: '' };

/** RFC 3339. Frames that are read together share one text. */
function isoTime(ms: number): string {
  if (ms !== lastTime.ms) Object.assign(lastTime, { ms, text: new Date(ms).toISOString() });
  return lastTime.text;
}

/** Reads an entry of the queue. Never throws. */
export function readRequest(raw: string, deliveryCount = 1): ReadRequest {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    return { ok: false, reason: 'the entry is not valid JSON' };
  }
  if (Array.isArray(value)) {
    return { ok: false, reason: 'an OCPP-J array without envelope: it does not say which station sent it' };
  }
  if (typeof value !== 'object' || value === null) return { ok: false, reason: 'the entry is no envelope' };
  const envelope = value as Readonly<Record<string, unknown>>;
  const stationId = envelope['charge_point_id'];
  if (typeof stationId !== 'string' || stationId === '') {
    return { ok: false, reason: 'charge_point_id is missing' };
  }
  const protocol =
    PROTOCOLS.find((known) => known === envelope['protocol']) ?? protocolOf(envelope['payload']);
  const result = readForwarded(envelope['payload'], protocol);
  if (!result.ok) return { ok: false, reason: `payload: ${result.fault.reason}` };
  const frame = withExactNumbers(result.frame, raw, '/payload/3');
  const receivedAt = Date.parse(text(envelope['timestamp']));
  const replayed = envelope['replayed'] !== undefined;
  return {
    ok: true,
    request: {
      stationId,
      frame,
      protocol,
      receivedAt: Number.isNaN(receivedAt) ? Date.now() : receivedAt,
      deliveryCount,
      proxyId: text(envelope['ws_server_id']),
      epoch: replayed ? 0 : number(envelope['connection']),
      sequence: replayed ? 0 : number(envelope['sequence']),
      replayed,
      failedBefore: envelope['attempts'] !== undefined,
      ...facts(envelope),
    },
  };
}

/** What a proxy adds to the frame. */
function facts(
  envelope: Readonly<Record<string, unknown>>,
): Pick<Request, 'registration' | 'repaired' | 'trace'> {
  const { raw, repairs: kinds, traceparent, queued, replayed } = envelope;
  // The trace of a dead letter ended with it.
  const isTraced = traceparent !== undefined && replayed === undefined;
  const trace = isTraced ? readTraceContext(traceparent, queued) : undefined;
  const registration = REGISTRATION_STATUSES.find((known) => known === envelope['registration']);
  const repaired =
    typeof raw === 'string' && Array.isArray(kinds) ? { raw, kinds: kinds.map(text) } : undefined;
  return {
    ...(registration && { registration }),
    ...(repaired && { repaired }),
    ...(trace && { trace }),
  };
}

/** The entry of a dead letter as it is enqueued again: without its connection, its text unchanged. */
export function replayedEntry(entry: string, letter: string): string {
  return `${entry.slice(0, entry.lastIndexOf('}'))},"replayed":${JSON.stringify(letter)}}`;
}

/** A reclaimed entry starts with its delivery count and a line feed. */
export function splitCount(raw: string): { readonly entry: string; readonly count: number } {
  const first = raw.charCodeAt(0);
  if (first < 48 || first > 57) return { entry: raw, count: 1 };
  const line = raw.indexOf('\n');
  if (line < 0) return { entry: raw, count: 1 };
  return { entry: raw.slice(line + 1), count: Number(raw.slice(0, line)) };
}

/** The time in an entry, without parsing all of it; undefined when there is none. ms since 1970. */
export function timeOf(raw: string): number | undefined {
  const at = raw.lastIndexOf('"timestamp":"');
  if (at < 0) return undefined;
  const start = at + '"timestamp":"'.length;
  const time = Date.parse(raw.slice(start, raw.indexOf('"', start)));
  return Number.isNaN(time) ? undefined : time;
}

/** A response in the pieces that acknowledge.lua joins: head + body + tail. The body alone is stored for replays. */
export interface ResponsePieces {
  readonly head: string;
  readonly body: string;
  readonly tail: string;
}

/** A response as an entry of a proxy's outbox. */
export function outboxResponse(epoch: number, messageId: string, answer: Answer): ResponsePieces {
  const type = answer.kind === 'result' ? MessageType.CallResult : MessageType.CallError;
  const id = quoted(messageId);
  return { head: `${epoch} ${type} ${id}\n[${type},${id},`, body: responseBody(answer), tail: ']' };
}

/** The same for a proxy of ocpp-go, which reads `responses:{id}`, in the envelope of ocpp-go. */
export function ocppGoResponse(
  stationId: string,
  messageId: string,
  answer: Answer,
  now: number,
): ResponsePieces {
  const type = answer.kind === 'result' ? MessageType.CallResult : MessageType.CallError;
  const id = JSON.stringify(messageId);
  const head = `{"charge_point_id":${JSON.stringify(stationId)},"message_type":${type},"message_id":${id},"payload":[${type},${id},`;
  const tail = `],"timestamp":"${new Date(now).toISOString()}","ws_server_id":"${ANSWERED_BY}"}`;
  return { head, body: responseBody(answer), tail };
}

/** An entry of an outbox: `epoch type "id"\ntext`, or `epoch type "id" timeout\ntext` of a CALL; type 0 orders the proxy to close the socket. */
export interface OutboxEntry {
  readonly epoch: number;
  readonly type: number;
  readonly messageId: string;
  readonly text: string;
  /** ms; only of calls to stations */
  readonly timeoutMs?: number;
}

/** Reads an entry that claim-outbox.lua hands out; undefined when it is none. */
export function readOutbox(raw: string): OutboxEntry | undefined {
  const first = raw.indexOf(' ');
  const second = raw.indexOf(' ', first + 1);
  const line = raw.indexOf('\n', second);
  if (first < 0 || second < 0 || line < 0) return undefined;
  const quote = raw.lastIndexOf('"', line);
  const id = raw.slice(second + 1, quote + 1);
  const timeoutMs = line > quote + 1 ? { timeoutMs: Number(raw.slice(quote + 2, line)) } : undefined;
  return {
    epoch: Number(raw.slice(0, first)),
    type: Number(raw.slice(first + 1, second)),
    messageId: id.includes('\\') ? (JSON.parse(id) as string) : id.slice(1, -1),
    text: raw.slice(line + 1),
    ...timeoutMs,
  };
}

function responseBody(answer: Answer): string {
  if (answer.kind === 'result') return JSON.stringify(answer.payload);
  const description = JSON.stringify(answer.description.slice(0, 255));
  return `${JSON.stringify(answer.code)},${description},${JSON.stringify(answer.details ?? {})}`;
}

/** Entries without protocol come from proxies of OCPP 1.6; only 2.1 knows types 5 and 6. */
function protocolOf(payload: unknown): Protocol {
  const type: unknown = Array.isArray(payload) ? payload[0] : undefined;
  return type === MessageType.CallResultError || type === MessageType.Send ? 'ocpp2.1' : 'ocpp1.6';
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : 0;
}
