/**
 * The bearer token of the admin port, from a file. The kubelet replaces the file of a Secret while the program runs, so it
 * is read again when it has changed.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { ENV } from '../contract.ts';

/** How long a token that was read counts as current; ms. */
const CHECK_INTERVAL = 1000;
/** Characters of a token at most; a longer file is another file. */
const MAX_TOKEN = 4096;

/** Why a request may not pass: an HTTP status and a text for the person who asked. */
export interface Denial {
  readonly status: 401 | 404 | 503;
  readonly reason: string;
}

export class AdminToken {
  readonly #file: string;
  readonly #now: () => number;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #version = '';
  /** SHA-256 of the token. */
  #digest: Buffer | undefined;
  #problem: string | undefined;

  /** @param file '' for none; @param now ms, of any clock that never goes back */
  constructor(file: string, now: () => number = () => performance.now()) {
    this.#file = file;
    this.#now = now;
  }

  /** Undefined: the request may pass. @param authorization the header as received */
  async denial(authorization: string | undefined): Promise<Denial | undefined> {
    if (this.#file === '')
      return { status: 404, reason: `this path needs a token, and ${ENV.adminTokenFile} is not set` };
    await this.#refresh();
    if (this.#digest === undefined)
      return { status: 503, reason: `${ENV.adminTokenFile}: ${this.#problem ?? 'not read yet'}` };
    const [, given] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
    if (given === undefined) return { status: 401, reason: 'this path needs Authorization: Bearer <token>' };
    return timingSafeEqual(digestOf(given), this.#digest)
      ? undefined
      : { status: 401, reason: 'the bearer token is not that of this cluster' };
  }

  /** A file that cannot be read denies every request: an old token may have been taken back. */
  async #refresh(): Promise<void> {
    const now = this.#now();
    if (now - this.#checkedAt < CHECK_INTERVAL) return;
    try {
      const { mtimeMs, ino, size } = await stat(this.#file);
      const version = `${mtimeMs} ${ino} ${size}`;
      if (version !== this.#version || this.#digest === undefined) {
        const token = (await readFile(this.#file, 'utf8')).trim();
        if (token === '' || token.length > MAX_TOKEN) throw new Error(`the file holds no token`);
        this.#digest = digestOf(token);
        this.#version = version;
      }
      this.#problem = undefined;
    } catch (error) {
      this.#digest = undefined;
      this.#problem = error instanceof Error ? error.message : 'it cannot be read';
    }
    this.#checkedAt = now;
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
