/** `npm run whatif -- --help` */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare, shapesTable } from './comparison.ts';
import { HELP, type Options, optionsOf, UsageError } from './options.ts';
import { pictureOf } from './picture.ts';
import { PolicyError, policyOf } from './policy.ts';
import { RECORD, recordingOf } from './recording.ts';
import { replay } from './replay.ts';
import { reportOf } from './report.ts';
import { RecordingError } from './series.ts';
import { SHAPES } from './shapes.ts';
import { SHAPES_PAGE, withTable } from './shapes-page.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);
const MOST_BYTES = 200e6;

function main(options: Options): void {
  if (options.kind === 'help') process.stdout.write(HELP);
  else if (options.kind === 'shapes') shapes(options.write);
  else replayed(options);
}

function shapes(write: boolean): void {
  const table = shapesTable(SHAPES.map((shape) => compare(shape)));
  const page = join(import.meta.dirname, '../..', SHAPES_PAGE);
  if (write) writeFileSync(page, withTable(readFileSync(page, 'utf8'), table));
  else say(table);
}

function replayed({ metrics, policy: file, svg, ...settings }: Options & { readonly kind: 'replay' }): void {
  const policy = named(file, () => policyOf(textOf(file)));
  const recording = named(metrics, () => recordingOf(textOf(metrics)));
  const result = replay(recording, policy, settings);
  if (svg !== undefined) writeFileSync(svg, pictureOf(recording, result));
  say(reportOf(recording, result));
}

function textOf(file: string): string {
  if (statSync(file).size > MOST_BYTES) {
    throw new RecordingError('is larger than 200 MB: record a shorter range, or with a longer step');
  }
  return readFileSync(file, 'utf8');
}

/** A mistake in a file names the file. */
function named<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new PolicyError(`${file}: there is no such file`);
    }
    if (error instanceof Error) error.message = `${file}: ${error.message}`;
    throw error;
  }
}

try {
  main(optionsOf(process.argv.slice(2)));
} catch (error) {
  const text = error instanceof Error ? error.message : String(error);
  const more = error instanceof RecordingError ? `\nThis records what is needed:\n\n${RECORD}` : '';
  process.stderr.write(`whatif: ${text}${error instanceof UsageError ? '. See --help' : more}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
