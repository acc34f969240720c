/**
 * Names of business facts. A station that lost an answer sends the same fact again, on a new
 * connection and perhaps under a new message id; the fact's own fields are what stays the same.
 * The station is part of every key: no station may take away or replay the facts of another.
 */
import { createHash } from 'node:crypto';

/**
 * Measured values come every minute from every car, and each key costs memory: they are known for an hour. After it
 * an older value changes nothing that a younger one has set; values of their own stream may stand there twice.
 */
export const METER_KEY_SECONDS = 3600;

type Part = string | number | undefined;

/**
 * `<fact>:<43 characters>`. Hashed, because the parts are a station's own texts: JSON keeps their
 * boundaries, the hash keeps keys short and free of what they contain.
 */
export function businessKey(fact: string, stationId: string, ...parts: readonly Part[]): string {
  return `${fact}:${digest([stationId, ...parts])}`;
}

/** A short stand-in for a whole payload. */
export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64url');
}
