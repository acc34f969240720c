/** ocppctl as a child process, as at a terminal or in a script. */
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHILD_ENVIRONMENT } from '../support/child-environment.ts';
import { endWithUs } from '../support/children.ts';
import { until } from '../support/until.ts';

const PROGRAM = join(import.meta.dirname, '../../services/ocppctl/main.ts');

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Terminal {
  /** Runs it to its end. */
  run(args: readonly string[], how?: How): Promise<Result>;
  /** Runs it and leaves it running. */
  start(args: readonly string[], how?: How): Running;
  /** Of the configuration. */
  readonly home: string;
}

interface How {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Another name of the program. */
  readonly program?: string;
}

export interface Running {
  readonly said: { readonly stdout: string; readonly stderr: string };
  /** Resolves when standard output, or error, has it. */
  says(wanted: RegExp): Promise<void>;
  end(signal?: NodeJS.Signals): Promise<Result>;
}

export function terminal(env: Readonly<Record<string, string>> = {}): Terminal {
  const home = mkdtempSync(join(tmpdir(), 'ocppctl-'));
  const start = (
    args: readonly string[],
    { input = '', env: more = {}, program = PROGRAM }: How = {},
  ): Running => {
    const child = endWithUs(
      spawn(process.execPath, [program, ...args], {
        env: { ...CHILD_ENVIRONMENT, HOME: home, XDG_CONFIG_HOME: home, ...env, ...more },
        stdio: ['pipe', 'pipe', 'pipe'],
      }),
    );
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (data: Buffer) => (said.stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (said.stderr += data.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    return {
      said,
      says: async (wanted) => {
        const text = () => `${said.stdout}${said.stderr}`;
        await until(() => wanted.test(text()), `${wanted} in its output`).catch((error: Error) => {
          throw new Error(`${error.message}\n${text()}`);
        });
      },
      async end(signal) {
        if (signal !== undefined) child.kill(signal);
        return { status: await ended, ...said };
      },
    };
  };
  return { home, start, run: (args, how) => start(args, how).end() };
}
