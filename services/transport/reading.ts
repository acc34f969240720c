/** Decodes, parses and (if tolerant) repairs a message of a station. */
import { isUtf8 } from 'node:buffer';
import { type CallError, formatFrame, type FrameFault, type Protocol } from '../ocpp/frame.ts';
import { type ReadText, readText } from '../ocpp/frame-repair.ts';
import { withMessageId } from '../ocpp/frame-text.ts';
import type { TextFacts } from '../ocpp/peer.ts';
import { RAW_TEXT_KEPT } from './unreadable.ts';

export interface Reading {
  /** The station's own text; bytes that are not UTF-8 are replaced. */
  readonly text: string;
  readonly read: ReadText;
  /** Undefined for a valid frame, which so costs nothing extra. */
  readonly facts: TextFacts | undefined;
}

/** @param tolerant whether invalid frames are repaired; if not, the WebSocket has checked UTF-8 already */
export function readMessage(data: Buffer, protocol: Protocol, tolerant: boolean): Reading {
  const text = data.toString();
  const read = readText(text, protocol, tolerant);
  const isDecoded = !tolerant || isUtf8(data);
  if (!read.ok || (isDecoded && read.repairs === undefined)) return { text, read, facts: undefined };
  const kinds = [...(isDecoded ? [] : ['utf-8']), ...(read.repairs ?? [])];
  // Invalid UTF-8 is kept as Latin-1, so that the original bytes can be reconstructed.
  const raw = (isDecoded ? text : data.toString('latin1', 0, RAW_TEXT_KEPT)).slice(0, RAW_TEXT_KEPT);
  return { text, read, facts: { repaired: { raw, kinds }, ...writtenIdOf(read) } };
}

function writtenIdOf({ writtenId }: ReadText): Pick<TextFacts, 'writtenId'> {
  return writtenId === undefined ? {} : { writtenId };
}

/** The response to a text that is not a frame; undefined means none. @param writtenId see ReadText */
export function faultText(
  answer: CallError | undefined,
  fault: FrameFault,
  writtenId: string | undefined,
): string | undefined {
  if (answer === undefined) return undefined;
  const text = formatFrame(answer);
  // An id that could not be read cannot be repeated.
  return writtenId === undefined || fault.messageId === undefined ? text : withMessageId(text, writtenId);
}
