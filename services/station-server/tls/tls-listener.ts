/**
 * The TLS of one listener: its server gets the certificates that its files hold, and a request the client certificate that it came
 * with. Live sockets never notice that files change, unless their own certificate is revoked or its CA removed.
 */
import { createHash, type X509Certificate } from 'node:crypto';
import type { Server } from 'node:https';
import { TLSSocket, type TlsOptions } from 'node:tls';
import type { Duplex } from 'node:stream';
import { CertificateError } from '../../certificates/certificate-error.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { StationListener } from '../station-listener.ts';
import { type ClientCertificate, judgeCertificate } from './client-certificate.ts';
import { ClientTrust } from './client-trust.ts';
import { FollowedMaterial } from './followed-material.ts';
import type { Expiring, TlsMaterial } from './material.ts';

/** Events for logs and metrics. */
export interface TlsObserver {
  /** New files are in use. */
  applied(listener: string, expiries: TlsMaterial['expiries']): void;
  /** Files are refused, and the last good ones stay; once for each problem. */
  refused(listener: string, problem: string): void;
  /** A TLS handshake is complete. `version`: TLSv1.2 or TLSv1.3 */
  secured(listener: string, version: string): void;
}

/** For metrics. */
export interface TlsState {
  readonly listener: string;
  /** Which of the files as they are now is not applied, and why. */
  readonly problem: string | undefined;
  /** ms since 1970 */
  readonly expiries: ReadonlyMap<Expiring, number>;
}

export interface TlsListenerOptions {
  readonly listener: StationListener;
  readonly clock: Clock;
  readonly observer: TlsObserver;
  /** After the start: CAs or revocation lists may have changed. */
  readonly onTrustChanged: () => void;
  readonly intervalMs?: number;
}

export class TlsListener implements Disposable {
  readonly name: string;
  readonly #options: TlsListenerOptions;
  readonly #material: FollowedMaterial;
  readonly #trust = new ClientTrust();
  readonly #isMutual: boolean;
  #server: Server | undefined;

  /** @throws CertificateError for suites that do not exist */
  constructor(options: TlsListenerOptions) {
    const { listener, clock, observer, intervalMs } = options;
    this.#options = options;
    this.name = nameOf(listener);
    this.#isMutual = listener.securityProfile === 3;
    const { clientCaFolder, ...tls } = listener.tls ?? {};
    this.#material = this.#named(
      () =>
        new FollowedMaterial({
          tls: this.#isMutual && clientCaFolder !== undefined ? { ...tls, clientCaFolder } : tls,
          clock,
          onApplied: (material) => this.#apply(material),
          onRefused: (problem) => observer.refused(this.name, problem),
          ...(intervalMs !== undefined && { intervalMs }),
        }),
    );
  }

  /** The certificates come later: see start(). */
  serverOptions(handshakeTimeoutMs: number): TlsOptions {
    return {
      handshakeTimeout: handshakeTimeoutMs,
      ALPNProtocols: ['http/1.1'],
      // A client certificate is judged in the HTTP layer, where the station has a name.
      requestCert: this.#isMutual,
      rejectUnauthorized: false,
    };
  }

  /**
   * Gives the server its certificates, and follows their files until disposed.
   * @throws CertificateError when they are bad: a listener does not open without them
   */
  async start(server: Server): Promise<void> {
    this.#server = server;
    server.on('secureConnection', (tls: TLSSocket) => {
      this.#options.observer.secured(this.name, tls.getProtocol() ?? '');
    });
    try {
      await this.#material.start();
    } catch (error) {
      throw this.#withName(error);
    }
  }

  get state(): TlsState {
    const { problem, material } = this.#material;
    return { listener: this.name, problem, expiries: material?.expiries ?? new Map() };
  }

  /** @param since `removals` when the connection was accepted */
  clientCertificateOf(socket: Duplex, since: number): ClientCertificate {
    if (!this.#isMutual || !(socket instanceof TLSSocket)) return { kind: 'none' };
    return judgeCertificate(socket, this.#trust, { now: this.#options.clock.now(), since });
  }

  /** Grows when a client CA was removed: see ClientTrust.judge(). */
  get removals(): number {
    return this.#trust.removals;
  }

  /** @param since `removals` when the connection was accepted */
  isStillTrusted(certificate: X509Certificate, since: number): boolean {
    return this.#trust.isStillTrusted(certificate, since);
  }

  #apply(material: TlsMaterial): void {
    // With new keys of session tickets: no session of former certificates, CAs or lists is resumed.
    this.#server?.setSecureContext({ ...material.context, sessionIdContext: this.#sessionContext });
    this.#trust.replace(material.clientCas, material.revocation);
    this.#options.observer.applied(this.name, material.expiries);
    if (this.#material?.material !== undefined) this.#options.onTrustChanged();
  }

  /** A session of one listener is not resumed by another one. */
  get #sessionContext(): string {
    const { port, path } = this.#options.listener;
    return createHash('sha256').update(`${this.name} ${port} ${path}`).digest('hex').slice(0, 32);
  }

  #named<T>(make: () => T): T {
    try {
      return make();
    } catch (error) {
      throw this.#withName(error);
    }
  }

  #withName(error: unknown): unknown {
    if (!(error instanceof CertificateError)) return error;
    return new CertificateError(`listener ${this.name}: ${error.message}`);
  }

  [Symbol.dispose](): void {
    this.#material[Symbol.dispose]();
  }
}

/** For logs and metrics. */
export const nameOf = ({ name, port }: StationListener): string => name ?? String(port);
