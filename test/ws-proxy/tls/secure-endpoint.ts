/** A station server with TLS listeners and real files, and clients of it: the openssl command, and a station with any certificate. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { AccessControl } from '../../../services/access/access-control.ts';
import type { IssuedCertificate } from '../../../services/certificates/authority.ts';
import { PROTOCOLS } from '../../../services/ocpp/frame.ts';
import { faultAnswer } from '../../../services/ocpp/errors.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { createAdmission } from '../../../services/station-server/admission.ts';
import { TrustedNetworks } from '../../../services/station-server/forwarded/trusted-networks.ts';
import type { StationServerLimits } from '../../../services/station-server/limits.ts';
import type { ListenerTls, StationListener } from '../../../services/station-server/station-listener.ts';
import { transactionsAfter } from '../../../services/station-server/running-transactions.ts';
import { SelfTestSecret } from '../../../services/station-server/self-test.ts';
import { StationServer } from '../../../services/station-server/station-server.ts';
import {
  type CertificateFolder,
  certificateFolder,
  serverCertificate,
  testAuthority,
  tlsFiles,
} from '../../support/certificates.ts';
import { ProbedGateway } from '../endpoint.ts';

export interface SecureEndpoint extends AsyncDisposable {
  readonly ports: readonly number[];
  /** Of the first listener. */
  readonly port: number;
  readonly server: StationServer;
  /** Words of the observers: `refused 400 tls …`, `applied`, `rejected …`, `untrusted CP-1` and the like. */
  readonly seen: string[];
  readonly secret: SelfTestSecret;
  /** Of clients that were refused. */
  readonly addresses: ReadonlySet<string>;
}

export interface SecureEndpointOptions {
  readonly limits?: Partial<StationServerLimits>;
  /** May change. */
  readonly mode?: { value: 'Report' | 'Enforce' };
  /** How far the clock of the server is ahead; ms. May change. */
  readonly ahead?: { value: number };
  readonly trusted?: readonly string[];
}

/** How often files are read; ms. */
const INTERVAL = 20;

export async function startSecureEndpoint(
  listeners: readonly StationListener[],
  {
    limits = {},
    mode = { value: 'Enforce' },
    ahead = { value: 0 },
    trusted = [],
  }: SecureEndpointOptions = {},
): Promise<SecureEndpoint> {
  const clock = { now: () => systemClock.now() + ahead.value };
  const addresses = new Set<string>();
  const gateway = new ProbedGateway();
  const seen: string[] = [];
  const secret = new SelfTestSecret();
  const note = (text: string) => void seen.push(text);
  const server = new StationServer({
    host: '127.0.0.1',
    listeners,
    gateway,
    trusted: new TrustedNetworks(() => trusted),
    clock,
    faultAnswer,
    transactionsAfter,
    admit: createAdmission({ protocols: PROTOCOLS, maxSessions: 1000 }, systemClock),
    ...(listeners.some(({ securityProfile }) => securityProfile === 3) && { access: accessOf(mode, note) }),
    observer: {
      opened: ({ stationId }) => note(`opened ${stationId}`),
      closed: ({ stationId }, why, code) => note(`closed ${stationId} ${why} ${code}`),
      duplicate: () => undefined,
      refused({ status, code, reason }, { remoteAddress }) {
        note(`refused ${status} ${code} ${reason}`);
        addresses.add(remoteAddress);
      },
      received: () => undefined,
      repaired: () => undefined,
      unreadable: () => undefined,
      forwarded: () => undefined,
      paused: () => undefined,
      dropped: () => undefined,
      error: (error) => note(`error ${error.message}`),
    },
    tls: {
      observer: {
        applied: () => note('applied'),
        refused: (_listener, problem) => note(`rejected ${problem}`),
        secured: (listener, version) => note(`secured ${listener} ${version}`),
      },
      isEnforcing: () => mode.value === 'Enforce',
      onClosed: ({ stationId }) => note(`untrusted ${stationId}`),
      intervalMs: INTERVAL,
    },
    limits,
    selfTest: secret,
  });
  await gateway.start();
  try {
    await server.start();
  } catch (error) {
    await gateway.stop();
    throw error;
  }
  return {
    ports: server.ports,
    port: server.ports[0] ?? 0,
    server,
    seen,
    secret,
    addresses,
    async [Symbol.asyncDispose]() {
      await server.stop();
      await gateway.stop();
    },
  };
}

