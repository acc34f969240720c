/**
 * npm `ocpp-ws-io` with its Redis adapter as a contender. It is fetched when it is wanted and kept in the cache of node_modules: as a
 * dependency of this project it would need its logger, which some registries do not have. A silent one takes its place, as nothing is logged.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { startRedis } from '../support/redis-server.ts';
import { callsOf } from './redis-commands.ts';
import { type Fsync, FSYNC_ARGS, servePeer, type Served, Unavailable } from './servers.ts';

const run = promisify(execFile);

const VERSION = '2.3.2';
const INTEGRITY =
  'sha512-1IVkPK+zkGwPBnc+vZNqaURVwkFTlD8yvtpoTh/LC/8rYnJGzg1YgqMJ+kNRK3nFvRQmuaJYOiL5Ajdpl8bg+w==';
/** Below node_modules, so that its `ws` and `ajv` are those of the other contenders. */
const FOLDER = join(import.meta.dirname, '../../node_modules/.cache/bench/ocpp-ws-io');
const FETCH_MS = 60_000;
/** Of what npm says: its code and the address, without the stack. */
const REASON_LINES = 5;

const LOGGER = `const nothing = () => undefined;
const logger = {
  child: () => logger,
  ...Object.fromEntries(['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => [level, nothing])),
};
export const createLogger = () => logger;
export const consoleTransport = () => ({ name: 'none', write: nothing });
export const prettyTransport = consoleTransport;
`;

/** What its adapter sends: presence of stations, its stream, and calls between processes. Its scripts call GET and DEL. */
const SENT = ['set', 'mget', 'eval', 'xread', 'xadd', 'expire', 'publish'];

export interface PeerSize {
  readonly processes: number;
  readonly fsync: Fsync;
}

/** @throws Unavailable when the package cannot be fetched */
export async function serveOcppWsIo({ processes, fsync }: PeerSize): Promise<Served> {
  const folder = await fetched().catch((error: Error) => {
    const reason = error.message.split('\n').slice(0, REASON_LINES).join('; ');
    throw new Unavailable(`npm ocpp-ws-io@${VERSION} cannot be fetched: ${reason}`);
  });
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis({ args: FSYNC_ARGS(fsync) }));
  const env = { PACKAGE: folder, REDIS_PORT: String(redis.port) };
  const peers: Served[] = [];
  for (let i = 0; i < processes; i++) peers.push(stack.use(await servePeer('ocpp-ws-io', env)));
  const held = stack.move();
  return {
    endpoints: peers.flatMap(({ endpoints }) => endpoints),
    parts: {
      'ocpp-ws-io': peers.flatMap(({ parts }) => Object.values(parts).flat()),
      redis: [redis.pid],
    },
    redis,
    sent: (before, after) => callsOf(SENT, after) - callsOf(SENT, before),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** @returns its folder */
async function fetched(): Promise<string> {
  if (await isThere()) return FOLDER;
  await mkdir(dirname(FOLDER), { recursive: true });
  const work = await mkdtemp(`${FOLDER}-`);
  try {
    const spec = `ocpp-ws-io@${VERSION}`;
    const args = ['pack', spec, '--pack-destination', work, '--fetch-retries=1', '--loglevel=error'];
    await run('npm', args, { timeout: FETCH_MS });
    const [name = ''] = await readdir(work);
    const file = join(work, name);
    const found = `sha512-${createHash('sha512')
      .update(await readFile(file))
      .digest('base64')}`;
    if (found !== INTEGRITY) throw new Error(`its integrity is ${found}, not ${INTEGRITY}`);
    await run('tar', ['-xzf', file, '-C', work]);
    await writeLogger(join(work, 'package/node_modules/voltlog-io'));
    // Complete or not there at all, however this program ends.
    await rm(FOLDER, { recursive: true, force: true });
    await rename(join(work, 'package'), FOLDER);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return FOLDER;
}

async function isThere(): Promise<boolean> {
  const text = await readFile(join(FOLDER, 'package.json'), 'utf8').catch(() => undefined);
  return text !== undefined && (JSON.parse(text) as { readonly version?: string }).version === VERSION;
}

async function writeLogger(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const description = { name: 'voltlog-io', version: '0.0.0', type: 'module', exports: './silent.js' };
  await writeFile(join(folder, 'package.json'), JSON.stringify(description));
  await writeFile(join(folder, 'silent.js'), LOGGER);
}
