/** A PostgreSQL server of a test's own, on a free loopback port. It refuses to run as root, so root starts it under another user. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { endWithUs } from '../support/children.ts';
import { freePort } from '../support/free-port.ts';

export interface PostgresServer extends AsyncDisposable {
  readonly port: number;
  /** Of the superuser, without TLS, as libpq takes it. */
  readonly url: string;
  /** As a crash of the server does: its processes end at once, in the middle of a transaction. */
  kill(): Promise<void>;
  /** Starts it again with its data. */
  restart(): Promise<void>;
  /** Stops it from answering, with its connections open, or lets it go on. */
  pause(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Rows of one statement, as the superuser. */
  query<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

const PASSWORD = 'p@ss/w%rd:of?the=superuser';
/** The user without rights of Linux. */
const UNPRIVILEGED = 65_534;
const START_TIMEOUT_MS = 30_000;
const DEBIAN = '/usr/lib/postgresql';

/** The folder with initdb and postgres; undefined where there is none. */
function binaries(): string | undefined {
  const ofDebian = existsSync(DEBIAN)
    ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, 'bin'))
    : [];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...ofDebian];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

/** False, and a loud word, where it is not installed. */
export function hasPostgres(): boolean {
  if (binaries() !== undefined) return true;
  const message =
    'no initdb on the PATH, and none in /usr/lib/postgresql (Debian: apt-get install postgresql)';
  if (process.env['CI'] === 'true') throw new Error(message);
  console.warn(`SKIPPED: ${message}`);
  return false;
}

/** @param settings lines of postgresql.conf */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const bin = binaries() ?? '';
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'postgres-'));
  const isRoot = process.getuid?.() === 0;
  if (isRoot) chownSync(dir, UNPRIVILEGED, UNPRIVILEGED);
  const as = isRoot ? { uid: UNPRIVILEGED, gid: UNPRIVILEGED } : {};
  const data = join(dir, 'data');
  const passwordFile = join(dir, 'password');
  await writeFile(passwordFile, `${PASSWORD}\n`);
  const initdb = [
    '-D',
    data,
    '-U',
    'postgres',
    '-A',
    'scram-sha-256',
    '--pwfile',
    passwordFile,
    '-N',
    '-E',
    'UTF8',
    '--locale',
    'C',
  ];
  const made = spawnSync(join(bin, 'initdb'), initdb, {
    ...as,
    cwd: dir,
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stdout}${made.stderr}`);
  // A killed process loses nothing that the kernel has; only a killed machine would.
  const lines = [
    `port = ${port}`,
    "listen_addresses = '127.0.0.1'",
    `unix_socket_directories = '${dir}'`,
    'fsync = off',
    'max_connections = 20',
    'shared_buffers = 16MB',
    ...settings,
  ];
  await appendFile(join(data, 'postgresql.conf'), `${lines.join('\n')}\n`);

  let child: ChildProcess;
  let output = '';
  const client = async () => {
    const one = new Client({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      password: PASSWORD,
      database: 'postgres',
    });
    one.on('error', () => undefined);
    await one.connect();
    return one;
  };
  const answers = async () => {
    try {
      await (await client()).end();
      return true;
    } catch {
      return false;
    }
  };
  const start = async () => {
    const end = Date.now() + START_TIMEOUT_MS;
    const run = () => {
      child = endWithUs(
        spawn(join(bin, 'postgres'), ['-D', data], { ...as, cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] }),
      );
      child.stderr
        ?.setEncoding('utf8')
        .on('data', (text: string) => (output = `${output}${text}`.slice(-20_000)));
    };
    run();
    while (!(await answers())) {
      if (Date.now() > end) throw new Error(`PostgreSQL on port ${port} does not answer:\n${output}`);
      await wait(30);
      // After a kill the last of its processes may still use the shared memory.
      if (child.exitCode !== null) run();
    }
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  await start();
  return {
    port,
    url: `postgresql://postgres:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/postgres?sslmode=disable`,
    kill,
    restart: start,
    pause: (signal) => child.kill(signal),
    async query<R extends object>(text: string, values: readonly unknown[] = []) {
      const one = await client();
      try {
        const answer = await (values.length === 0 ? one.query<R>(text) : one.query<R>(text, [...values]));
        return answer.rows;
      } finally {
        await one.end();
      }
    },
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(dir, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
