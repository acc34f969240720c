/** The command line and the environment of `npm start`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ENV } from '../../../services/contract.ts';
import { loadConfig } from '../../../services/runtime/config.ts';
import { LOG_LEVELS } from '../../../services/runtime/log.ts';

export const EXAMPLE = join('examples', 'city.yaml');

const HELP = `Runs an OcppCluster on this machine, without Kubernetes.

  npm start -- [-f manifest.yaml]

  -f, --filename FILE   the manifest, as for kubectl apply (${EXAMPLE}); a change of it is applied
  -h, --help            this text

The environment: LOG_LEVEL (${LOG_LEVELS.join(', ')}) for the programs' log files.
It needs redis-server 7 or newer on the PATH; without it, one process without Redis serves the stations.
`;

export interface Options {
  readonly file: string;
  readonly path: string;
  readonly logLevel: string;
}

/** Ends the process after --help, and for a mistake on the command line. */
export function readOptions(argv: readonly string[]): Options {
  const values = parsed(argv);
  if (values.help === true) {
    process.stdout.write(HELP);
    process.exit(0);
  }
  const { path, logLevel } = loadConfig(
    'npm start',
    {
      path: { doc: 'Where programs are.', format: String, default: '/usr/bin:/bin', env: 'PATH' },
      logLevel: { doc: 'Of the programs.', format: [...LOG_LEVELS], default: 'info', env: ENV.logLevel },
    },
    undefined,
    [],
  );
  return { file: values.filename ?? EXAMPLE, path, logLevel };
}

function parsed(argv: readonly string[]): { readonly filename?: string; readonly help?: boolean } {
  const options = {
    filename: { type: 'string', short: 'f' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return process.exit(2);
  }
}
