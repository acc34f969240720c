/** Whether this machine has a redis-server that will do. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findProgram } from '../programs.ts';

/** Scripts declare flags, which came with 7.0. */
const OLDEST = 7;

/** Undefined: all is well. Otherwise what is wrong and what to do. */
export function redisProblem(path: string): string | undefined {
  const file = findProgram('redis-server', path);
  const version = file === undefined ? undefined : versionOf(file);
  if (version !== undefined && version >= OLDEST) return undefined;
  const what =
    file === undefined
      ? 'redis-server is not installed'
      : `${file} is version ${version ?? 'unknown'}, and ${OLDEST} or newer is needed`;
  return `${what}. To have it: ${installCommand()}`;
}

function versionOf(file: string): number | undefined {
  const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: 5000 });
  const major = /v=(\d+)\./.exec(stdout ?? '')?.[1];
  return major === undefined ? undefined : Number(major);
}

/** setup.mjs knows, and can be asked before anything is installed. */
function installCommand(): string {
  const setup = join(import.meta.dirname, 'setup.mjs');
  return spawnSync(process.execPath, [setup, '--redis-command'], { encoding: 'utf8' }).stdout.trim();
}
