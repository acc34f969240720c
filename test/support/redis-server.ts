/** A redis-server of a test's own, on a free loopback port. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { endWithUs } from './children.ts';
import { freePort } from './free-port.ts';

export interface RedisServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** host:port, as REDIS_ADDR wants it. */
  readonly addr: string;
  readonly pid: number;
  /** As a crash does: no save, no goodbye. */
  kill(): Promise<void>;
  /** Starts it again on the same port; data are there again with `appendonly`. */
  restart(): Promise<void>;
}

export interface RedisOptions {
  /** Keep data through kill and restart (AOF, fsync always). */
  readonly appendonly?: boolean;
  /** Further arguments, such as `['--requirepass', 'x']`. */
  readonly args?: readonly string[];
  /** A Sentinel instead of a server, with these lines as its configuration. */
  readonly sentinel?: string;
}

const START_TIMEOUT_MS = 15_000;

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const port = await freePort();
  const dir = await mkdtemp(join(tmpdir(), 'redis-'));
  const persistence = options.appendonly === true ? ['--appendonly', 'yes', '--appendfsync', 'always'] : [];
  const common = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', dir];
  // A Sentinel keeps what it learns in its configuration file.
  const file = join(dir, 'sentinel.conf');
  if (options.sentinel !== undefined) await writeFile(file, options.sentinel);
  const args =
    options.sentinel === undefined
      ? [...common, '--save', '', ...persistence]
      : [file, '--sentinel', ...common];
  let child: ChildProcess;
  const start = async () => {
    child = endWithUs(
      spawn('redis-server', [...args, ...(options.args ?? [])], {
        stdio: ['ignore', 'ignore', 'inherit'],
      }),
    );
    const failed = new Promise<never>((_, reject) => {
      child.once('error', (error) =>
        reject(
          new Error(
            `redis-server does not start (${error.message}); install it, e.g. apt-get install redis-server`,
          ),
        ),
      );
      child.once('exit', (status) => reject(new Error(`redis-server on port ${port} ends with ${status}`)));
    });
    failed.catch(() => undefined);
    await Promise.race([answers(port), failed]);
  };
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  await start();
  return {
    host: '127.0.0.1',
    port,
    addr: `127.0.0.1:${port}`,
    get pid() {
      return child.pid ?? 0;
    },
    kill,
    restart: start,
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Resolves when PING is answered with PONG, or an error of a server that wants a password. */
async function answers(port: number): Promise<void> {
  const end = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
      socket.once('data', (data) => {
        resolve(String(data));
        socket.destroy();
      });
      socket.once('error', () => resolve(''));
    });
    if (answer.startsWith('+PONG') || answer.startsWith('-NOAUTH')) return;
    if (Date.now() > end)
      throw new Error(`redis-server on port ${port} does not answer within ${START_TIMEOUT_MS} ms`);
    await wait(20);
  }
}
