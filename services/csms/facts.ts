/**
 * Business facts: their idempotency keys and their events. A station that lost a response sends the same fact again, on
 * a new connection and perhaps under a new message id. The fact's own fields stay the same, so they make its key.
 */
import { createHash } from 'node:crypto';
import type { DomainEvent } from '../transport/stored-state.ts';

/**
 * Measured values arrive every minute from every car, and each key costs memory: they expire after an hour. A later
 * duplicate never overwrites a newer value, but its values may appear twice in their stream. Where nothing goes to the
 * stream, there is no key.
 */
export const METER_KEY_SECONDS = 3600;

type Part = string | number | undefined;

/**
 * `<fact>:<43 characters>`. The station is part of every key: no station can suppress or replay the facts of another.
 * Hashed, because the parts are a station's own texts: JSON keeps their boundaries, the hash keeps keys short.
 */
export function businessKey(fact: string, stationId: string, ...parts: readonly Part[]): string {
  return `${fact}:${digest([stationId, ...parts])}`;
}

/** A short hash of a whole payload. */
export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}

export type Facts = Readonly<Record<string, string | number | boolean | undefined>>;

/** Longest text in a field of an event. */
const LONGEST = 500;

/** A domain event. A station's texts are cut, because all stations share the stream. */
export function eventOf(type: string, stationId: string, facts: Facts, longest = LONGEST): DomainEvent {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined);
  const fields = Object.fromEntries(known.map(([name, value]) => [name, String(value).slice(0, longest)]));
  return { type, stationId, fields };
}
