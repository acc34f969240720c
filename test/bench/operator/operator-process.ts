/** The operator as it is shipped: the bundle in a process of its own, with a user of the API server as its only right. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENV, PATH, PROGRAM } from '../../../services/contract.ts';
import { endWithUs } from '../../support/children.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';
import { cpuSeconds, residentBytes } from '../process-use.ts';
import type { Reading } from './monitor.ts';

export interface OperatorOptions {
  /** Folder of the bundles. */
  readonly bundles: string;
  readonly kubeconfig: string;
  /** Folder for V8's CPU profile, written when it ends. */
  readonly profiles?: string | undefined;
}

/** As the image; and what V8 takes for its limit in a container of 512Mi, the chart's: half of it. */
const NODE_OPTIONS = '--enable-source-maps --max-old-space-size=256';
const PEAK_EVERY_MS = 50;
const ALIVE_MS = 60_000;

export class OperatorProcess implements AsyncDisposable {
  /** ms since 1970 */
  readonly startedAt = Date.now();
  readonly #child: ChildProcess;
  readonly #adminPort: number;
  readonly #watching: NodeJS.Timeout;
  #peak = 0;
  #log = '';

  static async start(options: OperatorOptions): Promise<OperatorProcess> {
    return new OperatorProcess(options, await freePort());
  }

  private constructor({ bundles, kubeconfig, profiles }: OperatorOptions, adminPort: number) {
    this.#adminPort = adminPort;
    const args = [
      '--import',
      join(import.meta.dirname, 'monitor.ts'),
      ...(profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]),
      join(bundles, PROGRAM.operator),
    ];
    const env = {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      NODE_OPTIONS,
      KUBECONFIG: kubeconfig,
      [ENV.podName]: `operator-${adminPort}`,
      [ENV.podIp]: '127.0.0.1',
      [ENV.adminPort]: String(adminPort),
    };
    const stdio: ('ignore' | 'pipe' | 'ipc')[] = ['ignore', 'pipe', 'pipe', 'ipc'];
    this.#child = endWithUs(spawn(process.execPath, args, { env, stdio }));
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream
        ?.setEncoding('utf8')
        .on('data', (text: string) => (this.#log = `${this.#log}${text}`.slice(-65536)));
    }
    this.#watching = setInterval(() => (this.#peak = Math.max(this.#peak, this.rss())), PEAK_EVERY_MS);
    this.#watching.unref();
  }

  /** Lines of its log that are worth a look. */
  get warnings(): readonly string[] {
    return this.#log.split('\n').filter((line) => line !== '' && !line.includes('"level":"info"'));
  }

  cpu(): number {
    return cpuSeconds(this.#pid);
  }

  /** Bytes; 0 when it has ended. */
  rss(): number {
    return this.#ended ? 0 : residentBytes(this.#pid);
  }

  /** Most since the last call, bytes. */
  takePeak(): number {
    const peak = Math.max(this.#peak, this.rss());
    this.#peak = 0;
    return peak;
  }

  async read(): Promise<Reading> {
    const answer = once(this.#child, 'message');
    this.#child.send('read');
    const [reading] = (await answer) as [Reading];
    return reading;
  }

  /** Resolves when the admin port says that it lives. @returns ms since 1970 */
  async alive(): Promise<number> {
    for (;;) {
      try {
        const { ok } = await fetch(`http://127.0.0.1:${this.#adminPort}${PATH.liveness}`);
        if (ok) return Date.now();
      } catch {
        // The port is not open yet.
      }
      if (this.#ended || Date.now() - this.startedAt > ALIVE_MS) {
        throw new Error(`the operator did not start:\n${this.#log}`);
      }
      await sleep(5);
    }
  }

  /** Resolves when it has looked at so many clusters: its metrics tell of each. */
  async allLookedAt(count: number): Promise<void> {
    const shown = async () => {
      const response = await fetch(`http://127.0.0.1:${this.#adminPort}${PATH.metrics}`).catch(
        () => undefined,
      );
      const lines = (await response?.text())?.split('\n') ?? [];
      return lines.filter((line) => /_cluster_condition\{.*condition="Available"/.test(line)).length;
    };
    await until(async () => (await shown()) >= count, `the operator to look at ${count} clusters`, ALIVE_MS);
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    clearInterval(this.#watching);
    if (this.#ended) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill(signal);
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const last = setTimeout(() => this.#child.kill('SIGKILL'), 20_000);
    await this.kill('SIGTERM');
    clearTimeout(last);
  }

  get #pid(): number {
    if (this.#child.pid === undefined) throw new Error('the operator could not be started');
    return this.#child.pid;
  }

  get #ended(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid === undefined || exitCode !== null || signalCode !== null;
  }
}
