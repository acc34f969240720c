/**
 * Which key the stored passwords are hashed with. A wrong key makes each password wrong, and a rollout with one would lock every
 * station out. So the first program that uses a key keeps a digest of it with the data, and a program with another key does not begin.
 */
import { readFileSync } from 'node:fs';
import { TransportError } from '../transport/errors.ts';
import type { StateStore } from '../transport/stored-state.ts';
import { HashError, PasswordHasher } from './password-hash.ts';

/** Record of the digest; without it, the next key that is used counts. */
export const PASSWORD_KEY = 'password-key';
const FIELD = 'digest';

/** Others may write or delete the record at the same time. */
const ATTEMPTS = 5;

const OTHER_KEY =
  `the key of the passwords is not the one that the stored passwords are hashed with: no station could connect with its password. ` +
  `Restore the former key. If it was replaced on purpose, delete the record ${PASSWORD_KEY} (docs/stored-data.md), and hash each password again`;

/**
 * Compares the key with that of the stored data, which becomes this one if there is none.
 * Rejects with `bad-settings` for another key, and as the store does.
 */
export async function checkPasswordKey(
  state: Pick<StateStore, 'field' | 'amend'>,
  { keyDigest }: Pick<PasswordHasher, 'keyDigest'>,
): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const stored = await state.field(PASSWORD_KEY, FIELD);
    if (stored === keyDigest) return;
    if (stored !== undefined) throw new TransportError('bad-settings', OTHER_KEY);
    const isStored = await state.amend({
      expected: { key: PASSWORD_KEY, field: FIELD, value: undefined },
      writes: [{ kind: 'set', key: PASSWORD_KEY, fields: { [FIELD]: keyDigest } }],
      events: [],
    });
    if (isStored) return;
  }
  throw new TransportError('store-unavailable', `the record ${PASSWORD_KEY} changes all the time`);
}

/** @throws HashError for a file that cannot be read or holds no key; never with the key */
export function readPasswordHasher(file: string): PasswordHasher {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new HashError(`cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  return new PasswordHasher(Buffer.from(text.trim()));
}
