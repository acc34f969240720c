/**
 * Refused handshakes, kept for people who look for a station that does not get in: the last ones of each identity and reason.
 * Stations that connected before or are registered have a room of their own, which clients with invented identities cannot fill.
 */

/** Facts of the last refusal of an identity for a reason. */
export interface RefusedHandshake {
  /** As the request target has it, valid or not; '' where no request was read. */
  readonly identity: string;
  /** The reason as one word, and the HTTP status. */
  readonly code: string;
  readonly status: number;
  /** What was wrong, and what to do about it; for people. */
  readonly reason: string;
  readonly advice: string;
  /** Of the client. */
  readonly remoteAddress: string;
  /** Its name, or its port without one. */
  readonly listener?: string;
}

/** With the number of refusals since the identity and reason were last noted. */
export interface NotedRefusal extends RefusedHandshake {
  readonly count: number;
}

export interface KeptRefusal extends NotedRefusal {
  /** Whether the identity is of a station that connected before or is registered. */
  readonly known: boolean;
  /** ISO 8601 */
  readonly first: string;
  readonly last: string;
}

/** State of the register of stations (access/station-entry.ts). */
export const STATION_REGISTER = 'stations';

/** Identities with a reason that are kept of known stations, and as many of others. */
export const REFUSALS_KEPT = 500;
/** One that was refused within this time gives its place to no other; ms. */
export const REFUSAL_SPARED_MS = 60_000;
/** Kept for so long after the last refusal; ms. */
export const REFUSAL_KEPT_MS = 86_400_000;
