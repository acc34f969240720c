/**
 * The problems that the API reports (RFC 9457): a stable code each, with its HTTP status and title. A status 503 means that Redis
 * is out of reach, and only that: the same request can succeed later.
 */
import type { Static } from 'typebox';
import type { ProblemBody } from './schemas/problem.ts';

const CATALOGUE = {
  'bad-request': [400, 'The request is not valid'],
  unauthorized: [401, 'The access token is missing or unknown'],
  forbidden: [403, 'The access token does not permit this'],
  'not-found': [404, 'There is no such path'],
  'no-such-station': [404, 'The station never connected'],
  'no-such-command': [404, 'The command is unknown, or its end was an hour ago'],
  'no-such-transaction': [404, 'The transaction is unknown, or its mark has expired'],
  'no-such-token': [404, 'The token is not listed'],
  'no-such-entry': [404, 'There is no such entry'],
  'no-such-broadcast': [404, 'The broadcast is unknown, or its end was a day ago'],
  'no-such-action': [404, 'Stations of this version take no such action'],
  'no-such-webhook': [404, 'No webhook has this name'],
  'method-not-allowed': [405, 'The path does not take this method'],
  'not-acceptable': [406, 'The response is not of an accepted type'],
  'request-timeout': [408, 'The request was not complete in time'],
  'station-offline': [409, 'The station is not connected, and the command was not sent'],
  'queue-full': [409, 'Too many commands are queued for the station, and this one was not sent'],
  'command-expired': [409, 'The time to live of the command ended in the queue'],
  'command-cancelled': [409, 'The command was cancelled in the queue'],
  'command-uncertain': [409, 'The command was sent, and its outcome is unknown'],
  'key-conflict': [409, 'The idempotency key names another command'],
  'token-charging': [409, 'A transaction of the token is open'],
  'webhook-configured': [409, 'The webhook is configured'],
  'not-delivered': [409, 'The webhook did not take the event'],
  'events-lost': [410, 'Events after the cursor were dropped'],
  'too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body is not of a supported type'],
  'bad-call': [422, 'The command breaks a rule of OCPP'],
  'bad-entry': [422, 'The entry is not usable'],
  'bad-envelope': [422, 'The dead letter cannot be replayed'],
  'too-many-requests': [429, 'Too many things are open at once'],
  'rate-limited': [429, 'Too many requests'],
  'headers-too-large': [431, 'The headers are too large'],
  'internal-error': [500, 'The request failed because of a fault in the program'],
  'store-unavailable': [503, 'Redis is out of reach'],
} as const;

export type ProblemCode = keyof typeof CATALOGUE;

export const statusOf = (code: ProblemCode): number => CATALOGUE[code][0];

export const PROBLEM_TYPE = 'application/problem+json';
const TYPES = 'https://ocpp.dev/problems/';

type Body = Static<typeof ProblemBody>;
export type Fault = NonNullable<Body['errors']>[number];

interface ProblemDetails extends Pick<Body, 'errors' | 'command' | 'oldest'>, ErrorOptions {
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that fails with a response of its own. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly headers: Readonly<Record<string, string>>;
  readonly #more: Pick<Body, 'errors' | 'command' | 'oldest'>;

  constructor(code: ProblemCode, detail: string, { headers = {}, cause, ...more }: ProblemDetails = {}) {
    super(detail, cause === undefined ? {} : { cause });
    this.code = code;
    this.headers = headers;
    this.#more = more;
  }

  get statusCode(): number {
    return statusOf(this.code);
  }

  body(): Body {
    const [status, title] = CATALOGUE[this.code];
    return {
      type: `${TYPES}${this.code}`,
      title,
      status,
      detail: this.message,
      code: this.code,
      ...this.#more,
    };
  }
}

/** A request with faults, the first of which are named. */
export const badRequest = (faults: readonly Fault[]): Problem =>
  new Problem(
    'bad-request',
    faults.map(({ path, message }) => `${path || 'the body'} ${message}`).join('; '),
    {
      errors: [...faults],
    },
  );

const RETRY = { headers: { 'retry-after': '1' } };

/** Codes of the client that have another name here. */
const RENAMED: Readonly<Record<string, ProblemCode>> = {
  'no-dead-letter': 'no-such-entry',
  'no-unreadable': 'no-such-entry',
  'no-unreadable-text': 'no-such-entry',
  'no-recording': 'no-such-entry',
  'too-many-calls': 'too-many-requests',
  'too-many-recordings': 'too-many-requests',
  'prefix-taken': 'store-unavailable',
  'call-abandoned': 'store-unavailable',
};
const SAME: ReadonlySet<string> = new Set<ProblemCode>([
  'bad-call',
  'bad-entry',
  'bad-envelope',
  'events-lost',
  'key-conflict',
  'token-charging',
  'store-unavailable',
]);

/** What the client rejects with, and what fastify refuses, as a problem. Other errors are faults of the program. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { code = '', message } = asCoded(error);
  if (code === 'bad-cursor') return badRequest([{ path: 'query/after', message }]);
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new Problem('too-large', 'the body is longer than 256 kB, or than 8 MB where a CSV is imported');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return new Problem(
      'unsupported-media-type',
      'send the body as application/json, or as text/csv where a CSV is imported',
    );
  const known = SAME.has(code) ? (code as ProblemCode) : (RENAMED[code] ?? ofFastify(error));
  if (known === undefined)
    return new Problem('internal-error', 'the log of the API has the cause', { cause: error });
  const status = statusOf(known);
  return new Problem(known, message, status === 503 || status === 429 ? RETRY : {});
}

/** @returns undefined for an error that is no fault of the request */
function ofFastify(error: unknown): ProblemCode | undefined {
  const { statusCode } = (error ?? {}) as { readonly statusCode?: unknown };
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? 'bad-request' : undefined;
}

function asCoded(error: unknown): { readonly code?: string; readonly message: string } {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as { readonly code?: unknown };
  return { message: error.message, ...(typeof code === 'string' && { code }) };
}
