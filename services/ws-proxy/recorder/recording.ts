/**
 * From what happened on a socket to the entry of the stream: redaction, latency, and the action of an answer. Each socket that is
 * recorded has a memory of its open CALLs and of the secrets that were seen on it.
 */
import { createHmac } from 'node:crypto';
import { MessageType } from '../../ocpp/frame.ts';
import { redactFrame } from '../../ocpp/redaction/redact.ts';
import { SecretTexts } from '../../ocpp/redaction/secret-texts.ts';
import {
  RECORDED_TEXT,
  type RecordedEntry,
  type RecordedType,
} from '../../transport/recorder/recorded-frames.ts';
import type { FrameEvent, RecordedSocket, SocketEvent } from '../../station-server/frame-recorder.ts';

/** What happened, and when. */
export interface Happening extends RecordedSocket {
  /** ms since 1970 */
  readonly at: number;
  readonly event:
    | SocketEvent
    | { readonly kind: 'connected' }
    | { readonly kind: 'disconnected'; readonly reason: string };
}

interface Memory {
  /** Open CALLs by direction and message id, in the order of their times. */
  readonly calls: Map<string, { readonly action: string; readonly at: number }>;
  readonly secrets: SecretTexts;
}

const TYPES: Readonly<Record<number, RecordedType>> = {
  [MessageType.Call]: 'call',
  [MessageType.CallResult]: 'result',
  [MessageType.CallError]: 'error',
  [MessageType.CallResultError]: 'result-error',
  [MessageType.Send]: 'send',
};

/** CALLs that a memory holds: one is open in each direction, and some wait. */
const MOST_CALLS = 64;

/** Makes the entries of one key of pseudonyms. */
export class EntryWriter {
  readonly #pseudonym: (tag: string) => string;
  /** By session, as that object lives as long as its socket. */
  readonly #memories = new WeakMap<object, Memory>();

  constructor(key: string) {
    this.#pseudonym = pseudonyms(key);
  }

  entryOf({ session, epoch, at, event }: Happening): RecordedEntry {
    const { stationId: station, protocol } = session;
    const about = { at, station, connection: epoch, protocol };
    switch (event.kind) {
      case 'connected':
        return { ...about, type: 'connected' };
      case 'disconnected':
        return { ...about, type: 'disconnected', reason: event.reason };
      case 'unreadable':
        return { ...about, type: 'unreadable', direction: 'in', bytes: event.bytes, problem: event.problem };
      case 'unanswered': {
        const { calls } = this.#memoryOf(session);
        const { messageId } = event;
        const action = (calls.get(`in ${messageId}`) ?? calls.get(`out ${messageId}`))?.action;
        return { ...about, type: 'unanswered', messageId, ...(action !== undefined && { action }) };
      }
      default:
        return { ...about, ...this.#frameOf(this.#memoryOf(session), event, at) };
    }
  }

  #memoryOf(session: object): Memory {
    const known = this.#memories.get(session);
    if (known !== undefined) return known;
    const memory = { calls: new Map(), secrets: new SecretTexts() };
    this.#memories.set(session, memory);
    return memory;
  }

  #frameOf(
    { calls, secrets }: Memory,
    { direction, type, messageId, text, bytes, repairs, problem }: FrameEvent,
    at: number,
  ): Pick<RecordedEntry, 'type'> & Partial<RecordedEntry> {
    const rest = { direction, bytes, ...(repairs && { repairs }), ...(problem !== undefined && { problem }) };
    const redacted = redactFrame(text, { pseudonym: this.#pseudonym, secrets });
    if (redacted === undefined) return { type: 'unreadable', ...rest, problem: problem ?? 'not-a-frame' };
    const call = redacted.action === undefined ? takeCall(calls, direction, messageId) : undefined;
    const action = redacted.action ?? call?.action;
    if (type === MessageType.Call && action !== undefined && problem === undefined) {
      keepCall(calls, `${direction} ${messageId}`, { action, at });
    }
    const isLong = redacted.text.length > RECORDED_TEXT;
    const isCut = isLong || redacted.isLeftOut === true;
    return {
      type: TYPES[type] ?? 'unreadable',
      ...rest,
      messageId,
      ...(action !== undefined && { action }),
      text: isLong ? redacted.text.slice(0, RECORDED_TEXT) : redacted.text,
      ...(isCut && { truncated: true }),
      ...(call !== undefined && { latencyMs: Math.max(0, at - call.at) }),
    };
  }
}

type Calls = Memory['calls'];

function keepCall(calls: Calls, name: string, call: { readonly action: string; readonly at: number }): void {
  calls.delete(name);
  calls.set(name, call);
  const [oldest] = calls.keys();
  if (calls.size > MOST_CALLS && oldest !== undefined) calls.delete(oldest);
}

/** The CALL that is answered in this direction. */
function takeCall(calls: Calls, direction: 'in' | 'out', messageId: string) {
  const name = `${direction === 'in' ? 'out' : 'in'} ${messageId}`;
  const call = calls.get(name);
  calls.delete(name);
  return call;
}

/** 20 characters, as many as a tag of OCPP 1.6 may have. OCPP compares tags without case. */
function pseudonyms(key: string): (tag: string) => string {
  return (tag) => {
    const digest = createHmac('sha256', key).update(tag.trim().toUpperCase()).digest('hex');
    return `TAG-${digest.slice(0, 16).toUpperCase()}`;
  };
}
