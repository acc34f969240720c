/** A station that sends the texts of a case, and returns received messages in order. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';

/** Time limit of a response, a handshake or a close; ms. */
const PATIENCE_MS = 5000;

export interface Dial {
  /** host:port */
  readonly address: string;
  readonly path: string;
  readonly protocols: readonly string[];
}

export class SloppyStation {
  readonly #socket: WebSocket;
  readonly #received: string[] = [];
  #waiting: ((text: string | undefined) => void) | undefined;
  /** The close code, once it is closed. */
  readonly ended: Promise<number>;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.#take(data.toString()));
    this.ended = new Promise((resolve) => {
      socket.on('close', (code: number) => {
        resolve(code);
        this.#waiting?.(undefined);
      });
    });
  }

  /** @throws Error with the status of a refused handshake */
  static async connect({ address, path, protocols }: Dial): Promise<SloppyStation> {
    const socket = new WebSocket(`ws://${address}${path}`, [...protocols], { perMessageDeflate: false });
    const station = new SloppyStation(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('unexpected-response', (_request, { statusCode = 0 }) => {
        reject(new RefusedHandshake(statusCode));
        socket.terminate();
      });
      socket.once('error', reject);
    });
    socket.on('error', () => undefined);
    return station;
  }

  /** The negotiated subprotocol; empty for none. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  send(text: string, encoding: 'utf8' | 'latin1' = 'utf8'): void {
    this.#socket.send(Buffer.from(text, encoding), { binary: false });
  }

  sendBinary(text: string): void {
    this.#socket.send(Buffer.from(text));
  }

  /** The next message; undefined if the connection ends first. @throws Error after the time limit */
  async next(what: string): Promise<string | undefined> {
    const first = this.#received.shift();
    if (first !== undefined) return first;
    if (this.#socket.readyState === WebSocket.CLOSED) return undefined;
    let late: NodeJS.Timeout | undefined;
    return new Promise<string | undefined>((resolve, reject) => {
      late = setTimeout(
        () => reject(new Error(`nothing came within ${PATIENCE_MS} ms: ${what}`)),
        PATIENCE_MS,
      );
      this.#waiting = resolve;
    }).finally(() => {
      clearTimeout(late);
      this.#waiting = undefined;
    });
  }

  async close(): Promise<void> {
    this.#socket.close(1000);
    const late = setTimeout(() => this.#socket.terminate(), 1000);
    await this.ended;
    clearTimeout(late);
  }

  #take(text: string): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#received.push(text);
    else waiting(text);
  }
}

export class RefusedHandshake extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the handshake was answered ${status}`);
    this.status = status;
  }
}

/** Sends a whole HTTP request as text; resolves to the status of the answer. */
export async function statusOf(address: string, request: string): Promise<number> {
  const [host, port] = address.split(':');
  const socket = connect({ host: host ?? '', port: Number(port) });
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('no answer to the handshake')));
  await once(socket, 'connect');
  socket.write(request.trimEnd().replaceAll(/\r?\n/g, '\r\n') + '\r\n\r\n');
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(data.toString())?.[1]);
}
