/** The command line of the stations program: its help, and the check that runs before it connects to Redis. */
import { parseArgs } from 'node:util';

export const USAGE = `node stations.js list [--label KEY=VALUE]   lists the register: identity, profile, credentials, labels
node stations.js show ID
node stations.js set ID [OPTIONS]     adds a station, or changes what the options name:
    --password-stdin                  reads its password from standard input
    --profile N                       least security profile, 0 to 3
    --serial HEX                      serial number of its client certificate, where no name in it is the identity
    --vendor NAME  --label KEY=VALUE  (again for further labels)
    --block | --unblock
node stations.js new-password ID      stores a random password and prints it: the only time that it can be read
node stations.js change-password ID   sends a random password to the connected station by OCPP; only the station learns it
    --replace-pending                 also while an earlier one is not used yet: a station that has it can no longer connect
node stations.js import               adds stations from standard input: lines of "ID PASSWORD", or "ID" alone
node stations.js remove ID
node stations.js reset-profile ID     forgets the highest security profile that the station has used (board swapped, factory reset)
node stations.js hash                 prints the entries for lines of "ID PASSWORD" as JSON, for a Secret; it needs no Redis
`;

const REPLACE = 'replace-pending';

const OPTIONS = {
  'password-stdin': { type: 'boolean' },
  profile: { type: 'string' },
  serial: { type: 'string' },
  vendor: { type: 'string' },
  label: { type: 'string', multiple: true },
  [REPLACE]: { type: 'boolean' },
  block: { type: 'boolean' },
  unblock: { type: 'boolean' },
} as const;

const COMMANDS: Readonly<Record<string, { readonly ids: 0 | 1; readonly options: readonly string[] }>> = {
  list: { ids: 0, options: ['label'] },
  show: { ids: 1, options: [] },
  set: { ids: 1, options: Object.keys(OPTIONS).filter((option) => option !== REPLACE) },
  'new-password': { ids: 1, options: [] },
  'change-password': { ids: 1, options: [REPLACE] },
  import: { ids: 0, options: [] },
  remove: { ids: 1, options: [] },
  'reset-profile': { ids: 1, options: [] },
  hash: { ids: 0, options: [] },
};

export interface StationsCommand {
  readonly name: string;
  readonly identity: string;
  readonly values: ReturnType<typeof parse>['values'];
}

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws UsageError in one line */
export function readCommand(args: readonly string[]): StationsCommand {
  const { positionals, values } = parse(args);
  const [name = '', ...ids] = positionals;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new UsageError(`unknown command "${name}"; see --help`);
  const foreign = Object.keys(values).find((option) => !command.options.includes(option));
  if (foreign !== undefined) throw new UsageError(`unknown option --${foreign} of "${name}"; see --help`);
  if (ids.length < command.ids) throw new UsageError(`"${name}" needs an ID; see --help`);
  if (ids.length > command.ids) throw new UsageError(`too many arguments after "${name}"; see --help`);
  if (values.block === true && values.unblock === true)
    throw new UsageError('--block and --unblock contradict each other');
  return { name, identity: ids[0] ?? '', values };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}; see --help`);
  }
}
