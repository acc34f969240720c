/** Frames in words. */
import { count } from '../../parts/format.ts';
import { TEXTS } from '../../texts.ts';
import type { RecordedFrame } from './frames.ts';

const WORDS = TEXTS.station.live;

/** Something that happened to the connection or the recording, and no message. */
export const isMarker = ({ direction }: RecordedFrame): boolean => direction === undefined;

export function markerText({ type, reason = '', lost, action = '' }: RecordedFrame): string {
  switch (type) {
    case 'connected':
    case 'resumed':
    case 'missed':
      return WORDS.markers[type]();
    case 'disconnected':
      return WORDS.markers.disconnected(reason);
    case 'unanswered':
      return `${WORDS.markers.unanswered()}${action === '' ? '' : `: ${action}`}`;
    case 'gap':
      return WORDS.markers.gap(count(lost));
    default:
      return type;
  }
}

const TYPES: Readonly<Record<string, string>> = WORDS.types;

export const typeText = (type: string): string => (Object.hasOwn(TYPES, type) ? (TYPES[type] ?? type) : type);

/** Repairs, and why a message went no further. */
export function notesOf({ repairs = [], problem }: RecordedFrame): string {
  return [
    repairs.length > 0 ? WORDS.repaired(repairs.join(', ')) : '',
    problem === undefined ? '' : WORDS.problem(problem),
  ]
    .filter((one) => one !== '')
    .join(' · ');
}

const times = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});

/** With milliseconds: the order of messages is what is looked for. */
export const clock = (at: number): string => times.format(at);

export const sizeText = ({ bytes }: RecordedFrame): string =>
  bytes === undefined ? '' : `${count(bytes)} B`;
