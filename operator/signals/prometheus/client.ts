/**
 * HTTP to the API of a Prometheus. Time and size of an answer are bounded, redirects are not followed, and no text of an error has
 * a body that is no answer of a Prometheus: the URL may be of any server.
 */
import http from 'node:http';
import https from 'node:https';
import { NO_PROMETHEUS, quoted } from './answer.ts';

export interface PrometheusAccess {
  /** Base address, without `/api/v1`. */
  readonly url: string;
  readonly timeoutMs: number;
  /** Certificates in PEM; absent: those of the system. */
  readonly ca?: string | undefined;
  /** Bearer token. */
  readonly token?: string | undefined;
}

export class QueryError extends Error {
  override readonly name = 'QueryError';
  /** `denied`: the token is missing or refused; `certificate`: TLS failed. */
  readonly reason: 'denied' | 'certificate' | 'other';

  constructor(message: string, reason: 'denied' | 'certificate' | 'other' = 'other') {
    super(message);
    this.reason = reason;
  }
}

/** About 6000 Pods: 100 have 1000 series in 0.27 MB. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Common limit of proxies for a request line; longer queries are sent as a form. */
const MAX_GET = 4096;

interface Response {
  readonly status: number;
  readonly text: string;
}

export class PrometheusClient {
  readonly #agents = {
    'http:': new http.Agent({ keepAlive: true, maxFreeSockets: 4 }),
    'https:': new https.Agent({ keepAlive: true, maxFreeSockets: 4 }),
  };
  #closed = false;

  /** The answer as JSON. @throws QueryError */
  async query(query: string, access: PrometheusAccess): Promise<unknown> {
    const limit = AbortSignal.timeout(access.timeoutMs);
    try {
      return bodyOf(await this.#send(query, access, limit), access);
    } catch (error) {
      if (limit.aborted) throw new QueryError(`did not answer within ${access.timeoutMs / 1000} s`);
      throw error instanceof QueryError ? error : failureOf(error);
    }
  }

  /** Ends open requests, too. */
  close(): void {
    this.#closed = true;
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  #send(query: string, access: PrometheusAccess, signal: AbortSignal): Promise<Response> {
    const url = new URL(`${access.url.replace(/\/+$/, '')}/api/v1/query`);
    const form = new URLSearchParams({ query, timeout: `${access.timeoutMs}ms` }).toString();
    const asGet = url.href.length + form.length < MAX_GET;
    if (asGet) url.search = form;
    const [send, agent] =
      url.protocol === 'https:'
        ? [https.request, this.#agents['https:']]
        : [http.request, this.#agents['http:']];
    const headers = {
      accept: 'application/json',
      'user-agent': 'ocpp-operator',
      ...(access.token !== undefined && { authorization: `Bearer ${access.token}` }),
      ...(!asGet && {
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(form),
      }),
    };
    const options = { method: asGet ? 'GET' : 'POST', headers, agent, signal, ca: access.ca };
    return new Promise((resolve, reject) => {
      const attempt = (last: boolean) => {
        const request = send(url, options, (response) => {
          readText(response).then(resolve, reject);
        });
        request.on('error', (error: NodeJS.ErrnoException) => {
          // The server closed an idle connection just as it was reused.
          if (request.reusedSocket && error.code === 'ECONNRESET' && !last && !this.#closed) attempt(true);
          else reject(error);
        });
        request.end(asGet ? undefined : form);
      };
      attempt(false);
    });
  }
}

async function readText(response: http.IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop destroys the connection.
    if (bytes > MAX_BYTES)
      throw new QueryError(
        `sent more than ${MAX_BYTES / 1024 / 1024} MiB. Narrow autoscaling.prometheus.selector`,
      );
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
}

/** A query that Prometheus refuses is answered by 400 or 422, and one that took too long by 503: with its own words. */
function bodyOf({ status, text }: Response, { url }: PrometheusAccess): unknown {
  if (status === 401 || status === 403)
    throw new QueryError(`refuses the request (HTTP ${status})`, 'denied');
  if (status >= 300 && status < 400)
    throw new QueryError(
      `redirects (HTTP ${status}), which is not followed. Set prometheus.url to its target`,
    );
  if (status === 404)
    throw new QueryError(`has no API at ${url}/api/v1/query (HTTP 404). Check the path of prometheus.url`);
  const body = parsed(text);
  if (status === 200) {
    if (body === undefined) throw new QueryError(NO_PROMETHEUS);
    return body;
  }
  const said = body as { status?: unknown; error?: unknown } | undefined;
  const words = said?.status === 'error' && typeof said.error === 'string' ? `: ${quoted(said.error)}` : '';
  throw new QueryError(`answers with HTTP ${status}${words}`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

function failureOf(error: unknown): QueryError {
  const { message, code = '' } = error as NodeJS.ErrnoException;
  const text = quoted(message);
  const tls = /CERT|ISSUER|LEAF_SIGNATURE|^ERR_(TLS|SSL|OSSL)|^EPROTO$/.test(code);
  if (tls) return new QueryError(`cannot be trusted (${code}: ${text})`, 'certificate');
  return new QueryError(`cannot be reached (${text})`);
}
