/** `npm run whatif -- --help` */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compare, shapesTable } from './comparison.ts';
import { SHAPES } from './shapes.ts';
import { SHAPES_PAGE, withTable } from './shapes-page.ts';

const HELP = `npm run whatif -- --shapes [--write]

  --shapes    simulates load shapes and prints a table: the operator's scaling beside HorizontalPodAutoscalers
  --write     writes the table into ${SHAPES_PAGE} instead
`;
const page = join(import.meta.dirname, '../..', SHAPES_PAGE);

function main(): void {
  const { values } = parseArgs({
    options: {
      shapes: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help || !values.shapes) {
    process.stdout.write(HELP);
    if (!values.help) process.exitCode = 2;
    return;
  }
  const table = shapesTable(SHAPES.map((shape) => compare(shape)));
  if (values.write) writeFileSync(page, withTable(readFileSync(page, 'utf8'), table));
  else process.stdout.write(`${table}\n`);
}

try {
  main();
} catch (error) {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  process.stderr.write(`whatif: ${line.replace(/\.$/, '')}. See --help\n`);
  process.exitCode = 2;
}
