/** A Python with packages from PyPI, kept in a cache folder; for stations of independent making. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/python');
const INSTALL_TIMEOUT = 180_000;

export type Python = { readonly path: string } | { readonly missing: string };

/** Makes a virtual environment with these packages, or says why there is none. */
export async function pythonWith(packages: readonly string[]): Promise<Python> {
  const home = join(CACHE, packages.join('_'));
  const path = join(home, 'bin', 'python');
  const complete = join(home, 'complete');
  if (existsSync(complete)) return { path };
  try {
    // What an interrupted installation left is not worth repairing.
    await rm(home, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', home]);
    await run(path, ['-m', 'pip', 'install', '--quiet', ...packages], { timeout: INSTALL_TIMEOUT });
    await writeFile(complete, '');
    return { path };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { missing: `no Python with ${packages.join(' and ')} here: ${reason.trim()}` };
  }
}
