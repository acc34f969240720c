/**
 * The WebSocket of a station, and the events that it passes to its StationSocket. The listeners are functions of this
 * module that find their station through `this`: tens of thousands of sockets share them.
 */
import { WebSocket } from 'ws';

/** The events that the listeners pass on. */
interface Station {
  received(data: Buffer, isBinary: boolean): void;
  pinged(): void;
  pong(): void;
  failed(error: Error): void;
  closed(code: number): void;
}

/** Close codes (RFC 6455 §7.4.1; 1012 Service Restart of the IANA registry asks the client to reconnect). */
export const CLOSE = { unsupported: 1003, policyViolation: 1008, serviceRestart: 1012 } as const;
/** A close reason is at most 123 bytes of UTF-8 (RFC 6455 §5.5). */
const MAX_CLOSE_REASON = 123;

export class StationWebSocket extends WebSocket {
  station: Station | undefined = undefined;
}

export function listen(ws: StationWebSocket, station: Station): void {
  ws.station = station;
  ws.on('message', onMessage).on('ping', onPing).on('pong', onPong).on('error', onError).on('close', onClose);
}

/** Begins the closing handshake. A paused socket is resumed: otherwise the peer's Close would never be read. */
export function closeWith(ws: StationWebSocket, code: number, reason: string): void {
  ws.resume();
  ws.close(code, Buffer.from(reason).subarray(0, MAX_CLOSE_REASON).toString());
}

function onMessage(this: WebSocket, data: WebSocket.RawData, isBinary: boolean): void {
  (this as StationWebSocket).station?.received(data as Buffer, isBinary);
}

function onPing(this: WebSocket): void {
  (this as StationWebSocket).station?.pinged();
}

function onPong(this: WebSocket): void {
  (this as StationWebSocket).station?.pong();
}

function onError(this: WebSocket, error: Error): void {
  (this as StationWebSocket).station?.failed(error);
}

function onClose(this: WebSocket, code: number): void {
  (this as StationWebSocket).station?.closed(code);
}

/** Closes a WebSocket without a session: no common subprotocol (OCPP-J 1.6 §3.2, 2.x Part 4 §3.1.2). */
export function closeUnsupported(ws: StationWebSocket): void {
  ws.on('error', () => ws.terminate());
  ws.close(1002, 'no common OCPP subprotocol');
}
