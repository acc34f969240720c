/** Keys of Secrets that a cluster names: read by name, again after some time, so that a change needs no restart. */
import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../../services/runtime/clock.ts';
import type { TokenSecretRefSpec } from '../../api/ocpp-cluster.ts';
import { type KubeObject, type ObjectStore, type Resource, StoreError } from '../../kube/object-store.ts';

const SECRETS: Resource = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true };

interface Secret extends KubeObject {
  /** In base64. */
  readonly data?: Readonly<Record<string, string>>;
}

/** Least interval between two reads of a Secret, ms. */
const READ_EVERY_MS = 30_000;
/** The same while it is missing or cannot be read. */
const RETRY_EVERY_MS = 5000;

/** A Secret that cannot be used; the message says why and what to do. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

interface Reading {
  readonly at: number;
  readonly secret: Secret | undefined;
  readonly problem?: string;
}

export interface SecretReaderOptions {
  readonly store: Pick<ObjectStore, 'get'>;
  readonly clock: Clock;
  readonly namespace: string;
}

export class SecretReader {
  readonly #options: SecretReaderOptions;
  readonly #readings = new Map<string, Reading>();

  constructor(options: SecretReaderOptions) {
    this.#options = options;
  }

  /** A bearer token, without surrounding white space. @throws SecretError */
  async token(ref: TokenSecretRefSpec): Promise<string> {
    const token = (await this.#text(ref)).trim();
    // RFC 6750 section 2.1 allows fewer; other characters cannot be sent in a header, or end it.
    if (/^[\x21-\x7e]+$/.test(token)) return token;
    throw new SecretError(
      `key ${ref.key} of ${this.#nameOf(ref)} is empty or has characters that no token has`,
    );
  }

  /** Certificates in PEM. @throws SecretError */
  async certificates(ref: TokenSecretRefSpec): Promise<string> {
    const text = await this.#text(ref);
    try {
      void new X509Certificate(text);
      return text;
    } catch {
      throw new SecretError(`key ${ref.key} of ${this.#nameOf(ref)} has no certificate in PEM`);
    }
  }

  async #text(ref: TokenSecretRefSpec): Promise<string> {
    const { secret, problem } = await this.#read(ref);
    if (problem !== undefined) throw new SecretError(problem);
    if (secret === undefined) throw new SecretError(`${this.#nameOf(ref)} does not exist`);
    const encoded = secret.data?.[ref.key];
    if (encoded === undefined) throw new SecretError(`${this.#nameOf(ref)} has no key ${ref.key}`);
    return Buffer.from(encoded, 'base64').toString('utf8');
  }

  async #read(ref: TokenSecretRefSpec): Promise<Reading> {
    const { store, clock, namespace } = this.#options;
    const known = this.#readings.get(ref.name);
    const everyMs = known?.secret === undefined ? RETRY_EVERY_MS : READ_EVERY_MS;
    if (known !== undefined && clock.now() - known.at < everyMs) return known;
    const at = clock.now();
    let reading: Reading;
    try {
      reading = { at, secret: await store.get({ resource: SECRETS, name: ref.name, namespace }) };
    } catch (error) {
      reading = this.#failed(ref, error, known, at);
    }
    this.#readings.set(ref.name, reading);
    return reading;
  }

  /** While the API server does not answer, the last reading counts. */
  #failed({ name }: TokenSecretRefSpec, error: unknown, known: Reading | undefined, at: number): Reading {
    const { namespace } = this.#options;
    const forbidden = error instanceof StoreError && error.code === 'forbidden';
    if (!forbidden && known?.secret !== undefined) return { at, secret: known.secret };
    const why = error instanceof Error ? error.message : String(error);
    const problem = forbidden
      ? `the operator may not read Secret ${namespace}/${name}. Set the value rbac.readSecrets={${name}} of the chart ocpp-operator, or grant get on this Secret with a Role`
      : `Secret ${namespace}/${name} could not be read: ${why}`;
    return { at, secret: undefined, problem };
  }

  #nameOf({ name }: TokenSecretRefSpec): string {
    return `Secret ${this.#options.namespace}/${name}`;
  }
}
