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

export class StationWebSocket extends WebSocket {
  station: Station | undefined = undefined;
}

export function listen(ws: StationWebSocket, station: Station): void {
  ws.station = station;
  ws.on('message', onMessage).on('ping', onPing).on('pong', onPong).on('error', onError).on('close', onClose);
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
