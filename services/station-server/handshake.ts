/** The HTTP part of a handshake: time-outs and sizes against peers that never finish one, and refusals. */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Refusal } from './admission.ts';

/** More headers than any station sends. */
const MAX_HEADER_BYTES = 8 * 1024;

/**
 * An HTTP server that upgrades only.
 * @param timeoutMs for a peer to send its whole request
 * @param onRequest hears of a request that asks for no upgrade; it is answered with 426
 */
export function createHandshakeServer(
  timeoutMs: number,
  onRequest: (request: IncomingMessage) => void,
): Server {
  const options = {
    noDelay: true,
    headersTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    connectionsCheckingInterval: Math.min(1000, timeoutMs),
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  return createServer(options, (request, response) => {
    onRequest(request);
    response.writeHead(426, { upgrade: 'websocket', connection: 'close', 'content-type': 'text/plain' });
    response.end('this port speaks OCPP-J over WebSocket only\n');
  });
}

/** Whether a request without `Connection: Upgrade` is meant as a handshake: probes of balancers are not. */
export function isMeantAsHandshake({ headers }: IncomingMessage): boolean {
  return headers.upgrade !== undefined || headers['sec-websocket-key'] !== undefined;
}

/** Whether a request is a handshake of RFC 6455 §4.2.1. */
export function isWebSocketHandshake(request: IncomingMessage): boolean {
  const { upgrade, 'sec-websocket-key': key, 'sec-websocket-version': version } = request.headers;
  return (
    request.method === 'GET' &&
    upgrade?.toLowerCase() === 'websocket' &&
    version === '13' &&
    /^[+/0-9A-Za-z]{22}==$/.test(key ?? '')
  );
}

/** Answers a handshake with an HTTP error and ends the connection. */
export function writeRefusal(tcp: Duplex, refusal: Refusal): void {
  const body = `${refusal.reason}\n`;
  const retry =
    refusal.retryAfterSeconds === undefined ? '' : `Retry-After: ${refusal.retryAfterSeconds}\r\n`;
  tcp.once('finish', () => tcp.destroy());
  tcp.end(
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n` +
      `Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n${retry}\r\n${body}`,
  );
}
