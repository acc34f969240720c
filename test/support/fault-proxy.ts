/**
 * Stands between the operator and a real API server, over plain HTTP: writes down every request, and answers
 * some of them as a server, a load balancer or a network that is unwell does.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Call, callOf } from '../../operator/kube/request.ts';
import type { KubeRequest } from '../../operator/kube/request.ts';

export interface Exchange {
  readonly query: Readonly<Record<string, string>>;
  readonly response: ServerResponse;
  /** Lets the API server answer. For all but watches. */
  readonly forward: () => Promise<{ readonly status: number; readonly body: Buffer }>;
}

export interface Fault {
  readonly on: (call: Call) => boolean;
  readonly answer: (exchange: Exchange) => unknown;
}

export interface Seen extends Call {
  readonly path: string;
  /** performance.now() when it came. */
  readonly at: number;
  readonly authorization: string;
  /** Of the answer; undefined: none yet. */
  status?: number;
}

export interface FaultProxy extends AsyncDisposable {
  readonly url: string;
  /** Answers to come: a request meets the first that is for it, which is then gone. */
  readonly faults: Fault[];
  readonly requests: Seen[];
  /** Resets every open connection. */
  cut(): void;
}

/** @param token sent to the API server instead of the client's own */
export async function startFaultProxy(upstream: string, token: string): Promise<FaultProxy> {
  const faults: Fault[] = [];
  const requests: Seen[] = [];
  const server = createServer((incoming, response) => {
    const url = new URL(incoming.url ?? '/', 'http://proxy');
    const query = Object.fromEntries(url.searchParams);
    const method = (incoming.method ?? 'GET') as KubeRequest['method'];
    const call = callOf({ method, path: url.pathname, query });
    const { authorization = '' } = incoming.headers;
    const seen: Seen = { ...call, path: url.pathname, at: performance.now(), authorization };
    requests.push(seen);
    response.once('close', () => (seen.status = response.statusCode));
    const found = faults.findIndex(({ on }) => on(call));
    const [fault] = found < 0 ? [] : faults.splice(found, 1);
    const ask = () => send(upstream, token, incoming, response);
    if (fault === undefined) return void pass(ask(), response);
    return void fault.answer({ query, response, forward: async () => whole(await ask()) });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    requests,
    cut: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(
  upstream: string,
  token: string,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { ...incoming.headers, authorization: `Bearer ${token}` };
    // Loopback, and what is tested is the client of this proxy.
    const options = { method: incoming.method, headers, rejectUnauthorized: false };
    const outgoing = httpsRequest(`${upstream}${incoming.url}`, options, resolve);
    outgoing.on('error', reject);
    incoming.pipe(outgoing);
    // A watch without a reader must end upstream too.
    response.once('close', () => outgoing.destroy());
  });
}

async function pass(answer: Promise<IncomingMessage>, response: ServerResponse): Promise<void> {
  try {
    const upstream = await answer;
    response.writeHead(upstream.statusCode ?? 502, upstream.headers);
    response.flushHeaders();
    upstream.on('error', () => response.destroy());
    upstream.pipe(response);
  } catch {
    response.destroy();
  }
}

async function whole(upstream: IncomingMessage): Promise<{ status: number; body: Buffer }> {
  const chunks: Buffer[] = [];
  for await (const chunk of upstream as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: upstream.statusCode ?? 502, body: Buffer.concat(chunks) };
}
