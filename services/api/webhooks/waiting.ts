/** An event that waits for its delivery, in memory and as a member of the sorted sets in Redis. */
import type { CloudEvent } from '../cloud-event.ts';

export interface Waiting {
  /** Id of its entry in the stream of events; the order of a station. */
  readonly position: string;
  /** Of the event, and of each request with it. */
  readonly id: string;
  readonly station: string;
  /** The CloudEvent as JSON. */
  readonly text: string;
}

export const waitingOf = (event: CloudEvent, position: string): Waiting => ({
  position,
  id: event.id,
  station: event.subject ?? '',
  text: JSON.stringify(event),
});

/** When its entry was stored; ms since 1970. */
export const timeOf = ({ position }: Pick<Waiting, 'position'>): number => Number(position.split('-')[0]);

/** Of 64 bits. */
const DIGITS = 20;

/** Members of one score are in the order of their text, so the position has a fixed length. */
export function memberOf({ position, text }: Waiting): string {
  const [ms = '0', number = '0'] = position.split('-');
  return `${ms.padStart(DIGITS, '0')}-${number.padStart(DIGITS, '0')} ${text}`;
}

export function waitingIn(member: string): Waiting {
  const space = member.indexOf(' ');
  const position = member.slice(0, space).replace(/\b0+(?=\d)/g, '');
  return waitingOf(JSON.parse(member.slice(space + 1)) as CloudEvent, position);
}
