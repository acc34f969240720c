/**
 * A child process in a process group of its own (Ctrl-C in the terminal reaches only us, and a signal
 * of ours reaches its children too), reported to the guard that ends it should we be killed.
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

/** Who ends our children when we cannot (guard.ts). */
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
      // What it left behind in its group goes with it; afterwards the number may be somebody else's.
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

/** Ends `child` with SIGTERM, and with SIGKILL what is left of it after `graceMs`. */
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
    // Nobody is left in the group (macOS says EPERM of a zombie): that is what was wanted.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

function eachLine(stream: Readable, onLine: (line: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) =>
    onLine(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line),
  );
}
