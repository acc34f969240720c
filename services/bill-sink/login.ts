/**
 * Where PostgreSQL is and how to log in: a URL in a file, or the variables of libpq. Both are read for each connection, with the files of
 * TLS, so that a changed Secret needs no restart. No message here repeats a value.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

export interface Login {
  readonly address: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
    readonly database: string;
  };
  /** Undefined: none. */
  readonly tls: ConnectionOptions | undefined;
  /** The same error, with secrets removed from its message. */
  withoutSecrets(error: unknown): Error;
}

/** As libpq has them; empty texts are not set. */
export interface LoginSettings {
  readonly urlFile: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly sslMode: string;
  readonly sslRootCert: string;
  readonly sslCert: string;
  readonly sslKey: string;
}
type Place = Omit<LoginSettings, 'urlFile'>;

/** Modes of libpq that promise something. `allow` and `prefer` use TLS or not, as an attacker likes. */
export const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;
/** Parameters of a URL → settings. */
const PARAMETERS: Readonly<Record<string, Exclude<keyof Place, 'port'>>> = {
  host: 'host',
  user: 'user',
  password: 'password',
  dbname: 'database',
  sslmode: 'sslMode',
  sslrootcert: 'sslRootCert',
  sslcert: 'sslCert',
  sslkey: 'sslKey',
};
/** Parameters that change nothing here. */
const IGNORED = new Set([
  'application_name',
  'fallback_application_name',
  'connect_timeout',
  'channel_binding',
  'target_session_attrs',
]);

/** Rejects with a sentence about what is missing or wrong. */
export async function readLogin(settings: LoginSettings): Promise<Login> {
  const place = settings.urlFile === '' ? settings : await readUrl(settings);
  const { host, port, user, password } = place;
  if (host === '') throw new Error('the URL of PostgreSQL names no host');
  if (user === '') throw new Error('no user for PostgreSQL is set: name one in the URL, or in PGUSER');
  const database = place.database === '' ? user : place.database;
  const secrets = [password, encodeURIComponent(password)].filter((text) => text !== '');
  return {
    address: { host, port, user, password, database },
    tls: await readTls(place),
    withoutSecrets: (error) => cleaned(error, secrets),
  };
}

async function readUrl(settings: LoginSettings): Promise<Place> {
  const file = settings.urlFile;
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `the file with the URL of PostgreSQL, ${file}, cannot be read: ${error.code ?? 'unknown error'}`,
    );
  });
  return parseUrl(text.trim(), file, settings);
}

/** @param defaults what the URL does not say. @throws Error without any part of the URL */
export function parseUrl(text: string, file: string, defaults: Place): Place {
  const wrong = (why: string) => new Error(`the URL of PostgreSQL in ${file} ${why}`);
  if (!/^postgres(ql)?:\/\//.test(text)) throw wrong('does not begin with postgresql://');
  let place: Place;
  let parameters: URLSearchParams;
  try {
    const url = new URL(text);
    parameters = url.searchParams;
    const said = (part: string, fallback: string) => (part === '' ? fallback : decodeURIComponent(part));
    place = {
      ...defaults,
      host: said(url.hostname.replace(/^\[|\]$/g, ''), ''),
      port: url.port === '' ? 5432 : Number(url.port),
      user: said(url.username, defaults.user),
      password: said(url.password, defaults.password),
      database: said(url.pathname.slice(1), ''),
    };
  } catch {
    throw wrong(
      'is not valid: it is postgresql://user:password@host:port/database, with special characters as %XX',
    );
  }
  const given: Partial<Record<Exclude<keyof Place, 'port'>, string>> = {};
  for (const [name, value] of parameters) {
    const setting = PARAMETERS[name];
    if (setting !== undefined) given[setting] = value;
    else if (!IGNORED.has(name))
      throw wrong(
        `has an unknown parameter, ${JSON.stringify(name.slice(0, 40))}: known are ${Object.keys(PARAMETERS).join(', ')}`,
      );
  }
  return { ...place, ...given };
}

async function readTls({
  host,
  sslMode,
  sslRootCert,
  sslCert,
  sslKey,
}: Place): Promise<ConnectionOptions | undefined> {
  const isLocal = host.startsWith('/');
  const mode = sslMode === '' ? (isLocal ? 'disable' : 'verify-full') : sslMode;
  if (!SSL_MODES.some((known) => known === mode))
    throw new Error(
      `sslmode ${JSON.stringify(mode.slice(0, 40))} is not supported: use ${SSL_MODES.join(', ')}`,
    );
  if (mode === 'disable' || isLocal) return undefined;
  if ((sslCert === '') !== (sslKey === ''))
    throw new Error('a client certificate for PostgreSQL needs sslcert and sslkey, both or neither');
  const [ca, cert, key] = await Promise.all([pem(sslRootCert), pem(sslCert), pem(sslKey)]);
  // As in libpq, `require` checks the certificate if it has authorities to check it with.
  const isChecked = mode !== 'require' || ca !== undefined;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert, key }),
    ...(isIP(host) === 0 && { servername: host }),
    rejectUnauthorized: isChecked,
    ...(mode !== 'verify-full' && { checkServerIdentity: () => undefined }),
  };
}

async function pem(file: string): Promise<string | undefined> {
  // `system` names the authorities of the system in libpq.
  if (file === '' || file === 'system') return undefined;
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `the file ${file} for TLS to PostgreSQL cannot be read: ${error.code ?? 'unknown error'}`,
    );
  });
}

const ADVICE: Readonly<Record<string, string>> = {
  '28P01': 'check user and password',
  '28000': 'check the user and pg_hba.conf of the server',
  '3D000': 'create the database, or correct its name',
  '42501': 'grant the right; docs/bill-sink.md lists the rights',
};

function cleaned(error: unknown, secrets: readonly string[]): Error {
  const said = error instanceof Error ? error.message : String(error);
  // An AggregateError of several addresses has no message of its own.
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  let message = said === '' ? code : said;
  for (const secret of secrets) message = message.replaceAll(secret, '[secret]');
  if (/does not support SSL/i.test(message))
    message += '; set sslmode=disable only in a network that you trust';
  const advice = ADVICE[code];
  return Object.assign(new Error(advice === undefined ? message : `${message}: ${advice}`), { code });
}
