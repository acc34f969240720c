/**
 * Keeps a connection logged in while its password changes. Every handshake uses the current file; a changed password is sent
 * to Redis at once. Redis may get the new one up to two minutes later or earlier than this process: a login that is refused
 * is tried in turns with the credentials that Redis accepted last.
 */
import type { Redis } from 'ioredis';
import { type Credentials, readCredentials, watchCredentials } from './credentials.ts';
import type { Login } from './settings.ts';

const REFUSED = /\b(WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password)\b/;

/** Whether Redis refuses this user and password: it is not a matter of the network. */
export const loginRefused = (error: Error): boolean => REFUSED.test(error.message);

/** @param onError gets a file that cannot be read, and a changed password that a live connection is refused; no secrets */
export function keepLoggedIn(connection: Redis, login: Login, onError: (error: Error) => void): void {
  let accepted: Credentials | undefined;
  let refused = false;
  let formerUsed = false;
  Object.assign(connection.options, readCredentials(login));
  const refresh = (): boolean => {
    try {
      const before = connection.options.password;
      const fresh = readCredentials(login);
      Object.assign(connection.options, fresh);
      return fresh.password !== undefined && fresh.password !== before;
    } catch (error) {
      onError(error as Error);
      return false;
    }
  };
  connection.on('ready', () => {
    const { username, password } = connection.options;
    accepted = { username, password: password ?? undefined };
    refused = formerUsed = false;
  });
  connection.on('error', (error: Error) => (refused ||= loginRefused(error)));
  connection.on('close', () => {
    refresh();
    formerUsed = refused && accepted !== undefined && !formerUsed;
    if (formerUsed) Object.assign(connection.options, accepted);
  });
  const stop = watchCredentials(login, () => {
    if (!refresh() || connection.status !== 'ready') return;
    const { username = 'default', password = '' } = connection.options;
    connection.auth(username, password).then(
      () => (accepted = readCredentials(login)),
      // This connection stays as it is. The error itself holds the password.
      (error: Error) => onError(new Error(`the changed password is refused: ${error.message}`)),
    );
  });
  connection.on('end', stop);
}
