/** The help, from the table of commands. Pure. */
import type { Command, Option } from './command.ts';
import { GLOBAL_OPTIONS } from './options.ts';

/** Name, arguments and options as one line of a synopsis. */
export function synopsisOf({ name, args, options }: Command): string {
  const words = args.map(({ name: called, optional }) => (optional === true ? `[${called}]` : called));
  const flags = options.map((option) => `[${spelled(option)}]`);
  return [name, ...words, ...flags].join(' ');
}

const spelled = ({ name, short, value }: Option) =>
  `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;

const shortSynopsis = ({ name, args }: Command) =>
  [name, ...args.map(({ name: called, optional }) => (optional === true ? `[${called}]` : called))].join(' ');

export function helpOfAll(commands: readonly Command[]): string[] {
  const groups = [...new Set(commands.map(({ group }) => group))];
  const width = Math.max(...commands.map((command) => shortSynopsis(command).length));
  return [
    'ocppctl COMMAND: the API of an OcppCluster on the command line. As kubectl-ocpp it is a plugin of kubectl.',
    ...groups.flatMap((group) =>
      ['', `${group}:`].concat(
        commands
          .filter((command) => command.group === group)
          .map((command) => `  ${shortSynopsis(command).padEnd(width)}  ${command.summary}`),
      ),
    ),
    '',
    'Options of every command:',
    ...optionLines(GLOBAL_OPTIONS),
    '',
    'Exit status: 0 success; 1 the command failed, or the station refused it or was not reached; 2 wrong usage;',
    '3 the API or Redis is out of reach, or the token is not accepted.',
  ];
}

export function helpOf(command: Command): string[] {
  const { summary, details = [], options, scope } = command;
  return [
    `ocppctl ${synopsisOf(command)}`,
    '',
    `${summary}.`,
    ...details,
    ...(scope === undefined ? [] : ['', `The token needs the scope ${scope}.`]),
    ...(options.length === 0 ? [] : ['', 'Options:', ...optionLines(options)]),
    '',
    'See ocppctl help for the options of every command.',
  ];
}

function optionLines(options: readonly Option[]): string[] {
  const width = Math.max(...options.map((option) => spelled(option).length));
  return options.map((option) => {
    const { oneOf, doc } = option;
    const words = oneOf === undefined ? '' : ` (${oneOf.join(', ')})`;
    return `  ${spelled(option).padEnd(width)}  ${doc}${words}`;
  });
}
