/** A Redis URL as settings: `redis://user:password@host:6379/0`, `rediss://` for TLS. */
import { TransportError } from '../transport/errors.ts';
import type { RedisSettings } from '../transport/redis/connection/settings.ts';

const CLIENT_TIMEOUT_MS = 5000;

/** @throws TransportError bad-settings; its message never contains the password */
export function redisUrl(text: string): RedisSettings {
  const url = URL.parse(text);
  const db = /^\/?(\d*)$/.exec(url?.pathname ?? '')?.[1];
  if (
    url === null ||
    !['redis:', 'rediss:'].includes(url.protocol) ||
    url.hostname === '' ||
    db === undefined
  )
    throw new TransportError(
      'bad-settings',
      'a Redis URL is redis://[user[:password]@]host[:port][/database]',
    );
  const { hostname, port, username, password, protocol } = url;
  return {
    addr: `${hostname}:${port === '' ? 6379 : port}`,
    db: Number(db),
    clientTimeoutMs: CLIENT_TIMEOUT_MS,
    ...(username !== '' && { username: decodeURIComponent(username) }),
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' && { tls: {} }),
  };
}
