/** What is measured: our programs and the peers, each a process of its own, as a person would start it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENV } from '../../services/contract.ts';
import { freePort } from '../support/free-port.ts';
import { endWithUs } from '../support/children.ts';
import { type Program, startProgram } from '../support/program.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { startBenchApi, startReads } from './api/reads.ts';
import { callsOf, type CommandUses } from './redis-commands.ts';

/** Redis' fsync policy; `no` means no file at all. */
export type Fsync = 'always' | 'everysec' | 'no';

export interface Served extends AsyncDisposable {
  readonly endpoints: readonly string[];
  /** Process ids by part. */
  readonly parts: Readonly<Record<string, readonly number[]>>;
  readonly redis?: RedisServer;
  /** Commands that its clients sent between two looks; left out: those of our programs. */
  readonly sent?: (before: CommandUses, after: CommandUses) => number;
  /** Other work for the same Redis, while this is measured. */
  readonly beside?: () => AsyncDisposable;
}

/** A contender that this machine cannot start: the others are measured without it. */
export class Unavailable extends Error {}

export interface ClusterSize {
  readonly proxies: number;
  readonly processors: number;
  readonly fsync: Fsync;
  /** Folder for V8's CPU profiles of proxies and processors, written when they end. */
  readonly profiles?: string | undefined;
  /** Another checkout whose programs are measured instead of those here. */
  readonly root?: string | undefined;
}

export const FSYNC_ARGS = (policy: Fsync) =>
  policy === 'no' ? [] : ['--appendonly', 'yes', '--appendfsync', policy];
/** As the operator and `npm run ws-proxy` start a proxy. */
export const PROXY_ARGS = ['--max-semi-space-size=8'];
const PEER_READY_MS = 20_000;
export const ENVIRONMENT = {
  [ENV.logLevel]: 'warn',
  [ENV.connectRate]: '5000',
  [ENV.maxSessions]: '30000',
  // The stations of the bench charge with tokens that are in no list.
  [ENV.unknownTokens]: 'Accept',
  [ENV.drainPropagation]: '0s',
  [ENV.drainRate]: '10000',
};

export async function serveCluster(size: ClusterSize): Promise<Served> {
  const { proxies, processors, fsync, profiles, root } = size;
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis({ args: FSYNC_ARGS(fsync) }));
  const profile = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
  const start = async (name: 'ws-proxy' | 'processor', args: readonly string[], count: number) => {
    const started: Program[] = [];
    for (let i = 0; i < count; i++) {
      const env = { ...ENVIRONMENT, [ENV.redisAddr]: redis.addr };
      started.push(stack.use(await startProgram(name, env, [...args, ...profile], root)));
    }
    return started;
  };
  const processor = await start('processor', [], processors);
  const proxy = await start('ws-proxy', PROXY_ARGS, proxies);
  const parts = {
    proxy: proxy.map(({ pid }) => pid),
    processor: processor.map(({ pid }) => pid),
    redis: [redis.pid],
  };
  const held = stack.move();
  const endpoints = proxy.map(({ url }) => `${url}/`);
  return { endpoints, parts, redis, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** A cluster with an API program, which serves reads of one station each while the cluster is measured. Its own CPU does not count. */
export async function serveClusterWithApi(size: ClusterSize, readsPerSecond: number): Promise<Served> {
  await using stack = new AsyncDisposableStack();
  const served = stack.use(await serveCluster(size));
  const api = stack.use(await startBenchApi({ ...ENVIRONMENT, [ENV.redisAddr]: served.redis?.addr ?? '' }));
  const held = stack.move();
  return {
    ...served,
    beside: () => startReads(api, readsPerSecond),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** @param root another checkout whose monolith is measured */
export async function serveMonolith(root?: string): Promise<Served> {
  const program = await startProgram('monolith', ENVIRONMENT, [], root);
  return {
    endpoints: [`${program.url}/`],
    parts: { monolith: [program.pid] },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/**
 * What the way through Redis and back costs by itself: two programs without OCPP, which lose what they hold when they die.
 * @param stores each message also reads a record and writes to it
 */
export async function serveBareHops(fsync: Fsync, stores: boolean): Promise<Served> {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis({ args: FSYNC_ARGS(fsync) }));
  const env = { REDIS_PORT: String(redis.port), ...(stores && { STORE: '1' }) };
  const processor = stack.use(await servePeer('bare-processor', env));
  const proxy = stack.use(await servePeer('bare-proxy', env, PROXY_ARGS));
  const held = stack.move();
  return {
    endpoints: proxy.endpoints,
    parts: {
      proxy: Object.values(proxy.parts).flat(),
      processor: Object.values(processor.parts).flat(),
      redis: [redis.pid],
    },
    redis,
    sent: (before, after) => callsOf(BARE_COMMANDS, after) - callsOf(BARE_COMMANDS, before),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

const BARE_COMMANDS = ['lpush', 'blmpop', 'hmget', 'hset', 'multi', 'exec'];

export type Peer = 'ocpp-rpc' | 'ocpp-ws-io' | 'ws-echo' | 'bare-door' | 'bare-proxy' | 'bare-processor';

/** @param nodeArgs options of node itself */
export async function servePeer(
  peer: Peer,
  env: Readonly<Record<string, string>> = {},
  nodeArgs: readonly string[] = [],
): Promise<Served> {
  const port = await freePort();
  const child = endWithUs(
    spawn(process.execPath, [...nodeArgs, join(import.meta.dirname, `peers/${peer}.ts`)], {
      env: { PATH: process.env['PATH'], PORT: String(port), ...env },
      stdio: ['ignore', 'ignore', 'inherit'],
    }),
  );
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  try {
    await listening(port);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    endpoints: [`ws://127.0.0.1:${port}/`],
    parts: { [peer]: [child.pid ?? 0] },
    [Symbol.asyncDispose]: end,
  };
}

async function listening(port: number): Promise<void> {
  const end = Date.now() + PEER_READY_MS;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const open = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (open === true) return;
    if (Date.now() > end) throw new Error(`nothing listens on port ${port} after ${PEER_READY_MS} ms`);
    await sleep(50);
  }
}
