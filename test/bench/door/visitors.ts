/** Stations that connect with what their security profile demands, some at a time, and leave together. */
import { createSecureContext, type ConnectionOptions, type SecureContext } from 'node:tls';
import { PATH } from '../../../services/contract.ts';
import { clientCertificate } from '../../support/certificates.ts';
import { Station } from '../station.ts';
import { type Door, identityOf, PASSWORD, type Profile } from './doors.ts';

/** Handshakes in progress: a storm, and no queue. */
const AT_ONCE = 24;

export interface VisitorOptions {
  readonly profile: Profile;
  /** Resume the TLS session of the last connection. */
  readonly isResuming?: boolean;
}

export class Visitors {
  /** Of stations that left by themselves. */
  lost = 0;
  readonly #profile: Profile;
  readonly #isResuming: boolean;
  readonly #stations = new Set<Station>();
  /** By station number. */
  readonly #sessions = new Map<number, Buffer>();
  readonly #contexts = new Map<number, SecureContext>();
  readonly #plainContext = createSecureContext();

  constructor({ profile, isResuming = false }: VisitorOptions) {
    this.#profile = profile;
    this.#isResuming = isResuming;
  }

  /** Makes what takes the processor time that is not to be measured: keys and certificates. */
  async prepare(count: number): Promise<void> {
    if (this.#profile !== 3) return;
    for (let number = this.#contexts.size; number < count; number++) {
      const { certificate, key } = await clientCertificate(identityOf(3, number));
      this.#contexts.set(number, createSecureContext({ cert: certificate, key }));
    }
  }

  /** @throws Error when one is refused, or a TLS session is not resumed although it should be */
  async connect(door: Door, count: number): Promise<void> {
    let next = 0;
    const visit = async () => {
      while (next < count) await this.#visit(door, next++);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, visit));
  }

  leave(): void {
    for (const station of this.#stations) station.close();
    this.#stations.clear();
  }

  async #visit({ port }: Door, number: number): Promise<void> {
    const identity = identityOf(this.#profile, number);
    const session = this.#isResuming ? this.#sessions.get(number) : undefined;
    const credentials = Buffer.from(`${identity}:${PASSWORD}`).toString('base64');
    const hasPassword = this.#profile === 1 || this.#profile === 2;
    const station = await Station.connect({
      host: '127.0.0.1',
      port,
      path: `${PATH.stations}/${identity}`,
      ...(hasPassword && { headers: `Authorization: Basic ${credentials}\r\n` }),
      ...(this.#profile >= 2 && { tls: this.#tls(number, session) }),
      ...(this.#isResuming && { onSession: (one: Buffer) => void this.#sessions.set(number, one) }),
      onAnswer: () => undefined,
      onClosed: (one) => (this.lost += this.#stations.has(one) ? 1 : 0),
    });
    if (session !== undefined && !station.isResumed) throw new Error('a TLS session was not resumed');
    this.#stations.add(station);
  }

  #tls(number: number, session: Buffer | undefined): ConnectionOptions {
    return {
      secureContext: this.#contexts.get(number) ?? this.#plainContext,
      rejectUnauthorized: false,
      ...(session !== undefined && { session }),
    };
  }
}
