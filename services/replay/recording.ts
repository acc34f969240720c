/**
 * A recording as a file: frames of `ocppctl tail --json`, one JSON document a line, of one station or of several files put together.
 * Pure.
 */
import { MessageType, parseFrame, PROTOCOLS, type Call, type Protocol, type Send } from '../ocpp/frame.ts';
import { readRecorded, type RecordedEntry } from '../transport/recorder/recorded-frames.ts';

/** A message of a station, and what it was answered when it was recorded. */
export interface Step {
  readonly station: string;
  readonly connection: number;
  readonly protocol: Protocol;
  /** ms since 1970 */
  readonly at: number;
  readonly frame: Call | Send;
  readonly text: string;
  /** Redacted JSON of the answer; undefined if none was recorded. */
  readonly answer: string | undefined;
}

export interface ReadRecording {
  /** In the order of their times. */
  readonly steps: readonly Step[];
  /** Messages that cannot be replayed: their text was cut, or is no frame. */
  readonly skipped: number;
}

/** @throws SyntaxError with the number of a line that is no frame of a recording */
export function readRecording(text: string): ReadRecording {
  const entries = text
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [entryOf(line, index + 1)]));
  const answers = new Map<string, string>();
  for (const { type, direction, text: answer, problem, ...of } of entries) {
    const isAnswer = direction === 'out' && (type === 'result' || type === 'error') && problem === undefined;
    if (isAnswer && answer !== undefined && of.truncated !== true) answers.set(nameOf(of), answer);
  }
  const messages = entries.filter(
    ({ type, direction, problem }) =>
      direction === 'in' && (type === 'call' || type === 'send') && problem === undefined,
  );
  const steps = messages.flatMap((entry): Step[] => {
    const { station, connection, at, text: given = '', truncated } = entry;
    const protocol = PROTOCOLS.find((one) => one === entry.protocol);
    const read = protocol && parseFrame(given, protocol);
    if (protocol === undefined || read?.ok !== true || truncated === true) return [];
    const { frame } = read;
    if (frame.type !== MessageType.Call && frame.type !== MessageType.Send) return [];
    return [{ station, connection, protocol, at, frame, text: given, answer: answers.get(nameOf(entry)) }];
  });
  const sorted = steps.toSorted((a, b) => a.at - b.at);
  return { steps: sorted, skipped: messages.length - steps.length };
}

const nameOf = ({
  station,
  connection,
  messageId,
}: Pick<RecordedEntry, 'station' | 'connection' | 'messageId'>) =>
  JSON.stringify([station, connection, messageId]);

function entryOf(line: string, number: number): RecordedEntry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new SyntaxError(`line ${number} is not JSON: a recording is what ocppctl tail --json prints`);
  }
  const fields = Object.entries(value ?? {}).map(([name, one]) => [
    name,
    Array.isArray(one) ? one.join(' ') : one === true ? '1' : String(one),
  ]);
  const entry = readRecorded(Object.fromEntries(fields) as Record<string, string>);
  if (entry === undefined || Number.isNaN(new Date(entry.at).getTime()))
    throw new SyntaxError(`line ${number} is no frame of a recording`);
  return entry;
}

/** The pseudonyms of tags in the messages. */
export function pseudonymsIn(steps: readonly Step[]): readonly string[] {
  return [...new Set(steps.flatMap(({ text }) => text.match(/\bTAG-[0-9A-F]{16}\b/g) ?? []))];
}
