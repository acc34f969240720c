/**
 * `npm run generate`: writes what is made from crds/ocppclusters.yaml. With `--check` it writes nothing, and fails when a
 * file differs.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generatedFiles } from './files.ts';

const ROOT = join(import.meta.dirname, '../../..');

const read = (file: string) => {
  try {
    return readFileSync(join(ROOT, file), 'utf8');
  } catch {
    return undefined;
  }
};

const stale = Object.entries(generatedFiles()).filter(([file, text]) => read(file) !== text);
if (process.argv.includes('--check')) {
  for (const [file] of stale)
    process.stderr.write(`${file} differs from crds/ocppclusters.yaml: npm run generate\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [file, text] of stale) {
    writeFileSync(join(ROOT, file), text);
    process.stdout.write(`${file}\n`);
  }
}
