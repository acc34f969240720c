/**
 * A client of one webhook: a service of the operator that decides or signs. It posts JSON with a bearer token, within a
 * time-out, and reads a bounded answer. Redirects are not followed: the token is for this address only. Bodies may hold
 * passwords and certificates, so no error names their content.
 */
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { type BreakerLimits, type BreakerState, CircuitBreaker } from './circuit-breaker.ts';
import type { Clock } from './clock.ts';
import { FileText } from './file-text.ts';
import { BusyError, Turns } from './turns.ts';
import { signatureHeaders } from './webhook-signature.ts';

export interface WebhookOptions {
  readonly url: string;
  /** File with the bearer token; '' or absent for none. */
  readonly tokenFile?: string;
  /** File with the certificates that the webhook's own must chain to; '' or absent for those of the system. */
  readonly caFile?: string;
  /** File with the secrets that sign requests which have an id (webhook-signature.ts); '' or absent for none. */
  readonly secretFile?: string;
  /** For the whole exchange, and before that for its turn; ms. */
  readonly timeoutMs: number;
  readonly breaker: BreakerLimits;
  readonly clock: Clock;
}

/**
 * - `timeout`: no complete answer in time.
 * - `unreachable`: no connection, an untrusted certificate, or a status that says "later" (408, 429, 5xx).
 * - `refused`: it does not accept the token (401, 403).
 * - `busy`: too many requests at once; nothing was sent, and the webhook did not fail.
 * - `open`: the circuit breaker is open; nothing was sent.
 * - `bad-answer`: a redirect, a body that is too long, or one that is no JSON.
 */
export type WebhookFailure = 'timeout' | 'unreachable' | 'refused' | 'busy' | 'open' | 'bad-answer';

export class WebhookError extends Error {
  override readonly name = 'WebhookError';
  readonly code: string;
  readonly reason: WebhookFailure;

  constructor(reason: WebhookFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.code = `webhook-${reason}`;
  }
}

export interface PostOptions {
  /** Turns rotate among these where there are many requests at once. */
  readonly from?: string;
  /** Names the request in its signature; without it, it is not signed. */
  readonly id?: string;
  /** For the whole exchange; ms. Default: that of the webhook. */
  readonly timeoutMs?: number;
}

export interface WebhookAnswer {
  /** 2xx, or a 4xx that concerns the request itself. */
  readonly status: number;
  /** The parsed JSON; undefined for an empty body, and for a 4xx without JSON. */
  readonly body: unknown;
}

/** Bytes of an answer that are read. */
const MAX_ANSWER = 256 * 1024;
/** Exchanges at once, each on a connection. */
const MAX_SOCKETS = 64;
/** An idle connection is closed after this time; ms. Below the keep-alive of common servers. */
const IDLE_MS = 4000;

export class Webhook implements Disposable {
  readonly #options: WebhookOptions;
  readonly #url: URL;
  /** Without user, password and query, for messages. */
  readonly #name: string;
  readonly #token: FileText | undefined;
  readonly #ca: FileText | undefined;
  readonly #secrets: FileText | undefined;
  readonly #breaker: CircuitBreaker;
  readonly #turns: Turns;
  #agent: HttpAgent | HttpsAgent | undefined;
  #agentCa: string | undefined;

