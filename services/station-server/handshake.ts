/**
 * The HTTP part of a handshake: limits on its time and size, the facts that admission decides on, the decisions,
 * and how a refusal is written.
 */
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { AccessRefusal } from '../access/access-control.ts';
import type { Protocol } from '../ocpp/frame.ts';

/** The facts of one WebSocket handshake. */
export interface AdmissionRequest {
  /** The request target as received: percent-encoded, with its query. */
  readonly url: string;
  /** OCPP versions of the listener; those of the server if omitted. */
  readonly protocols?: readonly Protocol[];
  /** Path of the listener: stations connect to `<path>/<identity>`. */
  readonly path: string;
  /** Sec-WebSocket-Protocol as received, repeated headers joined with commas; undefined without one. */
  readonly subprotocols: string | undefined;
  /** Address of the TCP peer. Forwarded headers are not trusted. */
  readonly remoteAddress: string;
  /** Stations connected to this server, including handshakes in progress. */
  readonly sessions: number;
  /** The server tests itself: limits do not apply, and nothing is counted. */
  readonly isTest?: true;
}

export interface Refusal {
  /** 101: the handshake is completed, then the connection is closed. */
  readonly status: 101 | 400 | 401 | 404 | 408 | 426 | 429 | 431 | 503;
  /** For metrics. */
  readonly code: RefusalCode;
  /** What was wrong, for the log, and for the station unless `answer` is set. */
  readonly reason: string;
  /** What the station gets instead of the reason. */
  readonly answer?: string;
  readonly retryAfterSeconds?: number;
}

/** The facts of a refused handshake. */
export interface HandshakeFacts {
  /** Address of the TCP peer. */
  readonly remoteAddress: string;
  /** The request target as received; undefined where no request was read. Its query may hold secrets. */
  readonly url?: string;
}

export type RefusalCode =
  /** Not a WebSocket handshake: it lacks `Connection: Upgrade`, or a key. */
  | 'no-upgrade'
  | 'bad-handshake'
  /** Refused by the HTTP parser: malformed, too many header bytes, or not complete in time. */
  | 'bad-request'
  | 'headers-too-large'
  | 'request-timeout'
  /** The path is not a listener's, or it holds no valid identity. */
  | 'path'
  | 'identity'
  /** Who the station is: see access/decide.ts. */
  | AccessRefusal
  | 'no-subprotocol'
  | 'unknown-subprotocol'
  /** Too many handshakes per second, connects of this station, stations, or TCP connections. */
  | 'connect-rate'
  | 'flapping'
  | 'sessions'
  | 'connections'
  | 'draining'
  | 'store-away'
  | 'store-full';

export type Admission =
  | {
      readonly kind: 'accept';
      readonly stationId: string;
      readonly protocol: Protocol;
      /** The station names no subprotocol: the handshake is completed without one. */
      readonly isUnnamed?: true;
      /** Counts a connect of the identity, once it is known who it is; a refusal when there were too many. */
      readonly pace?: () => Refusal | undefined;
    }
  /** No common subprotocol: OCPP-J requires a completed handshake without one, then a close. */
  | { readonly kind: 'accept-and-close'; readonly refusal: Refusal }
  | { readonly kind: 'refuse'; readonly refusal: Refusal };

export type Admit = (request: AdmissionRequest) => Admission;

/** Minimum of Retry-After, and the range that is added at random; seconds. */
const RETRY_AFTER = 5;
const RETRY_AFTER_SPREAD = 10;

/** Retry-After of a temporary refusal: random, because thousands of stations are refused together. */
export function retryAfterSeconds(random: () => number): number {
  return RETRY_AFTER + Math.floor(random() * (RETRY_AFTER_SPREAD + 1));
}

/** More than the headers of any station need. */
const MAX_HEADER_BYTES = 8 * 1024;

/**
 * An HTTP server for WebSocket handshakes only.
 * @param timeoutMs how long a peer may take to send its whole request
 * @param onRequest is called with each request without an upgrade; it gets 426
 * @param onRefused is called with each request that the HTTP parser refuses
 */
export function createHandshakeServer(
  timeoutMs: number,
  onRequest: (request: IncomingMessage) => void,
  onRefused: (refusal: Refusal, facts: HandshakeFacts) => void,
): Server {
  const options = {
    noDelay: true,
    headersTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    connectionsCheckingInterval: Math.min(1000, timeoutMs),
    maxHeaderSize: MAX_HEADER_BYTES,
  };
  const server = createServer(options, (request, response) => {
    onRequest(request);
    response.writeHead(426, { upgrade: 'websocket', connection: 'close', 'content-type': 'text/plain' });
    response.end('this port serves OCPP-J over WebSocket only\n');
  });
  server.on('clientError', (error: ParserError, tcp: Socket) => {
    const refusal = parserRefusal(error);
    if (refusal === undefined || !tcp.writable) {
      tcp.destroy();
      return;
    }
    const url = /^[A-Z]+ (\S+) HTTP\//.exec(error.rawPacket?.toString('latin1') ?? '')?.[1];
    onRefused(refusal, { remoteAddress: tcp.remoteAddress ?? '', ...(url !== undefined && { url }) });
    writeRefusal(tcp, refusal);
  });
  return server;
}

/** Node's error: `rawPacket` is the last chunk, which holds the request line where the request came in one. */
interface ParserError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
}

/** Undefined for a broken TCP connection. */
function parserRefusal({ code = '' }: ParserError): Refusal | undefined {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { status: 408, code: 'request-timeout', reason: 'the request was not complete in time' };
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return {
      status: 431,
      code: 'headers-too-large',
      reason: `more than ${MAX_HEADER_BYTES} bytes of headers`,
    };
  }
  if (!code.startsWith('HPE_')) return undefined;
  return { status: 400, code: 'bad-request', reason: `not a valid HTTP request (${code})` };
}

/** Whether a request without `Connection: Upgrade` is meant as a handshake: probes of load balancers are not. */
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
  const body = `${refusal.answer ?? refusal.reason}\n`;
  const retry =
    refusal.retryAfterSeconds === undefined ? '' : `Retry-After: ${refusal.retryAfterSeconds}\r\n`;
  // RFC 9110 §15.5.2: a 401 names a scheme.
  const scheme = refusal.status === 401 ? 'WWW-Authenticate: Basic realm="OCPP"\r\n' : '';
  // RFC 6455 §4.4: a client of another version learns which one is spoken.
  const version = refusal.code === 'bad-handshake' ? 'Sec-WebSocket-Version: 13\r\n' : '';
  tcp.once('finish', () => tcp.destroy());
  tcp.end(
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}\r\n` +
      `Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n${retry}${scheme}${version}\r\n${body}`,
  );
}