/** Without a source: a station is who its certificate says. */
function accessOf(
  mode: { readonly value: 'Report' | 'Enforce' },
  note: (text: string) => void,
): AccessControl {
  return new AccessControl({
    settings: {
      get mode() {
        return mode.value;
      },
      unknownStations: 'Reject',
      organization: '',
      unknownStationStatus: 401,
      enrolment: 'Off',
    },
    // Nothing is kept: each test has stations of its own.
    profiles: { keptProfile: async () => undefined, keepProfile: async () => undefined },
    clock: systemClock,
    observer: {
      unproven: (identity, _address, fault) => note(`unproven ${identity} ${fault}`),
      enrolled: () => undefined,
      error: (error) => note(`error ${error.message}`),
    },
  });
}

export interface ListenerFiles extends AsyncDisposable {
  readonly listener: StationListener;
  readonly server: CertificateFolder;
  readonly clientCa: CertificateFolder;
}

/** A listener of profile 3 with the ECDSA certificate and the client CA of the tests. */
export async function mutualListener(
  ca: Readonly<Record<string, string>> = {},
  tls: ListenerTls = {},
): Promise<ListenerFiles> {
  const server = await certificateFolder(tlsFiles(await serverCertificate()));
  const { certificate } = await testAuthority();
  const clientCa = await certificateFolder({ 'ca.crt': certificate, ...ca });
  return {
    server,
    clientCa,
    listener: {
      name: 'mtls',
      port: 0,
      path: '/ocpp',
      securityProfile: 3,
      tls: { ...tls, certificateFolders: [server.path], clientCaFolder: clientCa.path },
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await clientCa[Symbol.asyncDispose]();
    },
  };
}

/** Runs `openssl s_client` against a port; its output, whatever its exit code. */
export async function openssl(port: number, args: string, input = 'Q\n'): Promise<string> {
  const list = ['s_client', '-connect', `127.0.0.1:${port}`, ...args.split(' ').filter((arg) => arg !== '')];
  const child = spawn('openssl', list);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)));
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  await once(child, 'close');
  return output;
}

/** A Close frame without a code, masked with zeros. */
const CLOSE = Buffer.from([0x88, 0x80, 0, 0, 0, 0]);

/** A station over TLS: its handshake by hand, so that a TLS session can be resumed and any certificate shown. */
export class SecureStation implements AsyncDisposable {
  readonly tls: TLSSocket;
  /** Of the answer; 0 when the connection ended without one. */
  status = 0;
  /** The newest TLS session, to resume. */
  session: Buffer | undefined;
  #received = Buffer.alloc(0);
  #ended = false;

  private constructor(tls: TLSSocket) {
    this.tls = tls;
    tls.on('session', (session) => (this.session = session));
    tls.on('data', (data) => {
      this.#received = Buffer.concat([this.#received, data]);
      // A Close frame is answered, as a live station does.
      if (this.#head >= 0 && this.#received[this.#head + 4] === CLOSE[0] && tls.writable) tls.end(CLOSE);
    });
    tls.on('error', () => undefined);
    tls.on('close', () => (this.#ended = true));
  }

  static async open(
    port: number,
    identity: string,
    certificate?: IssuedCertificate,
    options: ConnectionOptions = {},
  ): Promise<SecureStation> {
    return SecureStation.over(SecureStation.connect(port, certificate, options), identity);
  }

  /** Without its HTTP request. */
  static connect(port: number, certificate?: IssuedCertificate, options: ConnectionOptions = {}): TLSSocket {
    const own = certificate && { cert: certificate.certificate, key: certificate.key };
    return connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...own, ...options });
  }

  static async over(tls: TLSSocket, identity: string): Promise<SecureStation> {
    const station = new SecureStation(tls);
    tls.write(
      `GET /ocpp/${identity} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n` +
        `Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n`,
    );
    while (!station.#ended && station.#head < 0) await station.#change();
    station.status = Number(/^HTTP\/1\.1 (\d+)/.exec(station.#received.toString('latin1'))?.[1] ?? 0);
    return station;
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  /** Not `once`, which rejects on an error. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.tls.once('data', () => resolve());
      this.tls.once('close', () => resolve());
    });
  }

  get #head(): number {
    return this.#received.indexOf('\r\n\r\n');
  }

  /** Of the Close frame, once the connection has ended. */
  async closeCode(): Promise<number> {
    if (!this.#ended) await once(this.tls, 'close');
    let frame = this.#received.subarray(this.#head + 4);
    // Pings may come before it; every frame here is short.
    while (frame.length > 1 && frame[0] !== CLOSE[0]) frame = frame.subarray(2 + (frame[1] ?? 0));
    return frame.length > 3 ? frame.readUInt16BE(2) : 0;
  }

  /** Sends a Close frame without a code that the server answers. */
  async leave(): Promise<void> {
    this.tls.end(CLOSE);
    if (!this.#ended) await once(this.tls, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.tls.destroy();
    await once(this.tls, 'close');
  }
}
