/** Makes the events of handlers: what a station wrote is cut before it goes into the stream that all share. */
import type { DomainEvent } from '../transport/stored-state.ts';

export type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

/** Longest text in a field of an event. */
const LONGEST = 500;

export function eventOf(type: string, stationId: string, facts: Facts, longest = LONGEST): DomainEvent {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  const fields = Object.fromEntries(known.map(([name, value]) => [name, String(value).slice(0, longest)]));
  return { type, stationId, fields };
}
