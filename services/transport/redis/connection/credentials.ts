/**
 * User and password, as text or from files, such as those of a mounted Secret. A changed file takes effect at once, so that a
 * password can be rotated while everything runs: add the new one to the ACL user, change the Secret, remove the old one.
 */
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { TransportError } from '../../errors.ts';
import type { Login } from './settings.ts';

/** How often a file is checked; ms. Kubernetes takes a minute to update a mounted Secret. */
const CHECK_MS = 1000;

export interface Credentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** @throws TransportError bad-settings when a file cannot be read */
export function readCredentials(login: Login): Credentials {
  return {
    username: login.usernameFile === undefined ? login.username : readSecret(login.usernameFile, true),
    password: login.passwordFile === undefined ? login.password : readSecret(login.passwordFile, false),
  };
}

/** Calls back whenever a file has changed, until the returned function is called. */
export function watchCredentials(login: Login, changed: () => void): () => void {
  const files = [login.usernameFile, login.passwordFile].filter((file) => file !== undefined);
  const check = () => changed();
  for (const file of files) watchFile(file, { interval: CHECK_MS, persistent: false }, check);
  return () => {
    for (const file of files) unwatchFile(file, check);
  };
}

/** Without the line break that editors put at the end. @param optional a Secret without a user names the default user */
function readSecret(file: string, optional: boolean): string | undefined {
  try {
    const text = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    return text === '' ? undefined : text;
  } catch (cause) {
    if (optional && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TransportError('bad-settings', `the file with Redis credentials cannot be read: ${why}`, {
      cause,
    });
  }
}
