/**
 * The routes that a program adds to its admin port: JSON in and out, each with the bearer token. A handler gets the query and
 * the body, and returns the response or throws a RequestError.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AdminToken } from './admin-token.ts';

/** What a handler reads. Both come from outside. */
export interface AdminRequest {
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
}

export interface AdminRoute {
  readonly method: 'GET' | 'PUT' | 'POST';
  readonly path: string;
  /** Returns the response, which is sent as JSON. @throws RequestError */
  readonly handle: (request: AdminRequest) => unknown;
}

/** A request that cannot be fulfilled; the message is sent and says what to correct. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: 400 | 409 | 413 | 503;

  constructor(status: 400 | 409 | 413 | 503, message: string) {
    super(message);
    this.status = status;
  }
}

/** A body is at most this long; bytes. */
const MAX_BODY = 16 * 1024;

export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers a request to one of the routes; undefined for another path. Never rejects. */
export async function answerRoute(
  routes: readonly AdminRoute[],
  token: AdminToken,
  request: IncomingMessage,
): Promise<Answer | undefined> {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const ofPath = routes.filter((route) => route.path === path);
  if (ofPath.length === 0) return undefined;
  const denial = await token.denial(request.headers.authorization);
  if (denial !== undefined) return denied(denial);
  const route = ofPath.find(({ method }) => method === request.method);
  if (route === undefined) {
    const allow = ofPath.map(({ method }) => method).join(', ');
    return { status: 405, text: `${path} takes ${allow}\n`, headers: { allow } };
  }
  try {
    const body = await readBody(request);
    const result = await route.handle({ query: new URLSearchParams(query), body });
    return { status: 200, text: `${JSON.stringify(result)}\n`, type: 'application/json' };
  } catch (error) {
    const status = error instanceof RequestError ? error.status : 500;
    return { status, text: `${error instanceof Error ? error.message : 'the request failed'}\n` };
  }
}

export function denied({ status, reason }: { status: number; reason: string }): Answer {
  return {
    status,
    text: `${reason}\n`,
    ...(status === 401 && { headers: { 'www-authenticate': 'Bearer' } }),
  };
}

export function send(response: ServerResponse, { status, text, type, headers }: Answer): void {
  response.writeHead(status, { 'content-type': type ?? 'text/plain; charset=utf-8', ...headers });
  response.end(text);
}

/** @throws RequestError for a body that is too long or no JSON */
async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read on, so that the peer gets the response, and keep nothing of it.
    if (size <= MAX_BODY) chunks.push(chunk);
    else chunks.length = 0;
    if (size > 64 * MAX_BODY) break;
  }
  if (size > MAX_BODY) throw new RequestError(413, `the body has more than ${MAX_BODY} bytes`);
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
  } catch {
    throw new RequestError(400, 'the body is not JSON');
  }
}
