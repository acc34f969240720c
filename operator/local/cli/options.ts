/** The command line and the environment of `npm start`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { DEFAULT, ENV } from '../../../services/contract.ts';
import { loadConfig } from '../../../services/runtime/config.ts';
import { LOG_LEVELS, type LogLevel } from '../../../services/runtime/log.ts';

export const EXAMPLE = join('examples', 'city.yaml');

const HELP = `Runs an OcppCluster on this machine, without Kubernetes.

  npm start -- [options]

  -f, --filename FILE   the manifest, as for kubectl apply (${EXAMPLE}); every change of the file is applied
  --data FOLDER         keep the data of Redis there for the next run; without it, data ends with the run
  --json                one JSON object per change on standard output, everything else on standard error
  -h, --help            this text

Environment: LOG_LEVEL (${LOG_LEVELS.join(', ')}) of programs whose logLevel the manifest omits; NO_COLOR.
Needs redis-server 7 or newer on the PATH; without it, one process without Redis serves the stations.
`;

export interface Options {
  readonly file: string;
  readonly data: string | undefined;
  readonly json: boolean;
  readonly path: string;
  readonly logLevel: LogLevel;
  /** Of the terminal: what it can do. */
  readonly term: string;
  readonly colour: boolean;
}

/** Wrong options. The message is for the user, and one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Ends the process after --help.
 * @throws UsageError
 * @throws ConfigError
 */
export function readOptions(argv: readonly string[]): Options {
  const values = parsed(argv);
  if (values.help === true) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const { path, logLevel, term, noColor } = loadConfig(
    'npm start',
    {
      path: { doc: 'Where programs are.', format: String, default: '/usr/bin:/bin', env: 'PATH' },
      logLevel: {
        doc: 'Of the programs.',
        format: [...LOG_LEVELS],
        default: DEFAULT.logLevel,
        env: ENV.logLevel,
      },
      term: { doc: 'The kind of terminal.', format: String, default: '', env: 'TERM' },
      noColor: { doc: 'Not empty: no colours.', format: String, default: '', env: 'NO_COLOR' },
    },
    undefined,
    [],
  );
  const { filename: file = EXAMPLE, data, json = false } = values;
  return { file, data, json, path, logLevel, term, colour: noColor === '' };
}

function parsed(argv: readonly string[]) {
  const options = {
    filename: { type: 'string', short: 'f' },
    data: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new UsageError(`${line?.replace(/\.$/, '')}. See npm start -- --help`);
  }
}