  /** @throws TypeError for a URL that is not http or https */
  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    if (!/^https?:$/.test(this.#url.protocol)) throw new TypeError('a webhook needs an http or https URL');
    this.#name = this.#url.origin + this.#url.pathname;
    this.#token = fileOf(options.tokenFile);
    this.#ca = fileOf(options.caFile);
    this.#secrets = fileOf(options.secretFile);
    this.#breaker = new CircuitBreaker(options.breaker, options.clock);
    this.#turns = new Turns({ atOnce: MAX_SOCKETS, maxWaitMs: options.timeoutMs });
  }

  /** State of the circuit breaker. */
  get state(): BreakerState {
    return this.#breaker.state;
  }

  /** Rejects with WebhookError only. */
  async post(body: object, options: PostOptions = {}): Promise<WebhookAnswer> {
    try {
      return await this.#turns.run(options.from ?? '', () => this.#try(body, options));
    } catch (error) {
      throw error instanceof BusyError
        ? this.#error('busy', `has too many requests: ${error.message}`)
        : error;
    }
  }

  async #try(body: object, options: PostOptions): Promise<WebhookAnswer> {
    if (!this.#breaker.enter()) {
      const seconds = Math.ceil(this.#breaker.remainingMs / 1000);
      throw this.#error('open', `failed repeatedly and is not asked for the next ${seconds} s`);
    }
    try {
      const answer = await this.#exchange(JSON.stringify(body), options);
      this.#breaker.succeeded();
      return answer;
    } catch (error) {
      const failure = this.#failureOf(error);
      // It is alive. Requests that it refuses one by one must not close it to all others.
      if (failure.reason === 'refused') this.#breaker.succeeded();
      else this.#breaker.failed();
      throw failure;
    }
  }

  [Symbol.dispose](): void {
    this.#agent?.destroy();
  }

  async #exchange(text: string, { id, timeoutMs }: PostOptions): Promise<WebhookAnswer> {
    const limitMs = timeoutMs ?? this.#options.timeoutMs;
    const signal = AbortSignal.timeout(limitMs);
    const [token, ca, signature] = await Promise.all([
      this.#read(this.#token, 'token'),
      this.#read(this.#ca, 'CA'),
      id === undefined ? undefined : this.#sign(id, text),
    ]);
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      accept: 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...signature,
    };
    const agent = this.#agentFor(ca);
    const send = () => this.#send(text, headers, agent, signal);
    try {
      // A kept connection that the service closed meanwhile: nothing was answered on it.
      const response = await send().catch((error: unknown) => {
        if (error instanceof StaleConnection) return send();
        throw error;
      });
      return await this.#answerOf(response);
    } catch (error) {
      if (!signal.aborted) throw error;
      throw this.#error('timeout', `did not answer within ${limitMs / 1000} s`);
    }
  }

  #send(text: string, headers: object, agent: HttpAgent, signal: AbortSignal): Promise<IncomingMessage> {
    const request = this.#url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const sent = request(this.#url, { method: 'POST', headers: { ...headers }, agent, signal }, resolve);
      sent.on('error', (error: NodeJS.ErrnoException) => {
        reject(sent.reusedSocket && error.code === 'ECONNRESET' ? new StaleConnection() : error);
      });
      // 101: node hands over the socket, and neither an answer nor an error follows.
      sent.on('upgrade', (_response, socket) => {
        socket.destroy();
        reject(this.#error('bad-answer', 'answered 101: it must not switch protocols'));
      });
      sent.on('close', () => reject(new Error('the connection closed without an answer')));
      sent.end(text);
    });
  }

  async #answerOf(response: IncomingMessage): Promise<WebhookAnswer> {
    const status = response.statusCode ?? 0;
    const text = await this.#textOf(response);
    if (status === 401 || status === 403) {
      throw this.#error('refused', `answered ${status}: check the token in the token file`);
    }
    if (status >= 500 || status === 408 || status === 429) {
      throw this.#error('unreachable', `answered ${status}`);
    }
    if (status < 200 || (status >= 300 && status < 400)) {
      throw this.#error('bad-answer', `answered ${status}: redirects are not followed, set its final URL`);
    }
    if (text === '') return { status, body: undefined };
    try {
      return { status, body: JSON.parse(text) as unknown };
    } catch {
      if (status >= 400) return { status, body: undefined };
      throw this.#error('bad-answer', `answered ${status} with a body that is no JSON`);
    }
  }

  async #textOf(response: IncomingMessage): Promise<string> {
    const parts: Buffer[] = [];
    let length = 0;
    for await (const part of response as AsyncIterable<Buffer>) {
      length += part.length;
      if (length > MAX_ANSWER) {
        response.destroy();
        throw this.#error('bad-answer', `answered with more than ${MAX_ANSWER} bytes`);
      }
      parts.push(part);
    }
    return Buffer.concat(parts).toString('utf8');
  }

  /** After a change of the CA file: requests that are under way end on the former agent, whose idle connections time out. */
  #agentFor(ca: string | undefined): HttpAgent {
    if (this.#agent !== undefined && ca === this.#agentCa) return this.#agent;
    const options = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_MS };
    this.#agentCa = ca;
    this.#agent =
      this.#url.protocol === 'https:'
        ? new HttpsAgent({ ...options, ...(ca !== undefined && { ca }) })
        : new HttpAgent(options);
    return this.#agent;
  }

  /** While a secret is replaced, its file has the new and the former one, separated by white space: each signs. */
  async #sign(id: string, body: string): Promise<Record<string, string> | undefined> {
    const text = await this.#read(this.#secrets, 'secret');
    if (text === undefined) return undefined;
    const seconds = Math.floor(this.#options.clock.now() / 1000);
    try {
      const signed = text.split(/\s+/).map((secret) => signatureHeaders(secret, id, seconds, body));
      const signature = signed.map((headers) => headers['webhook-signature']).join(' ');
      return { ...signed[0], 'webhook-signature': signature };
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown';
      throw this.#error('unreachable', `cannot be asked, as its secret file is wrong: ${why}`);
    }
  }

  async #read(file: FileText | undefined, what: string): Promise<string | undefined> {
    return file?.read().catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : 'unknown';
      throw this.#error('unreachable', `cannot be asked, as its ${what} file cannot be read: ${why}`);
    });
  }

  #failureOf(error: unknown): WebhookError {
    if (error instanceof WebhookError) return error;
    const { code = '', message = String(error) } = error as Partial<NodeJS.ErrnoException>;
    const hint = /CERT|SIGNED|ISSUER|VERIFY/.test(code)
      ? 'set its CA file, or the host name that its certificate names'
      : 'check its URL, and that the network policy allows the connection';
    return this.#error('unreachable', `cannot be reached (${code || message}): ${hint}`);
  }

  #error(reason: WebhookFailure, what: string): WebhookError {
    return new WebhookError(reason, `the webhook ${this.#name} ${what}`);
  }
}

class StaleConnection extends Error {}

function fileOf(file: string | undefined): FileText | undefined {
  return file === undefined || file === '' ? undefined : new FileText(file);
}
