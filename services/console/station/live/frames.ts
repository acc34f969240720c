/** Recorded frames in memory: bounded, and searched. Pure. */
import type { components } from '../../api/openapi.generated.ts';

/** As the recorder has them: messages, and markers of what happened between. */
type Recorded = Omit<components['schemas']['RecordedFrame'], 'station' | 'protocol' | 'type'>;

/** Markers of this page, beside those of the recorder: the stream was read again, or frames were dropped before they were read. */
export type PageMarker = 'resumed' | 'missed';

export interface RecordedFrame extends Recorded {
  readonly type: components['schemas']['RecordedFrame']['type'] | PageMarker;
}

export interface Entry extends RecordedFrame {
  /** In the order of arrival at this page, from 0. */
  readonly number: number;
}

export const MOST_FRAMES = 5000;
export const MOST_CHARACTERS = 10 * 1024 * 1024;
/** Of an entry beside its text: names, ids, the object itself. */
const OVERHEAD = 300;

const sizeOf = ({ text = '' }: RecordedFrame): number => text.length + OVERHEAD;

/** What is kept, and how much was dropped. Immutable: a list that is paused keeps what it has. */
export interface Kept {
  readonly entries: readonly Entry[];
  /** Number of the next entry. */
  readonly next: number;
  readonly characters: number;
  /** Entries that were dropped for newer ones. */
  readonly dropped: number;
}

export const NOTHING: Kept = { entries: [], next: 0, characters: 0, dropped: 0 };

export function withFrames(kept: Kept, frames: readonly RecordedFrame[]): Kept {
  let { next, characters } = kept;
  const added = frames.map((frame): Entry => {
    characters += sizeOf(frame);
    return { ...frame, number: next++ };
  });
  const all = [...kept.entries, ...added];
  let first = 0;
  for (const entry of all) {
    if (all.length - first <= MOST_FRAMES && characters <= MOST_CHARACTERS) break;
    characters -= sizeOf(entry);
    first += 1;
  }
  return { entries: all.slice(first), next, characters, dropped: kept.dropped + first };
}

const isMarker = ({ direction }: RecordedFrame): boolean => direction === undefined;

/** Frames with all of the words in action, text, id or notes; markers stay, as they say what is missing between. */
export function matching(entries: readonly Entry[], search: string): readonly Entry[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0) return entries;
  return entries.filter((entry) => {
    if (isMarker(entry)) return true;
    const searched = searchedOf(entry);
    return words.every((word) => searched.includes(word));
  });
}

/** Lower case of each entry: made once, as each key that is typed searches all of them. */
const searchedTexts = new WeakMap<Entry, string>();

function searchedOf(entry: Entry): string {
  const known = searchedTexts.get(entry);
  if (known !== undefined) return known;
  const { action = '', text = '', messageId = '', problem = '', repairs = [] } = entry;
  const made = [action, text, messageId, problem, ...repairs].join('\n').toLowerCase();
  searchedTexts.set(entry, made);
  return made;
}

/** The payload of a frame, or all that is readable of it. @returns undefined for a frame without a text */
export function contentOf({ text, truncated }: RecordedFrame): unknown {
  if (text === undefined) return undefined;
  if (truncated === true) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** The payload of a CALL or SEND. */
export function payloadIn(frame: RecordedFrame): unknown {
  const content = contentOf(frame);
  if (!Array.isArray(content)) return undefined;
  return (content as readonly unknown[])[3];
}

/** Data of a server-sent event. @returns undefined for what is no frame */
export function frameIn(data: unknown): RecordedFrame | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { id, at, type } = data as Partial<RecordedFrame>;
  return typeof id === 'string' && typeof at === 'number' && typeof type === 'string'
    ? (data as RecordedFrame)
    : undefined;
}
