/**
 * A child process in its own process group: Ctrl-C in the terminal reaches only us, and our signals reach its children too.
 * The guard knows it and ends it if we are killed.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface Program {
  readonly file: string;
  readonly args: readonly string[];
}

export interface ProcessOptions extends Program {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly guard: Guarding;
  onLine(line: string, stream: 'stdout' | 'stderr'): void;
}

/** Ends our children when we cannot (guard.ts). */
export interface Guarding {
  add(pid: number): void;
  remove(pid: number): void;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started. */
  readonly error?: string;
}

export interface Child {
  readonly pid: number | undefined;
  /** Resolves once the process has ended and its output was read; never rejects. */
  readonly exited: Promise<Exit>;
  kill(signal: NodeJS.Signals): void;
}

const LONGEST_LINE = 16_384;

export function startProcess(options: ProcessOptions): Child {
  const child = spawn(options.file, options.args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  let ended = false;
  if (pid !== undefined) options.guard.add(pid);
  eachLine(child.stdout, (line) => options.onLine(line, 'stdout'));
  eachLine(child.stderr, (line) => options.onLine(line, 'stderr'));
  const exited = new Promise<Exit>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error: error.message }));
    // 'exit' and not 'close': a grandchild may hold the pipes open.
    child.once('exit', (code, signal) => {
      // Ends the rest of its group; later the number may belong to another process.
      killGroup(pid, 'SIGKILL');
      ended = true;
      if (pid !== undefined) options.guard.remove(pid);
      setImmediate(resolve, { code, signal });
    });
  });
  return {
    pid,
    exited,
    kill(signal) {
      if (!ended) killGroup(pid, signal);
    },
  };
}

/** Sends SIGTERM to `child`, and SIGKILL after `graceMs`. */
export async function endProcess(child: Child, graceMs: number): Promise<Exit> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  const exit = await child.exited;
  clearTimeout(timer);
  return exit;
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    // The group is empty (macOS says EPERM for a zombie).
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

function eachLine(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) =>
    onLine(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line),
  );
}
