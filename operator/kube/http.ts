/**
 * HTTP to an API server over connections that are kept: one answer as JSON, or a stream of lines.
 * Whatever goes wrong is a StoreError that says at which request; credentials are in none of them.
 */
import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { StoreError, type StoreErrorCode } from './object-store.ts';

/** Where the API server is, and who asks. */
export interface Endpoint {
  readonly server: string;
  /** Adds certificates and the current token to a request. */
  authenticate(options: https.RequestOptions): Promise<void>;
}

export interface KubeRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Of the body; JSON where left out. */
  readonly contentType?: string;
  /** For the whole answer; 30 s where left out. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const TIMEOUT_MS = 30_000;
/** etcd refuses objects beyond 1.5 MiB, a page of 500 stays far below this. */
const MAX_BYTES = 256 * 1024 * 1024;

export class KubeHttp {
  readonly #endpoint: Endpoint;
  readonly #agent: http.Agent;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    const options = { keepAlive: true, keepAliveMsecs: 30_000, maxFreeSockets: 8 };
    this.#agent = endpoint.server.startsWith('https:') ? new https.Agent(options) : new http.Agent(options);
  }

  /** The answer's JSON. Any status of 400 and above is thrown as StoreError. */
  async json(request: KubeRequest): Promise<unknown> {
    const limit = AbortSignal.timeout(request.timeoutMs ?? TIMEOUT_MS);
    const signal = request.signal === undefined ? limit : AbortSignal.any([request.signal, limit]);
    try {
      const response = await this.#open(request, signal);
      return await answerOf(request, response);
    } catch (error) {
      const why = limit.aborted ? `no answer within ${request.timeoutMs ?? TIMEOUT_MS} ms` : undefined;
      throw unavailable(request, error, why);
    }
  }

  /**
   * The answer line by line, until the server ends it or `signal` aborts (then it ends quietly).
   * @throws StoreError also when nothing came for `idleMs`, or when the last line has no end
   */
  async *lines(
    request: KubeRequest & { readonly signal: AbortSignal; readonly idleMs: number },
  ): AsyncGenerator<string> {
    const idle = new AbortController();
    const timer = setTimeout(() => idle.abort(), request.idleMs);
    try {
      const response = await this.#open(request, AbortSignal.any([request.signal, idle.signal]));
      if ((response.statusCode ?? 0) >= 400) await answerOf(request, response);
      response.setEncoding('utf8');
      let rest = '';
      for await (const chunk of response as AsyncIterable<string>) {
        timer.refresh();
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        if (rest.length > MAX_BYTES) throw new Error('a line is longer than any object');
        yield* lines;
      }
      if (rest !== '') throw new Error('the stream ended in the middle of a line');
    } catch (error) {
      if (request.signal.aborted) return;
      throw unavailable(request, error, idle.signal.aborted ? `silent for ${request.idleMs} ms` : undefined);
    } finally {
      clearTimeout(timer);
      idle.abort();
    }
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  async #open(request: KubeRequest, signal: AbortSignal): Promise<http.IncomingMessage> {
    const url = new URL(this.#endpoint.server.replace(/\/$/, '') + request.path);
    url.search = new URLSearchParams(request.query).toString();
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const options: https.RequestOptions = {};
    await this.#endpoint.authenticate(options);
    const headers = {
      ...(options.headers as http.OutgoingHttpHeaders | undefined),
      accept: 'application/json',
      'user-agent': 'ocpp-operator',
      ...(body && {
        'content-type': request.contentType ?? 'application/json',
        'content-length': body.length,
      }),
    };
    const agent = options.agent ?? this.#agent;
    const send = url.protocol === 'https:' ? https.request : http.request;
    return new Promise((resolve, reject) => {
      const attempt = (last: boolean) => {
        const outgoing = send(url, { ...options, method: request.method, headers, agent, signal }, resolve);
        outgoing.on('error', (error: NodeJS.ErrnoException) => {
          // The server closed a kept connection just as we used it. Every request of ours may be sent twice.
          if (outgoing.reusedSocket && error.code === 'ECONNRESET' && !last) attempt(true);
          else reject(error);
        });
        outgoing.end(body);
      };
      attempt(false);
    });
  }
}

async function answerOf(request: KubeRequest, response: http.IncomingMessage): Promise<unknown> {
  const text = await textOf(response);
  const status = response.statusCode ?? 0;
  if (status < 400) return JSON.parse(text);
  throw errorOf(request, status, messageOf(text), retryAfterOf(response.headers['retry-after']));
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_BYTES) throw new Error('the answer is larger than any list');
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The message of a metav1.Status, or the text itself. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: string };
    if (message !== undefined) return message;
  } catch {
    // A proxy in between answers in its own words.
  }
  return text.slice(0, 500);
}

/** Seconds; the date form is not used by API servers. */
function retryAfterOf(header: string | undefined): number | undefined {
  return header !== undefined && /^\d+$/.test(header) ? Number(header) * 1000 : undefined;
}

const CODES: Readonly<Record<number, StoreErrorCode>> = {
  401: 'forbidden',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  410: 'expired',
  429: 'throttled',
};

/** A failure that the API server reports by an HTTP status or by the `code` of a metav1.Status. */
export function errorOf(
  { method, path }: Pick<KubeRequest, 'method' | 'path'>,
  status: number,
  message: string,
  retryAfterMs?: number,
): StoreError {
  const code = CODES[status] ?? (status >= 500 ? 'unavailable' : 'invalid');
  return new StoreError(code, `${method} ${path}: the API server answered ${status}: ${message}`, {
    status,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function unavailable({ method, path }: KubeRequest, error: unknown, why?: string): StoreError {
  if (error instanceof StoreError) return error;
  const reason = why ?? (error instanceof Error ? error.message : String(error));
  return new StoreError('unavailable', `${method} ${path}: ${reason}`, { cause: error });
}
