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
    process.stderr.write(`${line?.replace(/\.$/, '')}. See --help\n`);
    return process.exit(2);
  }
}
