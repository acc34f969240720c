/**
 * The HTTP part of a handshake: limits on its time and size, the facts that admission decides on, the decisions,
 * and how a refusal is written.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import type { AccessRefusal } from '../access/access-control.ts';
import type { Protocol } from '../ocpp/frame.ts';
import { reasonOf } from './tls/handshake-errors.ts';
import { apparentIdentity, placeOf } from '../ocpp/identity.ts';
import type { ListenerLimits, StationServerLimits } from './limits.ts';

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
  /** Address of the client: see forwarded/. */
  readonly remoteAddress: string;
  /** Stations connected to this server, including handshakes in progress. */
  readonly sessions: number;
  /** Undefined for a listener without limits of its own. */
  readonly listener?: ListenerFacts | undefined;
  /** The server tests itself: limits do not apply, and nothing is counted. */
  readonly isTest?: true;
}

/** The limits of one listener on who may connect. */
export interface ListenerFacts extends Pick<
  ListenerLimits,
  'maxSessions' | 'reconnectBurst' | 'reconnectsPerMinute'
> {
  /** Stations that are connected through it, handshakes in progress included. */
  readonly sessions: number;
}

export interface Refusal {
  /** 101: the handshake is completed, then the connection is closed. */
  readonly status: 101 | 400 | 401 | 403 | 404 | 408 | 426 | 429 | 431 | 503;
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
  /** Address of the client: see forwarded/. */
  readonly remoteAddress: string;
  /** The request target as received; undefined where no request was read. Its query may hold secrets. */
  readonly url?: string;
  /** The listener's name, or its port without one. */
  readonly listener?: string;
}

export type RefusalCode =
  /** Not a WebSocket handshake: it lacks `Connection: Upgrade`, or a key. */
  | 'no-upgrade'
  | 'bad-handshake'
  /** The TLS handshake failed; nothing of HTTP was read. */
  | 'tls'
  /** Refused by the HTTP parser: malformed, too many header bytes, or not complete in time. */
  | 'bad-request'
  | 'headers-too-large'
  | 'request-timeout'
  /** Connections of a load balancer: its header is missing or wrong, its address is not trusted, or its client used no TLS. */
  | 'proxy-protocol'
  | 'untrusted'
  | 'insecure'
  /** The path is not a listener's, or it holds no valid identity. */
  | 'path'
  | 'identity'
  /** Who the station is: see access/decide.ts. */
  | AccessRefusal
  | 'no-subprotocol'
  | 'unknown-subprotocol'
  /** Too many handshakes per second, connects of this station, stations of all or of one listener, or TCP connections, of all or of one address. */
  | 'connect-rate'
  | 'flapping'
  | 'sessions'
  | 'listener-sessions'
  | 'connections'
  | 'address-connections'
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

/** Minimum of Retry-After, and the range that is added; seconds. */
const RETRY_AFTER = 5;
const RETRY_AFTER_SPREAD = 10;

/** Retry-After of a temporary refusal. @param spread 0 to 1, as thousands of stations are refused together */
export function retryAfterSeconds(spread: number): number {
  return RETRY_AFTER + Math.floor(spread * (RETRY_AFTER_SPREAD + 1));
}

/** 0 to 1 by the identity in a request target: a station that is refused again keeps its place among the others. */
export function spreadOf(url: string): number {
  return placeOf(apparentIdentity(url));
}

/** What a handshake server checks while it reads a request; read for each connection, as it may change. */
export type HandshakeLimits = Pick<StationServerLimits, 'handshakeTimeoutMs' | 'maxHeaderBytes'>;

/** A timeout of a request is noticed so late at most; ms. */
const CHECK_INTERVAL = 1000;

export type HandshakeServer = Server | SecureServer;

/**
 * An HTTP server for WebSocket handshakes only.
 * @param onRequest is called with each request without an upgrade; it gets 426
 * @param onRefused is called with each request that the HTTP parser refuses, and for each TLS handshake that fails
 * @param tls absent for a plain server
 */
export function createHandshakeServer(
  limits: HandshakeLimits,
  onRequest: (request: IncomingMessage) => void,
  onRefused: (refusal: Refusal, facts: Pick<HandshakeFacts, 'url'>, tcp: Socket) => void,
  tls?: TlsOptions,
): HandshakeServer {
  const options = {
    noDelay: true,
    ...readLimits(limits),
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL, limits.handshakeTimeoutMs),
  };
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    onRequest(request);
    response.writeHead(426, { upgrade: 'websocket', connection: 'close', 'content-type': 'text/plain' });
    response.end('this port serves OCPP-J over WebSocket only\n');
  };
  const server =
    tls === undefined ? createServer(options, answer) : createSecureServer({ ...options, ...tls }, answer);
  // Before the server's own listener, which reports the same as `clientError`: there the address is lost.
  server.prependListener('tlsClientError', (error: ParserError, tcp: Socket) => {
    const reason = reasonOf(error);
    if (reason === undefined) return;
    onRefused({ status: 400, code: 'tls', reason }, {}, tcp);
  });
  // Before the server's own listener, which begins to read with these limits.
  server.prependListener('connection', () => Object.assign(server, readLimits(limits)));
  server.on('clientError', (error: ParserError, tcp: Socket) => {
    const refusal = parserRefusal(error, limits);
    if (refusal === undefined || !tcp.writable) {
      tcp.destroy();
      return;
    }
    const url = /^[A-Z]+ (\S+) HTTP\//.exec(error.rawPacket?.toString('latin1') ?? '')?.[1];
    onRefused(refusal, url === undefined ? {} : { url }, tcp);
    writeRefusal(tcp, refusal);
  });
  return server;
}

const readLimits = ({ handshakeTimeoutMs, maxHeaderBytes }: HandshakeLimits) => ({
  headersTimeout: handshakeTimeoutMs,
  requestTimeout: handshakeTimeoutMs,
  maxHeaderSize: maxHeaderBytes,
});

/** Node's error: `rawPacket` is the last chunk, which holds the request line where the request came in one. */
interface ParserError extends Error {
  readonly code?: string;
  readonly rawPacket?: Buffer;
}

/** Undefined for a broken TCP connection. */
function parserRefusal({ code = '' }: ParserError, { maxHeaderBytes }: HandshakeLimits): Refusal | undefined {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return { status: 408, code: 'request-timeout', reason: 'the request was not complete in time' };
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    return {
      status: 431,
      code: 'headers-too-large',
      reason: `more than ${maxHeaderBytes} bytes of headers`,
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
