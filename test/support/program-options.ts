/** The command lines of the programs in test/: `--help` prints the text, a wrong option is one line and status 2. */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

/** Ends the process for --help and for a wrong option. */
export function programOptions<const T extends ParseArgsOptionsConfig>(help: string, options: T) {
  if (process.argv.slice(2).some((text) => text === '--help' || text === '-h')) {
    process.stdout.write(`${help}\n`);
    process.exit(0);
  }
  try {
    return parseArgs({ options }).values;
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
    return wrongOption(line?.replace(/\.$/, '') ?? '');
  }
}

/** Ends the process when an option is not a whole number from 1. */
export function positiveOption(name: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) wrongOption(`--${name} needs a whole number from 1, not "${text}"`);
  return Number(text);
}

/** Ends the process when an option is none of the known values. */
export function knownOption(name: string, value: string, known: readonly string[]): void {
  if (!known.includes(value))
    wrongOption(`--${name} is not known: "${value}"; known are ${known.join(', ')}`);
}

/** Ends the process with one line. */
export function wrongOption(message: string): never {
  process.stderr.write(`${message}. See --help\n`);
  process.exit(2);
}
