/**
 * The API over HTTP. Each request ends within three seconds, as a person waits at the terminal; what takes longer is asked for again.
 * A request that was refused for its rate was not executed, and is repeated after the time that the API names.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { away, ExitError, usageError } from './exit.ts';
import { ApiError, readProblem } from './problem.ts';

export interface Endpoint {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Items<T> {
  readonly items: readonly T[];
  /** There are more than the limit. */
  readonly hasMore: boolean;
}

export interface Sending {
  /** Idempotency-Key. */
  readonly key?: string;
  /** Of a body that is no JSON. */
  readonly type?: string;
  readonly patienceMs?: number;
}

/** All reject with an ExitError: ApiError for what the API answered. */
export interface Api {
  get<T>(path: string, query?: Query): Promise<T>;
  /** Pages up to the limit. */
  list<T>(path: string, query: Query, limit: number): Promise<Items<T>>;
  /** Resolves to undefined for an answer without content. */
  send<T>(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    how?: Sending,
  ): Promise<T>;
  /** The body of a stream of events, which ends with `signal`. */
  stream(
    path: string,
    query: Query,
    lastId: string | undefined,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>>;
}

const PATIENCE = 3000;
const PAGE = 1000;
/** Pages that may be empty in a row, as a filter examines a bounded number of entries a request. */
const MOST_PAGES = 100_000;
/** How often a request is repeated for its rate, and the longest wait; ms. */
const REPEATS = 5;
const LONGEST_WAIT = 5000;

/** The path of a resource; each part is encoded. @throws ExitError for a name that no URL can hold */
export function pathOf(...parts: readonly string[]): string {
  const dots = parts.find((part) => part === '.' || part === '..');
  if (dots !== undefined) throw usageError(`"${dots}" cannot be the name of anything`);
  return `/v1/${parts.map(encodeURIComponent).join('/')}`;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly query?: Query;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export function createApi(open: () => Promise<Endpoint>, stopped: AbortSignal): Api {
  const respond = async (request: Request, signal: AbortSignal, patienceMs: number): Promise<Response> => {
    const { url, token } = await open();
    const { method, path, query = {}, headers = {}, body } = request;
    const asked = new URL(`${url}${path}`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) asked.searchParams.set(name, String(value));
    const sent = { ...headers, authorization: `Bearer ${token}` };
    try {
      return await fetch(asked, {
        method,
        headers: sent,
        redirect: 'manual',
        signal: AbortSignal.any([signal, stopped]),
        ...(body !== undefined && { body }),
      });
    } catch (error) {
      throw unreachable(url, error, patienceMs);
    }
  };

  const ask = async (request: Request, patienceMs = PATIENCE): Promise<string> => {
    for (let repeats = 0; ; repeats++) {
      // A port-forward takes its own time.
      const { url } = await open();
      const response = await respond(request, AbortSignal.timeout(patienceMs), patienceMs);
      const text = await response.text().catch((error: unknown) => {
        throw unreachable(url, error, patienceMs);
      });
      if (response.ok) return text;
      const error = errorOf(url, response, text);
      if (response.status !== 429 || repeats === REPEATS) throw error;
      const wait = Number(response.headers.get('retry-after') ?? 1) * 1000;
      await sleep(Math.min(LONGEST_WAIT, wait > 0 ? wait : 1000), undefined, { signal: stopped });
    }
  };
  const askJson = async <T>(request: Request, patienceMs?: number): Promise<T> => {
    const text = await ask(request, patienceMs);
    try {
      return (text === '' ? undefined : JSON.parse(text)) as T;
    } catch {
      throw notTheApi((await open()).url, 'an answer that is not JSON');
    }
  };

  const get = <T>(path: string, query: Query = {}) => askJson<T>({ method: 'GET', path, query });
  return {
    get,
    async list<T>(path: string, query: Query, limit: number) {
      const items: T[] = [];
      let { after } = query;
      for (let pages = 0; pages < MOST_PAGES; pages++) {
        // One more than wanted shows whether there are more.
        const size = Math.min(PAGE, limit + 1 - items.length);
        const page: { items: readonly T[]; next?: string } = await get(path, {
          ...query,
          after,
          limit: size,
        });
        for (const item of page.items) items.push(item);
        if (items.length > limit) return { items: items.slice(0, limit), hasMore: true };
        if (page.next === undefined || page.next === after) break;
        after = page.next;
      }
      return { items, hasMore: false };
    },
    send<T>(method: string, path: string, body: unknown, { key, type, patienceMs }: Sending = {}) {
      const text =
        body === undefined || type !== undefined ? (body as string | undefined) : JSON.stringify(body);
      const headers = {
        ...(text !== undefined && { 'content-type': type ?? 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
      };
      return askJson<T>({ method, path, headers, ...(text !== undefined && { body: text }) }, patienceMs);
    },
    async stream(path, query, lastId, signal) {
      const { url } = await open();
      const headers = {
        accept: 'text/event-stream',
        ...(lastId !== undefined && { 'last-event-id': lastId }),
      };
      const patience = new AbortController();
      const timer = setTimeout(() => patience.abort(new DOMException('', 'TimeoutError')), PATIENCE);
      const request = { method: 'GET', path, query, headers };
      const ended = AbortSignal.any([patience.signal, signal]);
      const response = await respond(request, ended, PATIENCE).finally(() => clearTimeout(timer));
      if (response.ok && response.body !== null) return response.body;
      throw errorOf(url, response, await response.text());
    },
  };
}

function errorOf(url: string, { status, headers }: Response, text: string): ExitError {
  const problem = readProblem(status, text);
  if (problem !== undefined) return new ApiError(problem);
  const location = headers.get('location');
  if (location !== null) return away(`${url} redirects to ${location}: use that address`);
  return notTheApi(url, `status ${status}`);
}

const notTheApi = (url: string, what: string) =>
  away(
    `${url} answered with ${what}, not as the API does: check the address, and what is between here and the API`,
  );

const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there: check that the API runs, and the address',
  ENOTFOUND: 'the name is unknown: check the address',
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'its certificate is self-signed: set NODE_EXTRA_CA_CERTS to the file of its CA',
  SELF_SIGNED_CERT_IN_CHAIN: 'its CA is unknown here: set NODE_EXTRA_CA_CERTS to the file of its CA',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its CA is unknown here: set NODE_EXTRA_CA_CERTS to the file of its CA',
};

function unreachable(url: string, error: unknown, patienceMs: number): Error {
  if (error instanceof ExitError) return error;
  const { name, cause } = error as Error & {
    readonly cause?: { readonly code?: string; readonly message?: string };
  };
  if (name === 'TimeoutError')
    return away(
      `the API at ${url} has not answered within ${patienceMs / 1000} s: check that it runs, and the network`,
    );
  const why =
    ADVICE[cause?.code ?? ''] ??
    `${cause?.message ?? (error as Error).message}: check the address and the network`;
  return away(`the API at ${url} is out of reach: ${why}`);
}
