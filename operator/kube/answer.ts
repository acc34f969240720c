/** Parses a response of the API server: JSON, or a StoreError. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { KubeRequest } from './request.ts';
import { StoreError, type StoreErrorCode } from './object-store.ts';

/** etcd refuses objects above 1.5 MiB; a page of 500 stays far below this. */
export const MAX_BYTES = 256 * 1024 * 1024;
/** The longest Retry-After that is honoured. */
const MAX_RETRY_AFTER_MS = 60_000;

type RequestLine = Pick<KubeRequest, 'method' | 'path'>;

/** @throws StoreError for a status of 400 and above */
export async function answerOf(request: RequestLine, response: IncomingMessage): Promise<unknown> {
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
    if (size > MAX_BYTES) throw new Error(`the response exceeds ${MAX_BYTES} bytes`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The message of a metav1.Status, or the text itself. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: string };
    if (message !== undefined) return message;
  } catch {
    // A proxy in front of the API server may answer with plain text.
  }
  return text.slice(0, 500);
}

/** Seconds → ms. API servers do not use the date form. */
function retryAfterOf(header: string | undefined): number | undefined {
  if (header === undefined || !/^\d+$/.test(header)) return undefined;
  return Math.min(Number(header) * 1000, MAX_RETRY_AFTER_MS);
}

const CODES: Readonly<Record<number, StoreErrorCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  410: 'expired',
  429: 'throttled',
};

/** An error that the API server reports by an HTTP status or by the `code` of a metav1.Status. */
export function errorOf(
  { method, path }: RequestLine,
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

/** A request without a response. */
export function unavailable({ method, path }: RequestLine, error: unknown, why?: string): StoreError {
  if (error instanceof StoreError) return error;
  const reason = why ?? (error instanceof Error ? error.message : String(error));
  return new StoreError('unavailable', `${method} ${path}: ${reason}`, { cause: error });
}
