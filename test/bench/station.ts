/**
 * A station for load: a TCP connection with hand-made WebSocket frames, so cheap that the server is what is
 * measured. It reads what a server of this bench sends and nothing else: unmasked, unfragmented frames.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, TLSSocket } from 'node:tls';

/** Ten characters of a message that each CALL replaces by its number. */
export const NUMBER = '##########';
/** A time that each CALL replaces by a later one. */
export const TIME = '0000-00-00T00:00:00.000Z';
/** Ten characters in place of the id of the station's transaction: a JSON number may have spaces before it. */
export const TRANSACTION = '@@@@@@@@@@';

/** Of the first CALL; a ms later with each: a station that is asked as fast as it answers does not live long. */
const BEGUN = Date.now();

/** A message as a masked text frame, and where its numbers go. The mask is zero: the payload stays as it is. */
export class MessageFrame {
  readonly #bytes: Buffer;
  readonly #places: readonly number[];
  readonly #times: readonly number[];
  readonly #transactions: readonly number[];

  constructor(text: string) {
    const payload = Buffer.from(text);
    const head =
      payload.length < 126
        ? [0x81, 0x80 | payload.length]
        : [0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff];
    this.#bytes = Buffer.concat([Buffer.from(head), Buffer.alloc(4), payload]);
    this.#places = placesOf(this.#bytes, NUMBER);
    this.#times = placesOf(this.#bytes, TIME);
    this.#transactions = placesOf(this.#bytes, TRANSACTION);
  }

  /** The frame with this number in it; JSON numbers begin with no zero. */
  with(number: number, transaction = 0): Buffer {
    const bytes = Buffer.from(this.#bytes);
    const digits = String(1e9 + number);
    for (const place of this.#places) bytes.write(digits, place, 'latin1');
    for (const place of this.#times) bytes.write(new Date(BEGUN + number).toISOString(), place, 'latin1');
    for (const place of this.#transactions)
      bytes.write(String(transaction).padStart(TRANSACTION.length), place, 'latin1');
    return bytes;
  }
}

function placesOf(bytes: Buffer, text: string): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) places.push(at);
  return places;
}

export interface StationOptions {
  readonly host: string;
  readonly port: number;
  /** Request target, identity included. */
  readonly path: string;
  /** Further header lines, each with its line end. */
  readonly headers?: string;
  /** Connects over TLS. */
  readonly tls?: ConnectionOptions;
  /** A TLS session that can be resumed. */
  readonly onSession?: (session: Buffer) => void;
  /** @param text the answer; latin1, which is as good as any to look at */
  readonly onAnswer: (station: Station, text: string) => void;
  readonly onClosed: (station: Station) => void;
}

export class Station {
  /** Of the loop that drives it: when the CALLs that are open were sent, oldest first; performance.now(). */
  readonly sentAt: number[] = [];
  /** The id of the transaction that it started last. */
  transaction = 0;
  readonly #socket: Socket;
  readonly #options: StationOptions;
  #rest: Buffer | undefined;

  private constructor(socket: Socket, options: StationOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** @throws Error when the handshake is refused or the connection breaks before */
  static async connect(options: StationOptions): Promise<Station> {
    const { host, port, path, headers = '', tls } = options;
    const socket =
      tls === undefined ? connect({ host, port, noDelay: true }) : connectTls({ host, port, ...tls });
    if (options.onSession !== undefined) socket.on('session', options.onSession);
    const station = new Station(socket, options);
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
        socket.write(
          `GET ${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
            'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n' +
            `Sec-WebSocket-Protocol: ocpp1.6\r\n${headers}\r\n`,
        );
      });
      socket.once('data', (data) => {
        const end = data.indexOf('\r\n\r\n');
        if (end < 0 || !data.subarray(0, 12).includes(' 101'))
          return reject(new Error(`handshake refused: ${data.toString('latin1', 0, 80)}`));
        socket.off('error', reject);
        station.#open(data.subarray(end + 4));
        return resolve();
      });
    });
    return station;
  }

  /** Whether the TLS session is an earlier one. */
  get isResumed(): boolean {
    return this.#socket instanceof TLSSocket && this.#socket.isSessionReused();
  }

  send(frame: Buffer): void {
    this.sentAt.push(performance.now());
    this.#socket.write(frame);
  }

  /** A frame that gets no answer. */
  reply(frame: Buffer): void {
    this.#socket.write(frame);
  }

  close(): void {
    this.#socket.destroy();
  }

  #open(rest: Buffer): void {
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.#options.onClosed(this));
    this.#socket.on('data', (data) => this.#read(data));
    if (rest.length > 0) this.#read(rest);
  }

  #read(chunk: Buffer): void {
    let data = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    while (data.length >= 2) {
      const short = (data[1] ?? 0) & 0x7f;
      const start = short === 126 ? 4 : 2;
      if (data.length < start) break;
      const end = start + (short === 126 ? data.readUInt16BE(2) : short);
      if (data.length < end) break;
      this.#frame((data[0] ?? 0) & 0x0f, data.subarray(start, end));
      data = data.subarray(end);
    }
    if (data.length > 0) this.#rest = Buffer.from(data);
  }

  #frame(opcode: number, payload: Buffer): void {
    if (opcode === 1) this.#options.onAnswer(this, payload.toString('latin1'));
    // A ping wants its payload back; a Close ends it.
    else if (opcode === 9)
      this.#socket.write(
        Buffer.concat([Buffer.from([0x8a, 0x80 | payload.length]), Buffer.alloc(4), payload]),
      );
    else if (opcode === 8) this.#socket.end();
  }
}
