/** A webhook of a test's own: a real HTTP or HTTPS server on a free loopback port, whose answers the test decides. */
import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface WebhookRequest {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** The body as it was sent. */
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A status and a body; a text is sent as it is. `undefined`: no answer at all. */
export type WebhookReply =
  | { readonly status?: number; readonly body?: object | string; readonly location?: string }
  | undefined;

export interface WebhookServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly WebhookRequest[];
  answer: (request: WebhookRequest) => WebhookReply | Promise<WebhookReply>;
  /** Ends the connections that clients keep open. */
  hangUp(): void;
}

export async function startWebhook(
  answer: WebhookServer['answer'],
  tls?: { readonly certificate: string; readonly key: string },
  port = 0,
): Promise<WebhookServer> {
  const requests: WebhookRequest[] = [];
  const handle = async (incoming: IncomingMessage, response: ServerResponse) => {
    let text = '';
    for await (const part of incoming.setEncoding('utf8') as AsyncIterable<string>) text += part;
    const body = JSON.parse(text) as WebhookRequest['body'];
    const { headers } = incoming;
    const request = {
      path: incoming.url ?? '',
      authorization: headers.authorization,
      headers,
      text,
      body,
    };
    requests.push(request);
    const reply = await webhook.answer(request);
    if (reply === undefined) return;
    const { status = 200, body: payload = {}, location } = reply;
    response.writeHead(status, location === undefined ? {} : { location });
    response.end(typeof payload === 'string' ? payload : JSON.stringify(payload));
  };
  const listener = (incoming: IncomingMessage, response: ServerResponse) => void handle(incoming, response);
  const server =
    tls === undefined
      ? createHttpServer(listener)
      : createHttpsServer({ cert: tls.certificate, key: tls.key }, listener);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const scheme = tls === undefined ? 'http' : 'https';
  const webhook: WebhookServer = {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    requests,
    answer,
    hangUp: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return webhook;
}
