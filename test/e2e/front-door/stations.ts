/** Stations as lean as possible, so that thousands fit into this process: a WebSocket over TLS, and a Heartbeat on demand. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { type ClientOptions, WebSocket } from 'ws';

/** How a station reaches a listener, and what it presents. */
export interface Way {
  /** Of the listener, with its path. */
  readonly url: string;
  /** The authority that it trusts, and its own certificate; absent without TLS. */
  readonly context?: SecureContext;
  readonly password?: string;
}

/** The server's names in its certificate: stations reach it by an address. */
export const SERVER_NAME = 'csms.example.org';

/** Of the TCP connection alone: the kernel tries for two minutes. */
const CONNECT_MS = 5000;
/** The server lets a handshake wait for 20 s. */
const HANDSHAKE_MS = 45_000;
/** Between attempts that got no HTTP response, on average; ms. */
const RETRY_MS = 3000;

/** A handshake that got another response than 101. */
export class Refused extends Error {
  readonly status: number;
  /** Retry-After; s. */
  readonly after: number;

  constructor(status: number, after: number) {
    super(`refused with ${status}`);
    this.status = status;
    this.after = after;
  }
}

export class Station {
  readonly identity: string;
  way: Way;
  /** Code of each Close; 1006 where the connection just ended. */
  readonly closes: number[] = [];
  /** Serial number of the server certificate of the last handshake. */
  serverSerial = '';
  #socket: WebSocket | undefined;
  #calls = 0;

  constructor(identity: string, way: Way) {
    this.identity = identity;
    this.way = way;
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** @throws Refused */
  connect(): Promise<void> {
    const socket = new WebSocket(`${this.way.url}/${this.identity}`, ['ocpp1.6'], this.#options());
    return new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.once('unexpected-response', (request, { statusCode = 0, headers }) => {
        request.destroy();
        reject(new Refused(statusCode, Number(headers['retry-after'] ?? 0)));
      });
      socket.once('open', () => {
        this.#socket = socket;
        socket.once('close', (code) => this.closes.push(code));
        resolve();
      });
    });
  }

  #options(): ClientOptions {
    const { url, context, password } = this.way;
    const credentials = Buffer.from(`${this.identity}:${password}`).toString('base64');
    return {
      handshakeTimeout: HANDSHAKE_MS,
      perMessageDeflate: false,
      ...(password !== undefined && { headers: { authorization: `Basic ${credentials}` } }),
      ...(context !== undefined && { createConnection: () => this.#secured(context, new URL(url)) }),
    };
  }

  #secured(secureContext: SecureContext, { hostname: host, port }: URL): TLSSocket {
    const tls = connect({ host, port: Number(port), secureContext, servername: SERVER_NAME });
    const timer = setTimeout(() => tls.destroy(new Error('no TCP connection')), CONNECT_MS);
    tls.once('connect', () => clearTimeout(timer)).once('close', () => clearTimeout(timer));
    tls.once('secureConnect', () => (this.serverSerial = tls.getPeerX509Certificate()?.serialNumber ?? ''));
    return tls;
  }

  /** Connects again and again, as the server asks for with Retry-After, until it is accepted. @returns how it was refused */
  async return(): Promise<Refused[]> {
    for (const refusals: Refused[] = []; ;) {
      try {
        await this.connect();
        return refusals;
      } catch (error) {
        if (error instanceof Refused) refusals.push(error);
        const after = error instanceof Refused ? error.after : 0;
        await sleep(Math.max(after * 1000, RETRY_MS * (0.5 + Math.random())));
      }
    }
  }

  /** Waits for the end of its connection, and returns. @returns how it was refused */
  async returnAfterLoss(): Promise<Refused[]> {
    if (this.#socket !== undefined && this.isOpen) await once(this.#socket, 'close');
    return this.return();
  }

  /** Resolves with the answer of a processor. */
  async heartbeat(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) throw new Error(`${this.identity} is not connected`);
    const id = `${this.identity}-${++this.#calls}`;
    socket.send(JSON.stringify([2, id, 'Heartbeat', {}]));
    const signal = AbortSignal.timeout(HANDSHAKE_MS);
    for (;;) {
      const [data] = (await once(socket, 'message', { signal })) as [Buffer];
      const [type, answered] = JSON.parse(data.toString()) as [number, string];
      if (type === 3 && answered === id) return;
    }
  }

  end(): void {
    this.#socket?.terminate();
  }
}

export const contextOf = (authority: string, own?: { certificate: string; key: string }): SecureContext =>
  createSecureContext({ ca: authority, ...(own && { cert: own.certificate, key: own.key }) });

/** Does it for all, a few at a time: this process also encrypts. */
export async function forAll<T>(
  stations: readonly T[],
  what: (station: T) => Promise<unknown>,
  atOnce = 50,
): Promise<void> {
  const left = stations.values();
  const lane = async () => {
    for (const station of left) await what(station);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

/** HTTP status that a connection attempt gets; 101 when it is accepted. */
export async function statusOf(station: Station): Promise<number> {
  try {
    await station.connect();
    return 101;
  } catch (error) {
    if (error instanceof Refused) return error.status;
    throw error;
  }
}
