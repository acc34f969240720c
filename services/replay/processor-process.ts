/** A processor of a replay: a command of the user, with the environment of the scratch Redis. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENV, PATH } from '../contract.ts';
import type { RedisSettings } from '../transport/redis/connection/settings.ts';

/** How long it may take to get ready, and to end; ms. */
const READY_MS = 60_000;
const END_MS = 10_000;

/** @throws Error if it ends, or is not ready in time, or before the signal @returns ends it */
export async function startProcessor(
  command: string,
  { addr, db, username, password }: RedisSettings,
  signal: AbortSignal,
): Promise<() => Promise<void>> {
  const port = await freePort();
  const variables = {
    [ENV.redisAddr]: addr,
    [ENV.redisDb]: String(db),
    ...(username !== undefined && { [ENV.redisUsername]: username }),
    ...(password !== undefined && { [ENV.redisPassword]: password }),
    [ENV.podName]: 'replay',
    [ENV.podIp]: '127.0.0.1',
    [ENV.adminPort]: String(port),
  };
  const exported = Object.entries(variables).map(
    ([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'`,
  );
  // With exec, the end of the child is the end of the processor, which writes to Redis while it stops.
  const script = [...exported, `exec ${command}`].join('\n');
  // A group of its own, so that what the command starts ends with it.
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', 'ignore', 'inherit'], detached: true });
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    process.kill(-child.pid, 'SIGTERM');
    const over = new AbortController();
    const ended = once(child, 'exit').then(() => over.abort());
    await Promise.race([ended, sleep(END_MS, undefined, { signal: over.signal }).catch(() => undefined)]);
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  for (let left = READY_MS; left > 0 && !signal.aborted; left -= 100) {
    if (child.exitCode !== null)
      throw new Error(`"${command}" ended with ${child.exitCode} before it was ready`);
    const answer = await fetch(`http://127.0.0.1:${port}${PATH.readiness}`).catch(() => undefined);
    await answer?.text();
    if (answer?.ok === true) return end;
    await sleep(100);
  }
  await end();
  signal.throwIfAborted();
  throw new Error(`"${command}" was not ready within ${READY_MS / 1000} s`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
