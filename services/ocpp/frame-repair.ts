/**
 * Turns a text of a station into a frame. A valid frame is used byte for byte. Otherwise the text is repaired
 * (text-repair.ts), then the shape of the frame. A repaired frame is written again, with the payload as it was written.
 *
 * Real message ids may be numbers, null, empty, or longer than OCPP allows. Behind the proxy an id is a text; any other id
 * becomes its JSON text (`17`, `null`, `""`). A response to the station repeats it as it was written.
 */
import {
  type CallError,
  type CallResult,
  type Frame,
  type FrameFault,
  type FrameResult,
  MAX_MESSAGE_ID,
  MessageType,
  type Protocol,
  readFrame,
} from './frame.ts';
import { elementsOf } from './frame-text.ts';
import { repairText, type TextRepair } from './text-repair.ts';

export type FrameRepair =
  /** It was a number, null or empty. */
  | 'message-id'
  /** It is longer than OCPP allows, and is kept. */
  | 'message-id-length'
  | 'message-type'
  /** It was null or omitted. */
  | 'payload'
  | 'error-fields'
  | 'trailing-elements';

export type ReadText =
  | {
      readonly ok: true;
      readonly frame: Frame;
      /** The text of the repaired frame; omitted if nothing changed. */
      readonly text?: string;
      readonly repairs?: readonly (TextRepair | FrameRepair)[];
      /** The message id as JSON, if it differs from the JSON of the frame's id. */
      readonly writtenId?: string;
      /** Why this response is unusable: it only ends its CALL. */
      readonly malformed?: FrameFault;
    }
  | {
      readonly ok: false;
      readonly fault: FrameFault;
      readonly writtenId?: string;
    };

/** Longest message id that is accepted. */
export const LONGEST_MESSAGE_ID = 255;
/** Most elements of a frame, by message type. */
const LENGTHS: Readonly<Record<number, number>> = {
  [MessageType.Call]: 4,
  [MessageType.Send]: 4,
  [MessageType.CallResult]: 3,
  [MessageType.CallError]: 5,
  [MessageType.CallResultError]: 5,
};

/** Reads a text of a station. Never throws. @param tolerant whether to repair an invalid frame */
export function readText(text: string, protocol: Protocol, tolerant: boolean): ReadText {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return tolerant ? readBroken(text, protocol) : { ok: false, fault: notJson('') };
  }
  const read = readFrame(value, protocol);
  if (read.ok) return read;
  return tolerant ? readSloppy(text, value, protocol, read.fault, []) : malformedOr(read.fault, value);
}

function notJson(why: string): FrameFault {
  return { kind: 'not-json', reason: `the message is not valid JSON${why}` };
}

function readBroken(text: string, protocol: Protocol): ReadText {
  const repaired = repairText(text);
  if (!repaired.ok) return { ok: false, fault: notJson(`: ${repaired.reason}`) };
  const { value, kinds } = repaired;
  const read = readFrame(value, protocol);
  if (read.ok) return { ...read, text: repaired.text, repairs: kinds };
  return readSloppy(repaired.text, value, protocol, read.fault, kinds);
}

function readSloppy(
  text: string,
  value: unknown,
  protocol: Protocol,
  fault: FrameFault,
  textRepairs: readonly TextRepair[],
): ReadText {
  if (!Array.isArray(value)) return { ok: false, fault };
  const written = elementsOf(text);
  const shape = repairShape(value as unknown[], written);
  const read = readFrame(shape.parts, protocol, LONGEST_MESSAGE_ID);
  const spelling = shape.writtenId === undefined ? {} : { writtenId: shape.writtenId };
  // A malformed response is forwarded as the text that was parsed.
  if (!read.ok) return { ...malformedOr(read.fault, shape.parts, text), ...spelling };
  const repairs = [...textRepairs, ...shape.repairs];
  return { ...read, text: shape.isRewritten ? textOf(read.frame, written) : text, repairs, ...spelling };
}

