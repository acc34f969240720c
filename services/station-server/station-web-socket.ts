/**
 * The WebSocket of a station, and the events that it passes to its StationSocket. The listeners are functions of this
 * module that find their station through `this`: tens of thousands of sockets share them.
 */
import type { Duplex } from 'node:stream';
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

/** FIN and the opcode of a text; the lengths that say that 2 or 8 bytes with the length follow (RFC 6455 §5.2). */
const FINAL_TEXT = 0x81;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

export class StationWebSocket extends WebSocket {
  station: Station | undefined = undefined;
  tcp: Duplex | undefined = undefined;
}

/** @param tcp below it, as the handshake came */
export function listen(ws: StationWebSocket, tcp: Duplex, station: Station): void {
  ws.station = station;
  ws.tcp = tcp;
  ws.on('message', onMessage).on('ping', onPing).on('pong', onPong).on('error', onError).on('close', onClose);
}

/** Begins the closing handshake. A paused socket is resumed: otherwise the peer's Close would never be read. */
export function closeWith(ws: StationWebSocket, code: number, reason: string): void {
  ws.resume();
  ws.close(code, Buffer.from(reason).subarray(0, MAX_CLOSE_REASON).toString());
}

/**
 * Sends a text of an open WebSocket. `ws` writes the header and the text as two parts, which costs twice as much as one buffer; what it
 * sends itself (Ping, Pong, Close) leaves at once, so nothing comes between. docs/decisions/0028
 */
export function sendText(ws: StationWebSocket, text: string): void {
  ws.tcp?.write(textFrame(text));
}

/** An unmasked frame with the whole text (RFC 6455 §5.2). */
export function textFrame(text: string): Buffer {
  const size = Buffer.byteLength(text);
  const header = size < LENGTH_16 ? 2 : size < 0x10000 ? 4 : 10;
  const frame = Buffer.allocUnsafe(header + size);
  frame[0] = FINAL_TEXT;
  if (header === 2) frame[1] = size;
  else if (header === 4) {
    frame[1] = LENGTH_16;
    frame.writeUInt16BE(size, 2);
  } else {
    frame[1] = LENGTH_64;
    frame.writeBigUInt64BE(BigInt(size), 2);
  }
  frame.write(text, header);
  return frame;
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
