/** The stations of the tests: what each presents, its entry in the register, and which of them are connected. */
import { randomBytes, X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { clientCertificate } from '../../support/certificates.ts';
import { CLIENTS, doorUrls, serverAuthority, stationsProgram } from './door.ts';
import { contextOf, forAll, Station, type Way } from './stations.ts';

const newPassword = () => randomBytes(12).toString('hex');
export const named = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${prefix}-${String(i).padStart(4, '0')}`);

/** Of the client certificate of this station. */
export async function serialOf(identity: string): Promise<string> {
  const { certificate } = await clientCertificate(identity, CLIENTS);
  return new X509Certificate(certificate).serialNumber;
}

export class Fleet {
  /** Connected from the second test on. */
  readonly stations: Station[] = [];
  readonly urls: Awaited<ReturnType<typeof doorUrls>>;
  readonly #authority: string;
  /** One for all stations with passwords, as the authorities are parsed each time. */
  readonly #context: SecureContext;

  private constructor(urls: Fleet['urls'], authority: string) {
    this.urls = urls;
    this.#authority = authority;
    this.#context = contextOf(authority);
  }

  static async create(): Promise<Fleet> {
    return new Fleet(await doorUrls(), (await serverAuthority()).certificate);
  }

  get open(): Station[] {
    return this.stations.filter(({ isOpen }) => isOpen);
  }

  /** Identities of those that were closed at least once, sorted. */
  get closed(): string[] {
    return this.stations.flatMap(({ identity, closes }) => (closes.length > 0 ? [identity] : [])).sort();
  }

  station(wanted: string): Station {
    const found = this.stations.find(({ identity }) => identity === wanted);
    if (found === undefined) throw new Error(`there is no station ${wanted}`);
    return found;
  }

  byPassword(password = newPassword()): Way {
    return { url: this.urls.tls, context: this.#context, password };
  }

  /** @param owner whose certificate it is */
  async byCertificate(owner: string): Promise<Way> {
    const own = await clientCertificate(owner, CLIENTS);
    return { url: this.urls.mtls, context: contextOf(this.#authority, own) };
  }

  /** New entries of the register, each with a password of its own. */
  async register(identities: readonly string[]): Promise<Station[]> {
    const stations = identities.map((identity) => this.unknown(identity));
    const lines = stations.map(({ identity, way }) => `${identity} ${way.password}\n`);
    await stationsProgram(['import'], lines.join(''));
    return stations;
  }

  /** The same without passwords. */
  async registerCertified(identities: readonly string[]): Promise<Station[]> {
    await stationsProgram(['import'], identities.join('\n'));
    return Promise.all(identities.map(async (one) => new Station(one, await this.byCertificate(one))));
  }

  /** In no register, with a password. */
  unknown(identity: string): Station {
    return new Station(identity, this.byPassword());
  }

  /** All that are connected get an answer of a processor. */
  heartbeats(): Promise<void> {
    return forAll(this.open, (station) => station.heartbeat());
  }

  end(): void {
    for (const station of this.stations) station.end();
  }
}

/** How fast stations were accepted. `seconds`: between the first and the last. `each`: stations in each second. */
export function paceOf(times: readonly number[]) {
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const second = (at: number) => Math.floor((at - first) / 1000);
  const each = Array.from(
    { length: second(last) + 1 },
    (_, i) => times.filter((at) => second(at) === i).length,
  );
  return { first, seconds: (last - first) / 1000, each };
}