/** Reads a frame that a proxy forwarded, repaired or not. Never throws. */
export function readForwarded(value: unknown, protocol: Protocol): FrameResult {
  const read = readFrame(value, protocol);
  if (read.ok || !Array.isArray(value)) return read;
  const { parts } = repairShape(value as unknown[], []);
  const again = readFrame(parts, protocol, LONGEST_MESSAGE_ID);
  if (again.ok) return again;
  const malformed = malformedOr(again.fault, parts);
  return malformed.ok ? { ok: true, frame: malformed.frame } : malformed;
}

interface Shape {
  readonly parts: readonly unknown[];
  readonly repairs: readonly FrameRepair[];
  /** Whether the text must be rewritten. */
  readonly isRewritten: boolean;
  /** See ReadText. */
  readonly writtenId: string | undefined;
}

/** @param written the elements as text, if known */
function repairShape(value: readonly unknown[], written: readonly string[]): Shape {
  const repairs = new Set<FrameRepair>();
  const parts = [...value];
  if (typeof parts[0] === 'string' && /^[2-6]$/.test(parts[0])) {
    parts[0] = Number(parts[0]);
    repairs.add('message-type');
  }
  const id = parts[1];
  const writtenId =
    id === null || id === '' || typeof id === 'number' ? (written[1] ?? JSON.stringify(id)) : undefined;
  if (writtenId !== undefined) {
    parts[1] = writtenId;
    repairs.add('message-id');
  }
  // Not as text: a deeply nested element would overflow the stack.
  const length = (typeof parts[0] === 'number' ? LENGTHS[parts[0]] : undefined) ?? parts.length;
  // Extra elements do not change a response; those of a CALL may be its subject.
  while (parts.length > length && (parts.at(-1) === null || parts[0] === MessageType.CallResult)) {
    parts.pop();
    repairs.add('trailing-elements');
  }
  repairContent(parts, repairs);
  const isRewritten = repairs.size > 0;
  if (typeof id === 'string' && id.length > MAX_MESSAGE_ID) repairs.add('message-id-length');
  return { parts, repairs: [...repairs], isRewritten, writtenId };
}

function repairContent(parts: unknown[], repairs: Set<FrameRepair>): void {
  const [type, , third, fourth, fifth] = parts;
  if (type === MessageType.Call || type === MessageType.Send) {
    if (typeof third !== 'string' || (fourth ?? undefined) !== undefined) return;
    parts[3] = {};
    repairs.add('payload');
  }
  if (type === MessageType.CallError || type === MessageType.CallResultError) {
    if (typeof third !== 'string' || typeof fourth === 'string') return;
    // If the description is omitted, the details take its place.
    parts[4] = (typeof fourth === 'object' ? fourth : null) ?? fifth ?? {};
    parts[3] = '';
    repairs.add('error-fields');
  }
}

/** A repaired frame as text, with its action, payload or details as they were written. */
function textOf(frame: Frame, written: readonly string[]): string {
  const [, , third = '', fourth = 'null', fifth = 'null'] = written;
  const head = `${frame.type},${JSON.stringify(frame.id)},${third}`;
  switch (frame.type) {
    case MessageType.Call:
    case MessageType.Send:
      return `[${head},${orEmpty(fourth)}]`;
    case MessageType.CallResult:
      return `[${head}]`;
    default: {
      const details = fourth.startsWith('{') || fourth.startsWith('[') ? fourth : fifth;
      return `[${head},${JSON.stringify(frame.description)},${orEmpty(details)}]`;
    }
  }
}

function orEmpty(written: string): string {
  return written === 'null' ? '{}' : written;
}

/** A response with a readable id and no other usable part becomes a frame that ends its CALL. */
function malformedOr(fault: FrameFault, value: unknown, text?: string): ReadText {
  const { kind, messageId: id, type } = fault;
  if (kind !== 'bad-shape' || id === undefined) return { ok: false, fault };
  if (type === MessageType.CallResult) {
    const payload = (value as readonly unknown[])[2] ?? null;
    const frame: CallResult = { type, id, payload };
    return { ok: true, frame, malformed: fault, ...(text !== undefined && { text }) };
  }
  if (type !== MessageType.CallError) return { ok: false, fault };
  const frame: CallError = { type, id, code: '', description: '', details: {} };
  // The next reader must read the same frame.
  return { ok: true, frame, malformed: fault, text: JSON.stringify([type, id, null]) };
}
