/** The programs of the image in a folder of their own, perhaps with a fault built in. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MUTANTS } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface Bundle extends AsyncDisposable {
  readonly folder: string;
}

/** @param mutant a name of MUTANTS */
export async function bundle(mutant?: string): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), 'chaos-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await promisify(execFile)(process.execPath, ['build.ts', 'chaos', folder], { cwd: ROOT });
    if (mutant !== undefined) await spoil(folder, mutant);
  } catch (error) {
    await remove();
    throw error;
  }
  return { folder, [Symbol.asyncDispose]: remove };
}

async function spoil(folder: string, name: string): Promise<void> {
  const mutant = MUTANTS[name];
  if (mutant === undefined)
    throw new Error(`no mutant ${name}; there are ${Object.keys(MUTANTS).join(', ')}`);
  for (const { file, from, to } of mutant.changes) {
    const path = join(folder, file);
    const text = await readFile(path, 'utf8');
    if (text.split(from).length !== 2)
      throw new Error(`mutant ${name}: not exactly one "${from}" in ${file}`);
    await writeFile(
      path,
      text.replace(from, () => to),
    );
  }
}
