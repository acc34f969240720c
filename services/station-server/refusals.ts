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

const TEMPORARY = {
  draining: 'this server is shutting down, reconnect',
  'store-away': 'the message store is unavailable, reconnect later',
  'store-full': 'the message store is nearly full, reconnect later',
} as const;

/** Retry-After while other servers accept: the next attempt finds one of them; maximum, in seconds. */
const SOON = 3;

/** HTTP 503 with a random Retry-After: thousands of stations are refused together. */
export function temporary(code: keyof typeof TEMPORARY, random: () => number): Refusal {
  const soon = 1 + Math.floor(random() * SOON);
  const after = code === 'draining' ? Math.min(SOON, soon) : retryAfterSeconds(random);
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
  random: () => number,
): Refusal {
  const seconds = status === 503 ? retryAfterSeconds(random) : after;
  const retry = seconds !== undefined && { retryAfterSeconds: seconds };
  return { status, code, reason, answer: ANSWERS[status], ...retry };
}
