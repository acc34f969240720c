/** A Python with packages from PyPI, kept in a cache folder; for stations of independent making. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/python');
const INSTALL_TIMEOUT = 180_000;

export type Python = { readonly path: string } | { readonly missing: string };

/** Makes a virtual environment with these packages, or says why there is none. Test files may do so at the same time. */
export async function pythonWith(packages: readonly string[]): Promise<Python> {
  const home = join(CACHE, packages.join('_'));
  const path = join(home, 'bin', 'python');
  if (existsSync(path)) return { path };
  const own = `${home}.${process.pid}`;
  try {
    await run('python3', ['-m', 'venv', own]);
    const install = ['-m', 'pip', 'install', '--quiet', ...packages];
    await run(join(own, 'bin', 'python'), install, { timeout: INSTALL_TIMEOUT });
    // Complete when it has its name; the first one stays.
    await rename(own, home).catch(() => undefined);
    return existsSync(path) ? { path } : { missing: `${home} cannot be made` };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { missing: `no Python with ${packages.join(' and ')} here: ${reason.trim()}` };
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
