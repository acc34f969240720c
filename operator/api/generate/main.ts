/**
 * `npm run generate`: writes what is made from crds/ocppclusters.yaml. With `--check` it writes nothing, and fails when a
 * file differs.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generatedFiles } from './files.ts';

const ROOT = join(import.meta.dirname, '../../..');

const read = (file: string) => {
  try {
    return readFileSync(join(ROOT, file), 'utf8');
  } catch {
    return undefined;
  }
};

const USAGE = `npm run generate [-- --check]

Writes the types of the resource, the chart's copy of the definition and docs/reference.md from crds/ocppclusters.yaml.
With --check it writes nothing, and fails when a file differs.
`;

function readOptions() {
  try {
    return parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
      .values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)} See --help.\n`);
    return process.exit(2);
  }
}

const options = readOptions();
if (options.help === true) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const stale = Object.entries(generatedFiles()).filter(([file, text]) => read(file) !== text);
if (options.check === true) {
  for (const [file] of stale)
    process.stderr.write(`${file} differs from crds/ocppclusters.yaml: npm run generate\n`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [file, text] of stale) {
    writeFileSync(join(ROOT, file), text);
    process.stdout.write(`${file}\n`);
  }
}
