/** Faulty responses of an API server, or of a proxy in front of it, for the fault proxy. */
import type { ServerResponse } from 'node:http';
import type { Exchange } from '../../support/fault-proxy.ts';

type Answer = (exchange: Exchange) => unknown;

export function status(code: number, headers: Record<string, string> = {}, text?: string): Answer {
  const body = text ?? JSON.stringify({ kind: 'Status', code, message: 'a fault of the test' });
  return ({ response }) => response.writeHead(code, headers).end(body);
}

const reset = (response: ServerResponse) => response.socket?.resetAndDestroy();

const half: Answer = async ({ response, forward }) => {
  const { body } = await forward();
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(body.subarray(0, body.length / 2));
};

/** Byte by byte at first, so that no chunk is complete JSON, but fast enough that no request times out. */
const drip: Answer = async ({ response, forward }) => {
  const { status: code, body } = await forward();
  response.writeHead(code, { 'content-type': 'application/json' });
  const pieces = [...Array.from({ length: 20 }, (_, n) => body.subarray(n, n + 1)), body.subarray(20)];
  for (const piece of pieces) {
    response.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  response.end();
};

/** For any request. A list, a write or a lease request gets the API server's response; a watch gets none. */
export const ANY: Readonly<Record<string, Answer>> = {
  'the API server answers 500': status(500),
  'the API server is not ready (503)': status(503, { 'retry-after': '1' }),
  'a load balancer answers HTML': status(502, { 'content-type': 'text/html' }, '<html>Bad Gateway</html>'),
  'the connection is reset': ({ response }) => reset(response),
  'the request is taken, then silence': () => {},
  'headers come, then silence': ({ response }) => response.flushHeaders(),
  'the API server is busy (429)': status(429, { 'retry-after': '1' }),
  'the token is not known (401)': status(401),
  'the version is forgotten (410)': status(410),
  'the answer is no JSON': status(200, {}, 'what?\n'),
  'the answer ends in the middle of a word': status(200, {}, '{"type":"ADDED","object":{"metadata":{"na'),
};

/** For requests with one response: the API server executes them. */
export const WHOLE: Readonly<Record<string, Answer>> = {
  'half of the answer comes': half,
  'the answer comes byte by byte': drip,
  'it is done, and the answer is lost': async ({ response, forward }) => {
    await forward();
    reset(response);
  },
};

/** For watches. */
export const WATCH: Readonly<Record<string, Answer>> = {
  'the watch ends at once': status(200, {}, ''),
  'only bookmarks come, then the end': ({ query, response }) => {
    const metadata = { resourceVersion: query['resourceVersion'] };
    response.end(`${JSON.stringify({ type: 'BOOKMARK', object: { metadata } })}\n`);
  },
};
