/** Whether this machine has a redis-server that is new enough. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findProgram } from '../programs.ts';

/** Scripts declare flags, which 7.0 introduced. */
const OLDEST = 7;

/** What is wrong with the redis-server of this machine and what to do; undefined: nothing. */
export function redisProblem(path: string): string | undefined {
  const file = findProgram('redis-server', path);
  const version = file === undefined ? undefined : versionOf(file);
  if (version !== undefined && version >= OLDEST) return undefined;
  const what =
    file === undefined
      ? 'redis-server is not installed'
      : `${file} is version ${version ?? 'unknown'}, and ${OLDEST} or newer is needed`;
  return `${what}. Install it: ${installCommand()}`;
}

function versionOf(file: string): number | undefined {
  const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: 5000 });
  const major = /v=(\d+)\./.exec(stdout ?? '')?.[1];
  return major === undefined ? undefined : Number(major);
}

/** From setup.mjs, which runs before anything is installed. */
function installCommand(): string {
  const setup = join(import.meta.dirname, 'setup.mjs');
  return spawnSync(process.execPath, [setup, '--redis-command'], { encoding: 'utf8' }).stdout.trim();
}
