/**
 * Cases of the corpus through `npm start`: the operator, its rendered Pods as processes, and the Redis that comes with
 * them. What is stored is read from that Redis, which the printed command to add a token gives access to.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import test from 'ava';
import { systemClock } from '../../services/runtime/clock.ts';
import { Keys } from '../../services/transport/redis/keys.ts';
import { endWithUs } from '../support/children.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { loadCases } from './cases.ts';
import { differencesOf } from './run.ts';
import { redisStore, type World } from './world.ts';

const ROOT = join(import.meta.dirname, '../..');
/** Unlisted tokens are rejected here: otherwise nothing says where the Redis is. */
const TOKENS = ['TAG-1', 'TAG-2', '12345678'];

const manifest = (port: number) => `
apiVersion: ocpp.dev/v1alpha1
kind: OcppCluster
metadata: { name: field, namespace: test }
spec:
  listeners: [{ name: stations, port: ${port}, path: /ocpp }]
  proxy: { replicas: 1 }
  processor: { unknownTokens: Reject, autoscaling: { minReplicas: 1, maxReplicas: 1 } }
`;

async function start(): Promise<World> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'field-start-'));
  const file = join(folder, 'cluster.yaml');
  await writeFile(file, manifest(port));
  const child = endWithUs(
    spawn(process.execPath, [join(ROOT, 'operator/local/cli/main.ts'), '-f', file], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const output = outputOf(child);
  await until(() => /is ready after/.test(output()) && COMMAND.test(output()), 'a ready cluster', 90_000);
  const redis = await redisOf(output());
  const store = redisStore(redis, new Keys('ocpp'));
  for (const token of TOKENS) await store.setField('tokens', token, '{"status":"Accepted"}');
  const impossible = () => {
    throw new Error('a case with this step cannot run through npm start');
  };
  return {
    address: `127.0.0.1:${port}`,
    store,
    transport: undefined,
    log: [],
    clock: systemClock,
    advance: impossible,
    sweep: impossible,
    async [Symbol.asyncDispose]() {
      redis.disconnect();
      child.kill('SIGTERM');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

function outputOf({ stdout, stderr }: ChildProcess): () => string {
  let output = '';
  for (const stream of [stdout, stderr]) stream?.on('data', (data: Buffer) => (output += String(data)));
  return () => output;
}

const COMMAND = /REDISCLI_AUTH="\$\(cat (\S+)\)" redis-cli -h (\S+)(?: -p (\d+))? HSET/;

async function redisOf(output: string): Promise<Redis> {
  const [, file = '', host = '', port = '6379'] = COMMAND.exec(output) ?? [];
  return new Redis({ host, port: Number(port), password: (await readFile(file, 'utf8')).trim() });
}

let world: Promise<World> | undefined;

test.after.always(async () => {
  await (await world)?.[Symbol.asyncDispose]();
});

const onLinux = process.platform === 'linux' ? test : test.skip;

for (const [number, found] of loadCases().entries()) {
  if (found.start !== true) continue;
  onLinux(`${found.kind}: ${found.name} (${found.protocol}, npm start)`, async (t) => {
    t.timeout(180_000);
    const differences = await differencesOf(found, 'Tolerant', await (world ??= start()), `CP-${number}`);
    if (differences.length > 0) t.fail(`${found.file}\n${differences.join('\n')}`);
    else t.pass();
  });
}
