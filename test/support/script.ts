/** A program that a test starts by its file, and its output. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { CHILD_ENVIRONMENT } from './child-environment.ts';
import { endWithUs } from './children.ts';
import { until } from './until.ts';

export class Script implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  output = '';

  constructor(
    cwd: string,
    file: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ) {
    this.#child = endWithUs(
      spawn(process.execPath, [file, ...args], {
        cwd,
        env: { ...CHILD_ENVIRONMENT, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    this.#gone = once(this.#child, 'exit');
    const note = (chunk: Buffer) => (this.output += chunk.toString());
    this.#child.stdout?.on('data', note);
    this.#child.stderr?.on('data', note);
  }

  /** Resolves when all of these are in its output. */
  async says(...wanted: readonly RegExp[]): Promise<void> {
    const missing = () => wanted.filter((one) => !one.test(this.output));
    await until(() => missing().length === 0, `${wanted.join(', ')} in its output`).catch((error: Error) => {
      throw new Error(`${error.message}:\n${this.output}`);
    });
  }

  /** Its exit status, after a signal if one is given. */
  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (signal !== undefined) this.#child.kill(signal);
    await this.#gone;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }
}
