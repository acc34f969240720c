/** The command line of the dead-letters program: its help, and the check that runs before it connects to Redis. */

export const USAGE = `node dead-letters.js list [AFTER]    lists dead letters, oldest first, 100 at a time; AFTER is the last id of the previous page
node dead-letters.js show ID         shows one with its entry
node dead-letters.js replay ID       enqueues it: its effect happens, no station gets a response
node dead-letters.js replay --all    enqueues all that are younger than a day
node dead-letters.js drop ID         deletes it
node dead-letters.js unreadable list [--station ID] [AFTER]
                                     lists texts of stations that could not be understood
node dead-letters.js unreadable show ID
node dead-letters.js unreadable drop ID
`;

interface Command {
  /** The fewest and the most arguments. */
  readonly least: number;
  readonly most: number;
  readonly option?: string;
}

const LIST = { least: 0, most: 1 };
const ONE_ID = { least: 1, most: 1 };

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['list', LIST],
  ['show', ONE_ID],
  ['replay', { ...ONE_ID, option: '--all' }],
  ['drop', ONE_ID],
  ['unreadable list', { ...LIST, most: 3, option: '--station' }],
  ['unreadable show', ONE_ID],
  ['unreadable drop', ONE_ID],
]);

/** What is wrong with the command line, in one line; undefined when nothing is. */
export function usageError(args: readonly string[]): string | undefined {
  const words = args[0] === 'unreadable' ? 2 : 1;
  const name = args.slice(0, words).join(' ');
  const rest = args.slice(words);
  const command = COMMANDS.get(name);
  if (command === undefined) return `unknown command "${name}"; see --help`;
  const { least, most, option } = command;
  const unknown = rest.find((word) => word.startsWith('-') && word !== option);
  if (unknown !== undefined) return `unknown option ${unknown} of "${name}"; see --help`;
  if (rest.length < least) return `"${name}" needs an ID; see --help`;
  const isStation = option === '--station' && rest[0] === option;
  if (isStation && rest.length < 2) return `--station needs the ID of a station; see --help`;
  if (rest.length > (option === '--station' && !isStation ? 1 : most)) {
    return `too many arguments after "${name}"; see --help`;
  }
  return undefined;
}
