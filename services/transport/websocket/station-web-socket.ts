/** The WebSocket of a station, with a cheaper way to send texts. */
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { StationSocket } from './station-socket.ts';

/** First byte of a text frame that is whole (RFC 6455 §5.2), as are all frames from here. */
const WHOLE_TEXT = 0x81;
/** A length that does not fit the second byte is announced by this one and stands in the two bytes behind it. */
const TWO_BYTES = 126;
const MAX_LENGTH = 0xffff;

export class StationWebSocket extends WebSocket {
  station: StationSocket | undefined = undefined;
  /** The connection below. */
  tcp: Duplex | undefined = undefined;

  /**
   * Sends a text as one buffer and one write, where `send` makes two buffers and a writev of them: a tenth of all that
   * a message costs. Nothing is compressed, so either writes at once and their order holds.
   */
  sendText(text: string): void {
    const length = Buffer.byteLength(text);
    if (this.tcp === undefined || length > MAX_LENGTH) return this.send(text);
    const start = length < TWO_BYTES ? 2 : 4;
    const frame = Buffer.allocUnsafe(start + length);
    frame[0] = WHOLE_TEXT;
    frame[1] = start === 2 ? length : TWO_BYTES;
    if (start === 4) frame.writeUInt16BE(length, 2);
    frame.write(text, start);
    this.tcp.write(frame);
    return undefined;
  }
}
