/**
 * HTTP to an API server over persistent connections: one response as JSON, or a stream of lines. Every failure is a
 * StoreError that names the request and never contains credentials.
 */
import http from 'node:http';
import https from 'node:https';
import { answerOf, MAX_BYTES, unavailable } from './answer.ts';
import { type Call, callOf, type KubeRequest } from './request.ts';

/** URL of the API server, and the credentials. */
export interface Endpoint {
  readonly server: string;
  /** Adds certificates and the current token to a request. */
  authenticate(options: https.RequestOptions): Promise<void>;
  /** After a 401: reads the credentials again for the next requests. */
  renew?(): void;
}

export interface KubeHttpOptions {
  /** Default timeout of a complete response, ms. */
  readonly timeoutMs?: number;
  /** Called for each request when the response begins; status undefined: no response. */
  readonly onCall?: (call: Call, status: number | undefined, ms: number) => void;
}

const TIMEOUT_MS = 30_000;
/** Minimum interval between two reads of the credentials: invalid ones stay invalid. */
const RENEW_MS = 1000;

export class KubeHttp {
  readonly #endpoint: Endpoint;
  readonly #agent: http.Agent;
  readonly #options: KubeHttpOptions;
  /** Number and time of credential reads. */
  #renewals = 0;
  #renewedAt = Number.NEGATIVE_INFINITY;

  constructor(endpoint: Endpoint, { timeoutMs = TIMEOUT_MS, ...options }: KubeHttpOptions = {}) {
    this.#endpoint = endpoint;
    this.#options = { timeoutMs, ...options };
    const keep = { keepAlive: true, keepAliveMsecs: 30_000, maxFreeSockets: 8 };
    this.#agent = endpoint.server.startsWith('https:') ? new https.Agent(keep) : new http.Agent(keep);
  }

  /** The JSON of the response. @throws StoreError for a status of 400 and above */
  async json(request: KubeRequest): Promise<unknown> {
    const timeoutMs = request.timeoutMs ?? this.#options.timeoutMs ?? TIMEOUT_MS;
    const limit = AbortSignal.timeout(timeoutMs);
    const signal = request.signal === undefined ? limit : AbortSignal.any([request.signal, limit]);
    try {
      const response = await this.#open(request, signal);
      return await answerOf(request, response);
    } catch (error) {
      const why = limit.aborted ? `no response within ${timeoutMs} ms` : undefined;
      throw unavailable(request, error, why);
    }
  }

  /**
   * The response line by line, until the server ends it or `signal` aborts (then it ends without an error).
   * @throws StoreError also after `idleMs` of silence, or when the last line is incomplete
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
        if (rest.length > MAX_BYTES) throw new Error(`a line exceeds ${MAX_BYTES} bytes`);
        yield* lines;
      }
      if (rest !== '') throw new Error('the stream ended in the middle of a line');
    } catch (error) {
      if (request.signal.aborted) return;
      throw unavailable(request, error, idle.signal.aborted ? `no data for ${request.idleMs} ms` : undefined);
    } finally {
      clearTimeout(timer);
      idle.abort();
    }
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  /** After a 401 reads the credentials again and sends the request a second time. */
  async #open(request: KubeRequest, signal: AbortSignal): Promise<http.IncomingMessage> {
    const renewals = this.#renewals;
    const response = await this.#send(request, signal);
    if (response.statusCode !== 401 || (renewals === this.#renewals && !this.#renew())) return response;
    response.resume();
    return this.#send(request, signal);
  }

  #renew(): boolean {
    const now = performance.now();
    if (this.#endpoint.renew === undefined || now - this.#renewedAt < RENEW_MS) return false;
    this.#renewedAt = now;
    this.#renewals += 1;
    this.#endpoint.renew();
    return true;
  }

  async #send(request: KubeRequest, signal: AbortSignal): Promise<http.IncomingMessage> {
    const options: https.RequestOptions = {};
    await this.#endpoint.authenticate(options);
    const started = performance.now();
    const done = (status?: number) =>
      this.#options.onCall?.(callOf(request), status, performance.now() - started);
    try {
      const response = await this.#exchange(request, options, signal);
      done(response.statusCode);
      return response;
    } catch (error) {
      done();
      throw error;
    }
  }

  #exchange(
    request: KubeRequest,
    options: https.RequestOptions,
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const url = new URL(this.#endpoint.server.replace(/\/$/, '') + request.path);
    url.search = new URLSearchParams(request.query).toString();
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
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
        if (request.mayStart?.() === false)
          return reject(new Error('not sent, this process may no longer write'));
        const outgoing = send(url, { ...options, method: request.method, headers, agent, signal }, resolve);
        outgoing.on('error', (error: NodeJS.ErrnoException) => {
          // The server closed an idle connection just as it was reused. Every request is safe to send twice.
          if (outgoing.reusedSocket && error.code === 'ECONNRESET' && !last) attempt(true);
          else reject(error);
        });
        return outgoing.end(body);
      };
      attempt(false);
    });
  }
}
