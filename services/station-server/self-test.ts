/**
 * A handshake of the server with itself: it passes the checks of path and subprotocol as a station does, and opens no session
 * and counts nowhere. It is recognised by a secret that the process draws at its start.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { connect, type TcpNetConnectOpts } from 'node:net';
import { connect as secure } from 'node:tls';
import { type ClientOptions, WebSocket } from 'ws';
import type { Protocol } from '../ocpp/frame.ts';
import { LOCAL_HEADER } from './forwarded/proxy-protocol.ts';

const HEADER = 'x-self-test';
/** How much of a refusal is read; characters. */
const MAX_REASON = 500;

export class SelfTestSecret {
  readonly #secret = randomBytes(32).toString('hex');

  get headers(): Readonly<Record<string, string>> {
    return { [HEADER]: this.#secret };
  }

  isIn({ headers }: IncomingMessage): boolean {
    const given = Buffer.from(String(headers[HEADER] ?? ''));
    const secret = Buffer.from(this.#secret);
    return given.length === secret.length && timingSafeEqual(given, secret);
  }
}

export interface TestHandshake {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly protocol: Protocol;
  readonly secret: SelfTestSecret;
  /** The listener has certificates. */
  readonly isSecure?: boolean;
  /** The listener expects the header of a load balancer. */
  readonly proxyProtocol?: boolean;
  readonly timeoutMs: number;
}

/** The identity in the path of a test; any valid one, as no session is opened. */
const IDENTITY = 'self-test';

/** Resolves to undefined after a complete handshake, or to what is wrong. Never rejects. */
export function testHandshake(test: TestHandshake): Promise<string | undefined> {
  const { port, path, protocol, secret, isSecure = false, timeoutMs } = test;
  const host = hostOf(test.host);
  const base = path.endsWith('/') ? path.slice(0, -1) : path;
  const url = `${isSecure ? 'wss' : 'ws'}://${host}:${port}${base}/${IDENTITY}`;
  return new Promise((resolve) => {
    const options: ClientOptions = {
      headers: secret.headers,
      handshakeTimeout: timeoutMs,
      perMessageDeflate: false,
      // The process connects to itself, by an address that its certificate does not name; the CA of the stations is not known here.
      rejectUnauthorized: false,
      ...(test.proxyProtocol === true && { createConnection: connectAsBalancer(isSecure) }),
    };
    const ws = new WebSocket(url, protocol, options);
    const end = (problem?: string) => {
      resolve(problem);
      ws.terminate();
    };
    ws.once('open', () => end(ws.protocol === protocol ? undefined : `${url} chose "${ws.protocol}"`));
    ws.once('unexpected-response', (_request, response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text = (text + part).slice(0, MAX_REASON)));
      response.once('close', () => end(`${url} answered ${response.statusCode}: ${text.trim()}`));
    });
    ws.on('error', (error) => end(`${url}: ${error.message}`));
  });
}

/** As a load balancer checks a listener: the connection is for no client. */
const connectAsBalancer = (isSecure: boolean) =>
  ((options: TcpNetConnectOpts) => {
    // `path` is that of the request here; for connect() it would be that of a Unix socket.
    const tcp = connect({ ...options, path: undefined } as TcpNetConnectOpts);
    tcp.write(LOCAL_HEADER);
    return isSecure ? secure({ socket: tcp, rejectUnauthorized: false }) : tcp;
  }) as typeof connect;

/** An address of this machine for the address that a listener is bound to. */
function hostOf(bound: string): string {
  if (bound === '0.0.0.0') return '127.0.0.1';
  if (bound === '::') return '[::1]';
  return bound.includes(':') ? `[${bound}]` : bound;
}
