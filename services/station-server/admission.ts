/**
 * What the station server asks before it completes a handshake, and the answers it knows. The decision needs
 * knowledge of identities, subprotocols and limits, which this package does not have: the program passes
 * it in as one function.
 */
import type { Protocol } from '../ocpp/frame.ts';

/** The facts of one WebSocket handshake. */
export interface AdmissionRequest {
  /** The request target as it came: percent-encoded, with its query. */
  readonly url: string;
  /** Of the listener that it came to: stations connect to `<path>/<identity>`. */
  readonly path: string;
  /** Sec-WebSocket-Protocol as it came, repeated headers joined with commas; undefined without one. */
  readonly subprotocols: string | undefined;
  /** Of the TCP peer. Forwarded headers are not believed. */
  readonly remoteAddress: string;
  /** Stations that this server holds now, handshakes in progress included. */
  readonly sessions: number;
}

export interface Refusal {
  /** 101: the handshake is completed, and the connection closed at once. */
  readonly status: 101 | 400 | 401 | 404 | 426 | 429 | 503;
  /** For metrics. */
  readonly code: RefusalCode;
  /** For the station's log: what was wrong. */
  readonly reason: string;
  readonly retryAfterSeconds?: number;
}

export type RefusalCode =
  /** The request is no WebSocket handshake: it lacks `Connection: Upgrade`, or a key. */
  | 'no-upgrade'
  | 'bad-handshake'
  /** What it asks for is no place for stations, or no identity. */
  | 'path'
  | 'identity'
  | 'credentials'
  | 'no-subprotocol'
  | 'unknown-subprotocol'
  /** Too many: connects a second, connects of this station, stations, TCP connections. */
  | 'connect-rate'
  | 'flapping'
  | 'sessions'
  | 'connections'
  | 'draining'
  | 'store-away'
  | 'store-full';

export type Admission =
  | {
      readonly kind: 'accept';
      readonly stationId: string;
      readonly protocol: Protocol;
      /** The station names no subprotocol: the handshake is completed without one. */
      readonly isUnnamed?: true;
    }
  /** No subprotocol in common: OCPP-J wants the handshake completed without one, then closed. */
  | { readonly kind: 'accept-and-close'; readonly refusal: Refusal }
  | { readonly kind: 'refuse'; readonly refusal: Refusal };

export type Admit = (request: AdmissionRequest) => Admission;

/** What a refused station is asked to wait at least and, on top, at most; seconds. */
const RETRY_AFTER = 5;
const RETRY_AFTER_SPREAD = 10;

/** Retry-After for a station that shall come again: random, as thousands are refused together. */
export function retryAfterSeconds(random: () => number): number {
  return RETRY_AFTER + Math.floor(random() * (RETRY_AFTER_SPREAD + 1));
}
