/**
 * Sends one event to a webhook, signed, within a time-out. Redirects are not followed, and the body of the response is not read: the
 * status decides. The files of secret and authorities are read again when they change.
 */
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../../runtime/clock.ts';
import { FileText } from '../../runtime/file-text.ts';
import { signatureHeaders } from '../../runtime/webhook-signature.ts';
import { isMissing } from '../../runtime/followed-folder.ts';
import type { WebhookSettings } from './settings.ts';

/** What happened to one attempt. `refused`: the endpoint does not want this event; `failed`: it may take it later. */
export type Sent =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'refused' | 'failed' | 'gone'; readonly why: string; readonly retryAfterMs?: number };

export type Post = (id: string, body: string) => Promise<Sent>;

/** Requests at once, each on a connection. */
export const AT_ONCE = 32;
const IDLE_MS = 4000;
const LONGEST_RETRY_AFTER = 300;
/** 4xx that concern the endpoint or the moment, not the event. */
const LATER: ReadonlySet<number> = new Set([401, 402, 403, 404, 405, 407, 408, 409, 421, 423, 425, 426, 429]);

/** The connections of one webhook. */
export class Poster implements Disposable {
  readonly #settings: WebhookSettings;
  readonly #clock: Clock;
  readonly #secret: FileText;
  readonly #ca: FileText;
  #agent: HttpAgent | HttpsAgent | undefined;
  #agentCa: string | undefined;

  constructor(settings: WebhookSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#secret = new FileText(settings.secretFile);
    this.#ca = new FileText(settings.caFile);
  }

  /** Never rejects. */
  readonly post: Post = async (id, body) => {
    const { timeoutSeconds, url } = this.#settings;
    const signal = AbortSignal.timeout(timeoutSeconds * 1000);
    try {
      const headers = {
        'content-type': CONTENT_TYPE,
        'user-agent': 'ocpp-cluster',
        ...(await this.#sign(id, body)),
      };
      const response = await send({
        url: new URL(url),
        headers,
        body,
        agent: await this.#agentNow(),
        signal,
      });
      return outcomeOf(response);
    } catch (error) {
      if (signal.aborted) return { kind: 'failed', why: `no response within ${timeoutSeconds} s` };
      const { code, message } = error as NodeJS.ErrnoException;
      return { kind: 'failed', why: (code === undefined ? message : `${code}: ${message}`).slice(0, 300) };
    }
  };

  [Symbol.dispose](): void {
    this.#agent?.destroy();
  }

  /** While a secret is replaced, its file has the new and the former one, separated by white space: each signs. */
  async #sign(id: string, body: string): Promise<Record<string, string>> {
    const seconds = Math.floor(this.#clock.now() / 1000);
    const text = await this.#secret.read().catch((cause: unknown) => {
      // The path of the file says nothing to a reader of the API.
      throw new Error('its signing secret is missing or empty: check signingSecret of the webhook', {
        cause,
      });
    });
    const secrets = text.split(/\s+/);
    const signed = secrets.map((secret) => signatureHeaders(secret, id, seconds, body));
    const signature = signed.map((headers) => headers['webhook-signature']).join(' ');
    return { ...signed[0], 'webhook-signature': signature };
  }

  async #agentNow(): Promise<HttpAgent | HttpsAgent> {
    const ca = await this.#ca.read().catch((error: unknown) => {
      if (isMissing(error) && !this.#settings.needsCa) return undefined;
      if (isMissing(error))
        throw new Error('its authority is missing: check caSecretName of the webhook', { cause: error });
      throw error;
    });
    if (this.#agent !== undefined && ca === this.#agentCa) return this.#agent;
    const options = { keepAlive: true, maxSockets: AT_ONCE, timeout: IDLE_MS };
    this.#agentCa = ca;
    this.#agent = this.#settings.url.startsWith('https:')
      ? new HttpsAgent({ ...options, ...(ca !== undefined && { ca }) })
      : new HttpAgent(options);
    return this.#agent;
  }
}

const CONTENT_TYPE = 'application/cloudevents+json; charset=utf-8';

interface Request {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly agent: HttpAgent;
  readonly signal: AbortSignal;
}

function send({ url, headers, body, agent, signal }: Request): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const length = { 'content-length': `${Buffer.byteLength(body)}` };
    const sent = request(
      url,
      { method: 'POST', headers: { ...headers, ...length }, agent, signal },
      (response) => {
        // Its body is of no interest, but the connection is used again.
        response.on('error', () => undefined).resume();
        resolve(response);
      },
    );
    sent.on('error', reject);
    // 101: node hands over the socket, and neither a response nor an error follows.
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(response);
    });
    sent.on('close', () => reject(new Error('the connection closed without a response')));
    sent.end(body);
  });
}

function outcomeOf({ statusCode = 0, headers }: IncomingMessage): Sent {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'delivered' };
  const why = `status ${statusCode}`;
  if (statusCode === 410) return { kind: 'gone', why };
  if (statusCode >= 400 && statusCode < 500 && !LATER.has(statusCode)) return { kind: 'refused', why };
  const text = headers['retry-after'] ?? '0';
  const seconds = /^\d+$/.test(text) ? Number(text) : (Date.parse(text) - Date.now()) / 1000;
  const retryAfterMs = seconds > 0 ? Math.min(seconds, LONGEST_RETRY_AFTER) * 1000 : 0;
  return { kind: 'failed', why, retryAfterMs };
}
