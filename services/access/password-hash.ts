/**
 * Stored forms of the passwords of stations, and their comparison in constant time.
 *
 * `$hmac-sha256$<base64url>` is HMAC-SHA-256 of identity, line feed and password, with a key that is not in the register. It is fast,
 * which is safe only because passwords of stations are random: 3 µs, so a storm of 2000 stations costs 6 ms.
 * `$scrypt$ln=14,r=8,p=1$<salt>$<hash>` (PHC string format) is for passwords that were hashed elsewhere: 56 ms each, off the main thread.
 */
import {
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
  scrypt,
  timingSafeEqual,
} from 'node:crypto';
import { Turns } from '../runtime/turns.ts';

const HMAC = '$hmac-sha256$';
const SCRYPT =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/_-]{1,128})={0,2}\$([A-Za-z0-9+/_-]{16,128})={0,2}$/;
/** Of an attacker's choice if the register can be written: memory is 128 · N · r bytes. */
const MAX_LN = 16;
const MAX_SCRYPT_BYTES = 128 * 2 ** 20;
/** scrypt computations at a time, as the thread pool also serves files, and how long others wait for one. */
const TURNS = { atOnce: 2, maxWaitMs: 2000 };

export class HashError extends Error {
  override readonly name = 'HashError';
}

/** Whether a text is a stored form that verify() can compare. */
export const isStoredForm = (text: string): boolean => isHmac(text) || scryptOf(text) !== undefined;

const isHmac = (text: string) => text.startsWith(HMAC) && /^[A-Za-z0-9_-]{43}$/.test(text.slice(HMAC.length));

export class PasswordHasher {
  /** Of the key, which it does not reveal: see password-key.ts. */
  readonly keyDigest: string;
  /** A key that OpenSSL has got already: with the bytes, each HMAC costs five times as much. */
  readonly #key: KeyObject;
  /** A stored form of no password, for pretend(): scrypt from the first such form on, whatever was verified last. */
  #decoy: string;
  readonly #turns: Turns;

  /** @param key at least 16 bytes @throws HashError */
  constructor(key: Uint8Array, turns = new Turns(TURNS)) {
    if (key.length < 16) throw new HashError('the key of the passwords has fewer than 16 bytes');
    this.#key = createSecretKey(key);
    // Passwords are hashed with a line feed, so that this is the hash of none.
    this.keyDigest = createHmac('sha256', key).update('ocpp-cluster password key').digest('base64url');
    this.#turns = turns;
    this.#decoy = this.hash('', randomBytes(16));
  }

  /** The default stored form. */
  hash(identity: string, password: string | Uint8Array): string {
    return (
      HMAC + createHmac('sha256', this.#key).update(`${identity}\n`).update(password).digest('base64url')
    );
  }

  /**
   * Whether this is the password. Rejects with HashError for an unknown stored form, and with BusyError when scrypt has no turn for it in time.
   * @param from turns rotate among these: the address of the client
   */
  async verify(identity: string, password: Uint8Array, stored: string, from = ''): Promise<boolean> {
    if (isHmac(stored)) return isEqual(this.hash(identity, password), stored);
    const parameters = scryptOf(stored);
    if (parameters === undefined) throw new HashError('the stored password has an unknown form');
    this.#decoy = stored;
    return this.#turns.run(from, () => verifyScrypt(password, parameters));
  }

  /** Takes the time of verify(), so that a station without a password cannot be told from one with a wrong password. */
  async pretend(identity: string, password: Uint8Array, from = ''): Promise<void> {
    await this.verify(identity, password, this.#decoy, from);
  }

  /** Whether verify() takes scrypt for this form; undefined: for the decoy. */
  isScrypt(stored = this.#decoy): boolean {
    return !isHmac(stored);
  }
}

interface ScryptParameters {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

function scryptOf(text: string): ScryptParameters | undefined {
  const [, ln, r, p, salt, hash] = SCRYPT.exec(text) ?? [];
  if (ln === undefined || r === undefined || p === undefined || salt === undefined || hash === undefined)
    return undefined;
  const parameters = { N: 2 ** Number(ln), r: Number(r), p: Number(p) };
  const isBounded = Number(ln) >= 1 && Number(ln) <= MAX_LN && parameters.r >= 1 && parameters.p >= 1;
  if (!isBounded || 128 * parameters.N * parameters.r > MAX_SCRYPT_BYTES || parameters.p > 4)
    return undefined;
  return { ...parameters, salt: Buffer.from(salt, 'base64'), hash: Buffer.from(hash, 'base64') };
}

function verifyScrypt(password: Uint8Array, { N, r, p, salt, hash }: ScryptParameters): Promise<boolean> {
  const options = { N, r, p, maxmem: 2 * MAX_SCRYPT_BYTES };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, hash.length, options, (error, key) =>
      error === null ? resolve(timingSafeEqual(key, hash)) : reject(error),
    );
  });
}

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
