/** The refusals of a station server that do not depend on the request. */
import type { Verdict } from '../access/access-control.ts';
import { type Refusal, retryAfterSeconds } from './handshake.ts';

/** Refusals without a WebSocket handshake. */
export const NO_UPGRADE = { status: 426, code: 'no-upgrade', reason: 'no Connection: Upgrade' } as const;
export const NO_HANDSHAKE = {
  status: 400,
  code: 'bad-handshake',
  reason: 'not a WebSocket handshake of RFC 6455',
} as const;

/** A connection that does not come from a load balancer, or not as the listener needs it. */
export const UNTRUSTED = {
  status: 403,
  code: 'untrusted',
  reason: 'connections to this port come from its load balancer only',
} as const;
export const INSECURE = {
  status: 403,
  code: 'insecure',
  reason: 'stations connect to the load balancer of this port with TLS',
} as const;
/** Dropped without an answer: nothing was read. */
export const TOO_MANY = { status: 503, code: 'connections', reason: 'too many TCP connections' } as const;
export const TOO_MANY_OF_ADDRESS = {
  status: 429,
  code: 'address-connections',
  reason: 'too many TCP connections of this address',
} as const;

const TEMPORARY = {
  draining: 'this server is shutting down, reconnect',
  'store-away': 'the message store is unavailable, reconnect later',
  'store-full': 'the message store is nearly full, reconnect later',
} as const;

/** Retry-After while other servers accept: the next attempt finds one of them; maximum, in seconds. */
const SOON = 3;

export type TemporaryCode = keyof typeof TEMPORARY;

/** HTTP 503 with a Retry-After. @param spread 0 to 1, as thousands of stations are refused together */
export function temporary(code: TemporaryCode, spread: number): Refusal {
  const after =
    code === 'draining' ? 1 + Math.min(SOON - 1, Math.floor(spread * SOON)) : retryAfterSeconds(spread);
  return { status: 503, code, reason: TEMPORARY[code], retryAfterSeconds: after };
}

const ANSWERS = {
  401: 'authentication failed',
  404: 'unknown station',
  429: 'too many failed attempts, retry later',
  503: 'stations cannot be authenticated now, reconnect later',
} as const;

/** What a station learns of a refusal is the same for all reasons: identities must not be listed by trying. */
export function refusalOf(
  { code, status, reason, retryAfterSeconds: after }: Extract<Verdict, { readonly kind: 'refuse' }>,
  spread: number,
): Refusal {
  const seconds = status === 503 ? retryAfterSeconds(spread) : after;
  const retry = seconds !== undefined && { retryAfterSeconds: seconds };
  return { status, code, reason, answer: ANSWERS[status], ...retry };
}
