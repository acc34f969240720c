/** A GET of another server, with a bearer token and authorities that are files. Redirects are not followed. */
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { FileText } from '../../runtime/file-text.ts';

export interface Place {
  readonly url: string;
  /** File with the bearer token, read for each request; '' for none. */
  readonly tokenFile: string;
  /** File with the certificates that the server's own must chain to; '' for those of the system. */
  readonly caFile: string;
}

export interface GetBounds {
  /** Of the whole answer; ms. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

export interface Got {
  readonly status: number | undefined;
  readonly text: string;
}

/** Of a URL what a problem may quote: no user, password or query. */
export function quoted(url: string): string {
  const { origin = '', pathname = '' } = URL.parse(url) ?? {};
  return `${origin}${pathname}`.replace(/\/$/, '');
}

/** Rejects with an error whose message says what is wrong, without what the server said. */
export async function getText(
  { url, tokenFile, caFile }: Place,
  { timeoutMs, maxBytes }: GetBounds,
): Promise<Got> {
  const signal = AbortSignal.timeout(timeoutMs);
  const textOf = (file: string) => (file === '' ? undefined : new FileText(file).read());
  try {
    const [token, ca] = await Promise.all([textOf(tokenFile), textOf(caFile)]);
    const headers = {
      accept: 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const options = { headers, signal, agent: false as const, ...(ca !== undefined && { ca }) };
    const get = new URL(url).protocol === 'https:' ? httpsGet : httpGet;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(url, options, resolve).on('error', reject);
    });
    return { status: response.statusCode, text: await bodyOf(response, maxBytes) };
  } catch (error) {
    if (signal.aborted) throw new Error(`no answer within ${timeoutMs / 1000} s`, { cause: error });
    const { message, code } = error as NodeJS.ErrnoException;
    throw new Error(message || code, { cause: error });
  }
}

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > maxBytes) throw new Error(`it answered with more than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
