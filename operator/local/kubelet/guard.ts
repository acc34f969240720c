/**
 * Ends the children if `npm start` is killed and cannot do it. A second process holds the other end of a pipe: the kernel
 * closes our end whatever kills us. The guard then ends the process groups it knows and removes the folder of the run.
 *
 * Run as a program, this file is that second process.
 */
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Guarding } from './process.ts';

const GRACE_MS = 5000;

export interface Guard extends Guarding, AsyncDisposable {
  /** Alive as long as any child. */
  readonly pid: number;
}

/** @param folder removed with its contents when the guard has to act */
export function startGuard(folder: string): Guard {
  const child = spawn(process.execPath, [import.meta.filename, folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  // A dead guard does not end the run.
  child.stdin.on('error', () => undefined);
  child.unref();
  return {
    pid: child.pid ?? process.pid,
    add: (pid) => void child.stdin.write(`+${pid}\n`),
    remove: (pid) => void child.stdin.write(`-${pid}\n`),
    async [Symbol.asyncDispose]() {
      child.ref();
      child.stdin.end('.\n');
      await gone;
    },
  };
}

async function guard(folder: string): Promise<void> {
  const groups = new Set<number>();
  let dismissed = false;
  for await (const line of createInterface({ input: process.stdin })) {
    const pid = Number(line.slice(1));
    if (line === '.') dismissed = true;
    else if (line.startsWith('+')) groups.add(pid);
    else groups.delete(pid);
  }
  if (dismissed) return;
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (const group of groups) signalGroup(group, signal);
    for (const end = Date.now() + GRACE_MS; Date.now() < end && [...groups].some(isAlive);) await delay(50);
  }
  await rm(folder, { recursive: true, force: true });
}

const isAlive = (group: number) => signalGroup(group, 0);

function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
  }
}

if (import.meta.main) {
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  await guard(process.argv[2] ?? '');
}
