/**
 * A program of this project as a child process, as an operator would start it: by environment only,
 * ready when its /readyz says so. Ports are free ones of the loopback interface.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENV, PATH } from '../../services/contract.ts';
import { CHILD_ENVIRONMENT } from './child-environment.ts';
import { endWithUs } from './children.ts';
import { freePort } from './free-port.ts';

const ROOT = join(import.meta.dirname, '../..');
const SOURCES = {
  'ws-proxy': 'services/ws-proxy/main.ts',
  processor: 'services/processor/main.ts',
  api: 'services/api/main.ts',
  monolith: 'services/monolith.ts',
  operator: 'operator/main.ts',
  'bill-sink': 'services/bill-sink/main.ts',
} as const;
export type ProgramName = keyof typeof SOURCES;

/** How long a program may take to get ready on a busy machine, and to end after SIGTERM; ms. */
const READY_TIMEOUT = 60_000;
const STOP_TIMEOUT = 30_000;
/** Characters of output that are kept for the message of a failure. */
const MAX_LOG = 256 * 1024;

/** Environment as text values; undefined removes a variable. */
export type Environment = Readonly<Record<string, string | undefined>>;

export class Program implements AsyncDisposable {
  readonly name: ProgramName;
  readonly adminPort: number;
  /** Of programs that stations connect to. */
  readonly stationPort: number;
  readonly #child: ChildProcess;
  #log = '';

  constructor(
    name: ProgramName,
    env: Environment,
    ports: { admin: number; station: number },
    nodeArgs: readonly string[] = [],
    entry: string = join(ROOT, SOURCES[name]),
  ) {
    this.name = name;
    this.adminPort = ports.admin;
    this.stationPort = ports.station;
    this.#child = endWithUs(
      spawn(process.execPath, [...nodeArgs, entry], {
        cwd: ROOT,
        env: {
          ...CHILD_ENVIRONMENT,
          [ENV.podName]: `${name}-${ports.admin}`,
          [ENV.podIp]: '127.0.0.1',
          [ENV.adminPort]: String(ports.admin),
          [ENV.stationPort]: String(ports.station),
          // A program has one of both.
          [ENV.apiPort]: String(ports.station),
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    const note = (text: string) => (this.#log = `${this.#log}${text}`.slice(-MAX_LOG));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', note);
    }
    // Without a listener a failed spawn would end the whole test run instead of one test.
    this.#child.on('error', (error) => note(`${name} did not start: ${error.message}\n`));
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} did not start: ${this.#log}`);
    return this.#child.pid;
  }

  /** What it wrote to its standard output and error, the newest part. */
  get log(): string {
    return this.#log;
  }

  /** Where stations connect: `ws://127.0.0.1:<port>/ocpp`. */
  get url(): string {
    return `ws://127.0.0.1:${this.stationPort}${PATH.stations}`;
  }

  /** Of the HTTP API: `http://127.0.0.1:<port>`. */
  get apiUrl(): string {
    return `http://127.0.0.1:${this.stationPort}`;
  }

  get ended(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid === undefined || exitCode !== null || signalCode !== null;
  }

  /** Status and text of a path of the admin port; status 0 when nothing listens there. */
  async ask(path: string): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.adminPort}${path}`, {
        signal: AbortSignal.timeout(5_000),
      });
      return { status: response.status, text: await response.text() };
    } catch {
      return { status: 0, text: '' };
    }
  }

  /** @throws Error with its output when it ends before it is ready, or takes too long */
  async waitReady(timeoutMs: number = READY_TIMEOUT): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const { status, text } = await this.ask(PATH.readiness);
      if (status === 200) return;
      if (this.ended) throw new Error(`${this.name} ended before it was ready:\n${this.#log}`);
      if (Date.now() > deadline) {
        throw new Error(`${this.name} is not ready (${status} ${text.trim()}):\n${this.#log}`);
      }
      await sleep(50);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends the signal and resolves to the exit status (null if a signal ended it) when it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.ended) {
      const gone = once(this.#child, 'exit');
      this.#child.kill(signal);
      await gone;
    }
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ended) return;
    // A stopped process does not see SIGTERM before it goes on.
    this.#child.kill('SIGCONT');
    const last = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT);
    await this.kill('SIGTERM');
    clearTimeout(last);
  }
}

/** Starts a program and waits until it is ready. @param nodeArgs options of node itself */
export async function startProgram(
  name: ProgramName,
  env: Environment,
  nodeArgs: readonly string[] = [],
  root: string = ROOT,
): Promise<Program> {
  const ports = { admin: await freePort(), station: await freePort() };
  const program = new Program(name, env, ports, nodeArgs, join(root, SOURCES[name]));
  try {
    await program.waitReady();
    return program;
  } catch (error) {
    await program.kill('SIGKILL');
    throw error;
  }
}
