/**
 * A station that can break every rule: a TCP connection, a handshake with any headers, WebSocket frames with any bits.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface HandshakeAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface ReceivedFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export class RawStation implements AsyncDisposable {
  readonly socket: Socket;
  /** Answers pings and Close frames as a live station does. */
  alive = true;
  readonly frames: ReceivedFrame[] = [];
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (data) => {
      this.#buffer = Buffer.concat([this.#buffer, data]);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#ended = true;
    });
  }

  static async connect(port: number): Promise<RawStation> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new RawStation(socket);
  }

  /** Connects and sends a handshake; `headers` may repeat names, `target` is sent unchanged. */
  static async open(
    port: number,
    target: string,
    headers: readonly string[] = ['Sec-WebSocket-Protocol: ocpp1.6'],
  ): Promise<{ station: RawStation; answer: HandshakeAnswer }> {
    const station = await RawStation.connect(port);
    const answer = await station.handshake(target, headers);
    return { station, answer };
  }

  async handshake(target: string, headers: readonly string[]): Promise<HandshakeAnswer> {
    const lines = [
      `GET ${target} HTTP/1.1`,
      'Host: x',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      ...headers,
    ];
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    return this.httpAnswer();
  }

  async httpAnswer(): Promise<HandshakeAnswer> {
    await this.#until(() => this.#buffer.includes('\r\n\r\n'), 'an HTTP answer');
    const end = this.#buffer.indexOf('\r\n\r\n');
    const [first = '', ...lines] = this.#buffer.subarray(0, end).toString().split('\r\n');
    this.#buffer = this.#buffer.subarray(end + 4);
    this.socket.on('data', () => this.#read());
    this.#read();
    const headers = new Map(
      lines.map((line) => [
        line.split(':')[0]?.toLowerCase() ?? '',
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    return { status: Number(first.split(' ')[1]), headers };
  }

  send(text: string): void {
    this.frame(OPCODE.text, Buffer.from(text));
  }

  /** One WebSocket frame; the first byte's FIN bit is set unless `fin` is false. */
  frame(opcode: number, payload: Buffer, fin = true): void {
    const { length } = payload;
    const head = Buffer.alloc(length < 126 ? 6 : length < 65_536 ? 8 : 14);
    head[0] = (fin ? 0x80 : 0) | opcode;
    if (length < 126) head[1] = 0x80 | length;
    else if (length < 65_536) {
      head[1] = 0x80 | 126;
      head.writeUInt16BE(length, 2);
    } else {
      head[1] = 0x80 | 127;
      head.writeBigUInt64BE(BigInt(length), 2);
    }
    // The mask is zero, which leaves the payload as it is.
    this.socket.write(Buffer.concat([head, payload]));
  }

  /** The next text of the server. */
  async nextText(): Promise<string> {
    const text = () => this.frames.findIndex((frame) => frame.opcode === OPCODE.text);
    await this.#until(() => text() >= 0, 'a text');
    return this.frames.splice(text(), 1)[0]?.payload.toString() ?? '';
  }

  /** The code of the server's Close; 1006 when the connection ended without one. */
  async closeCode(): Promise<number> {
    const close = () => this.frames.find((frame) => frame.opcode === OPCODE.close);
    await this.#until(() => close() !== undefined || this.#ended, 'a Close');
    const payload = close()?.payload;
    return payload === undefined ? 1006 : payload.length < 2 ? 1005 : payload.readUInt16BE(0);
  }

  /** The server has sent its Close. */
  get toldToGo(): boolean {
    return this.frames.some((frame) => frame.opcode === OPCODE.close);
  }

  get ended(): boolean {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.socket.destroy();
    await once(this.socket, 'close');
  }

  #read(): void {
    for (;;) {
      const data = this.#buffer;
      if (data.length < 2) return;
      let length = (data[1] ?? 0) & 0x7f;
      let start = 2;
      if (length === 126) {
        if (data.length < 4) return;
        length = data.readUInt16BE(2);
        start = 4;
      } else if (length === 127) {
        if (data.length < 10) return;
        length = Number(data.readBigUInt64BE(2));
        start = 10;
      }
      if (data.length < start + length) return;
      const frame = { opcode: (data[0] ?? 0) & 0x0f, payload: data.subarray(start, start + length) };
      this.#buffer = data.subarray(start + length);
      if (frame.opcode === OPCODE.ping && this.alive) this.frame(OPCODE.pong, frame.payload);
      if (frame.opcode === OPCODE.close && this.alive) this.frame(OPCODE.close, frame.payload);
      this.frames.push(frame);
    }
  }

  /** Waits for a condition that changes only with received bytes or the end of the connection. */
  async #until(reached: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!reached()) {
      if (Date.now() > deadline) throw new Error(`waited 20 s for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

export const subprotocol = (value: string) => `Sec-WebSocket-Protocol: ${value}`;
export const V16 = [subprotocol('ocpp1.6')];
