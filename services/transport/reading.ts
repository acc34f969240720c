/** A message of a station, decoded, parsed, and repaired where that is wanted. */
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
  /** Undefined for a valid frame: it costs no more than before. */
  readonly facts: TextFacts | undefined;
}

/** @param tolerant whether what is no valid frame is repaired; the WebSocket has checked UTF-8 where not */
export function readMessage(data: Buffer, protocol: Protocol, tolerant: boolean): Reading {
  const text = data.toString();
  const read = readText(text, protocol, tolerant);
  const isDecoded = !tolerant || isUtf8(data);
  if (!read.ok || (isDecoded && read.repairs === undefined)) return { text, read, facts: undefined };
  const kinds = [...(isDecoded ? [] : ['utf-8']), ...(read.repairs ?? [])];
  // Bytes that are no text are kept one by one, as Latin-1: what they were can be seen.
  const raw = (isDecoded ? text : data.toString('latin1', 0, RAW_TEXT_KEPT)).slice(0, RAW_TEXT_KEPT);
  return { text, read, facts: { repaired: { raw, kinds }, ...writtenIdOf(read) } };
}

function writtenIdOf({ writtenId }: ReadText): Pick<TextFacts, 'writtenId'> {
  return writtenId === undefined ? {} : { writtenId };
}

/** The answer to a text that is no frame; undefined means silence. @param writtenId see ReadText */
export function faultText(
  answer: CallError | undefined,
  fault: FrameFault,
  writtenId: string | undefined,
): string | undefined {
  if (answer === undefined) return undefined;
  const text = formatFrame(answer);
  // Where its own id could not be read there is nothing to repeat.
  return writtenId === undefined || fault.messageId === undefined ? text : withMessageId(text, writtenId);
}
