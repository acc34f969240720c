/** Keys, certificates and passwords of a trial as files: for openssl and `npm run simulate`, and for the next run with the same folder. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  Authority,
  createAuthority,
  type IssuedCertificate,
} from '../../../services/certificates/authority.ts';

const PASSWORD_BYTES = 15;
const KEY_BYTES = 32;

export class TrialFolder {
  readonly #folder: string;
  #authority: Promise<Authority> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  path(file: string): string {
    return join(this.#folder, file);
  }

  /** The same one as long as the folder exists. */
  authority(): Promise<Authority> {
    this.#authority ??= this.#readOrCreate();
    return this.#authority;
  }

  /** A random password of a station. */
  password(identity: string): string {
    return this.#keep(`${identity}.password`, () => randomBytes(PASSWORD_BYTES).toString('base64url'));
  }

  /** The key of stored passwords. */
  passwordKey(): string {
    return this.#keep('password-key', () => randomBytes(KEY_BYTES).toString('base64url'));
  }

  /** A token of the HTTP API. @param name of its file */
  apiToken(name: string): string {
    return this.#keep(name, () => randomBytes(KEY_BYTES).toString('base64url'));
  }

  /** Of event webhooks. @param name of its file */
  signingSecret(name: string): string {
    return this.#keep(name, () => `whsec_${randomBytes(KEY_BYTES).toString('base64')}`);
  }

  /** Another one in each run, so that none has expired. */
  async clientCertificate(identity: string, organization: string | undefined): Promise<void> {
    const authority = await this.authority();
    const subject = { commonName: identity, ...(organization !== undefined && { organization }) };
    this.#write(identity, await authority.issueClientCertificate(subject));
  }

  async #readOrCreate(): Promise<Authority> {
    const [certificate, key] = [this.path('ca.crt'), this.path('ca.key')];
    if (existsSync(certificate) && existsSync(key)) {
      const read = (file: string) => readFileSync(file, 'utf8');
      return new Authority({ certificate: read(certificate), key: read(key) });
    }
    const authority = await createAuthority('Trial CA of npm start');
    this.#write('ca', authority);
    return authority;
  }

  #write(name: string, { certificate, key }: IssuedCertificate): void {
    this.#save(`${name}.crt`, certificate);
    this.#save(`${name}.key`, key);
  }

  #keep(file: string, make: () => string): string {
    if (!existsSync(this.path(file))) this.#save(file, make());
    return readFileSync(this.path(file), 'utf8');
  }

  #save(file: string, text: string): void {
    const path = this.path(file);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, text, { mode: 0o600 });
  }
}
