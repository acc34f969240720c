/** A TCP connection of the fuzzer: writes any bytes, and keeps what the server says. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { OPCODE, frameOf } from './web-socket.ts';

const MASK = Buffer.from([0x5a, 0x13, 0xc7, 0x2e]);

export class Connection {
  /** Texts and pongs of the server, in their order, until they are taken. */
  texts: string[] = [];
  pongs: Buffer[] = [];
  /** The head of the answer to the handshake. */
  head: string | undefined;
  /** The code of the server's Close. */
  closeCode: number | undefined;
  /** The server broke a rule of RFC 6455. */
  fault: string | undefined;
  ended = false;
  readonly #socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  #isWebSocket = false;
  /** Pongs that wait for the end of a frame that is being written; undefined while none is. */
  #owed: Buffer[] | undefined;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data) => {
      this.#buffer = this.#buffer.length === 0 ? data : Buffer.concat([this.#buffer, data]);
      this.#read();
      this.#wake();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
      this.#wake();
    });
  }

  static async open(port: number): Promise<Connection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Connection(socket);
  }

  write(bytes: Buffer): void {
    if (this.#socket.writable) this.#socket.write(bytes);
  }

  /** Writes bytes in separate packets. A pong between two of them would be a part of the frame. */
  async writeAll(packets: readonly Buffer[]): Promise<void> {
    this.#owed = [];
    for (const packet of packets) {
      this.write(packet);
      if (packets.length > 1) await new Promise((resolve) => setImmediate(resolve));
    }
    const owed = this.#owed;
    this.#owed = undefined;
    for (const pong of owed) this.write(pong);
  }

  /** A text as a correct client sends it. */
  say(text: string): void {
    this.write(frameOf(OPCODE.text, Buffer.from(text), { mask: MASK }));
  }

  /** Ends this side only. */
  half(): void {
    this.#socket.end();
  }

  /** Ends the connection at once, as a reset does: nothing waits in the kernel. */
  drop(): void {
    this.#socket.resetAndDestroy();
  }

  /** Ends the connection as the peer of a Close does. */
  leave(): void {
    this.write(frameOf(OPCODE.close, Buffer.from([0x03, 0xe8]), { mask: MASK }));
    this.#socket.end();
  }

  /** Waits for what only received bytes or the end of the connection change; false after `patienceMs`. */
  async until(reached: () => boolean, patienceMs: number): Promise<boolean> {
    const deadline = Date.now() + patienceMs;
    while (!reached() && Date.now() < deadline) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, deadline - Date.now());
      });
      clearTimeout(timer);
    }
    return reached();
  }

  #read(): void {
    if (this.head === undefined && !this.#readHead()) return;
    while (this.#isWebSocket && this.#readFrame());
  }

  #readHead(): boolean {
    const end = this.#buffer.indexOf('\r\n\r\n');
    if (end < 0) return false;
    this.head = this.#buffer.toString('latin1', 0, end);
    this.#isWebSocket = this.head.startsWith('HTTP/1.1 101 ');
    this.#buffer = this.#buffer.subarray(end + 4);
    return true;
  }

  /** One frame of the server (RFC 6455 §5.1, §5.2); false while bytes are missing. */
  #readFrame(): boolean {
    const data = this.#buffer;
    const [first, second] = [data[0], data[1]];
    if (first === undefined || second === undefined || this.fault !== undefined) return false;
    const short = second & 0x7f;
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (data.length < start) return false;
    const length =
      short === 126 ? data.readUInt16BE(2) : short === 127 ? Number(data.readBigUInt64BE(2)) : short;
    if (data.length < start + length) return false;
    const payload = data.subarray(start, start + length);
    this.#buffer = data.subarray(start + length);
    const opcode = first & 0x0f;
    if ((first & 0xf0) !== 0x80 || second > 127)
      this.fault = `a server frame that begins with ${first} ${second}`;
    else if (this.closeCode !== undefined) this.fault = 'a server frame behind its Close';
    else if (opcode === OPCODE.text) this.texts.push(payload.toString());
    else if (opcode === OPCODE.pong) this.pongs.push(Buffer.from(payload));
    else if (opcode === OPCODE.ping) this.#pong(payload);
    else if (opcode === OPCODE.close) this.closeCode = length < 2 ? 1005 : payload.readUInt16BE(0);
    else this.fault = `a server frame with opcode ${opcode}`;
    return true;
  }

  #pong(payload: Buffer): void {
    const pong = frameOf(OPCODE.pong, payload, { mask: MASK });
    if (this.#owed === undefined) this.write(pong);
    else this.#owed.push(pong);
  }
}
