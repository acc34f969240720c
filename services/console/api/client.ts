/**
 * The HTTP API, with the types of its OpenAPI document. Every request of the page goes through `send`, which adds the access token and
 * notes what it says of the connection.
 */
import createClient from 'openapi-fetch';
import { sawAnswer, sawFailure } from './connection.ts';
import type { components, paths } from './openapi.generated.ts';
import { isRefused, token } from './token.ts';

export type Schemas = components['schemas'];

/** An answer of the API that is no success; `message` is for people. */
export class ApiProblem extends Error {
  /** 0: there was no answer. */
  readonly status: number;
  /** Of the problem document, such as `no-such-station`; '' without one. */
  readonly code: string;
  /** The problem document, which may have more. */
  readonly document: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    code: string,
    message: string,
    document: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.document = document;
  }
}

/** Longer than any request waits for its station (60 s); ms. */
const TIMEOUT = 75_000;

/** Media type of server-sent events. */
export const EVENT_STREAM = 'text/event-stream';

/** fetch with the access token. @throws ApiProblem only where there is no answer at all */
export async function send(input: string | Request, init: RequestInit = {}): Promise<Response> {
  const used = token.value;
  const request = new Request(input, init);
  request.headers.set('authorization', `Bearer ${used}`);
  let response: Response;
  try {
    response = await fetch(request);
  } catch (error) {
    if (!request.signal.aborted) sawFailure('apiAway');
    throw new ApiProblem(0, 'no-answer', error instanceof Error ? error.message : String(error));
  }
  if (response.status === 401 && used !== '' && token.value === used) isRefused.value = true;
  if (response.status === 503) sawFailure('storeAway');
  else if (response.status === 502 || response.status === 504) sawFailure('apiAway');
  else if (response.status === 429) {
    // What this says of a stream is shown for as long as it is so, whatever others are answered.
    if (request.headers.get('accept') !== EVENT_STREAM) sawFailure('slow');
  } else sawAnswer();
  return response;
}

export const api = createClient<paths>({
  baseUrl: '',
  fetch: (request: Request) =>
    send(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT)]) }),
});

/** What an answer holds. @throws ApiProblem */
export async function read<T>(
  answer: Promise<{ readonly data?: T; readonly error?: unknown; readonly response: Response }>,
): Promise<T> {
  const { data, error, response } = await answer;
  if (response.ok) return data as T;
  throw problemOf(response, error);
}

export function problemOf(response: Response, body: unknown): ApiProblem {
  const document = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const { code, detail, title } = document;
  const words = [detail, title].find((one) => typeof one === 'string');
  return new ApiProblem(
    response.status,
    typeof code === 'string' ? code : '',
    words ?? `the API answered ${response.status}`,
    document,
  );
}
