/** The commands of ocppctl, in the order of the help. */
import { ACCESS } from './commands/access.ts';
import { BROADCAST } from './commands/broadcast.ts';
import { DEAD_LETTERS } from './commands/dead-letters.ts';
import { DRAIN } from './commands/drain.ts';
import { EVENTS } from './commands/events.ts';
import { READING } from './commands/reading.ts';
import { REGISTER } from './commands/register.ts';
import { SENDING } from './commands/sending.ts';
import { STATUS } from './commands/status.ts';
import { STREAMS } from './commands/streams.ts';
import { TAIL } from './commands/tail.ts';
import { TOKENS } from './commands/tokens.ts';
import { TOP } from './commands/top.ts';
import { WEBHOOKS } from './commands/webhooks.ts';
import { commandNamed } from './command-line.ts';
import type { Command } from './command.ts';
import { completionOf, SHELLS } from './completion.ts';
import { helpOf, helpOfAll } from './help.ts';
import { usageError } from './exit.ts';
import { writeJson } from './output.ts';

/** Version of the program: build.ts inserts it. */
declare const BUILD_VERSION: string | undefined;
const VERSION = typeof BUILD_VERSION === 'string' ? BUILD_VERSION : 'dev';

const group = 'This program';

const PROGRAM: readonly Command[] = [
  {
    name: 'help',
    group,
    args: [
      { name: 'COMMAND', optional: true },
      { name: 'WORD', optional: true },
      { name: 'WORD', optional: true },
    ],
    options: [],
    summary: 'Explain a command',
    run: async ({ args, terminal }) => helpFor(args).forEach((line) => terminal.write(line)),
  },
  {
    name: 'completion',
    group,
    args: [{ name: 'SHELL', oneOf: SHELLS }],
    options: [],
    summary: 'Print the completions for bash, zsh or fish',
    details: ['bash and zsh: source <(ocppctl completion bash). fish: ocppctl completion fish | source.'],
    async run({ args, terminal }) {
      const shell = SHELLS.find((one) => one === args[0]);
      if (shell !== undefined) terminal.paint(completionOf(shell, COMMANDS));
    },
  },
  {
    name: 'version',
    group,
    args: [],
    options: [],
    summary: 'Print the version of ocppctl; that of the API is in status',
    async run(run) {
      if (run.isJson) writeJson(run, { version: VERSION });
      else run.terminal.write(`ocppctl ${VERSION}`);
    },
  },
];

export const COMMANDS: readonly Command[] = [
  STATUS,
  TOP,
  EVENTS,
  ...TAIL,
  ...READING,
  ...STREAMS,
  ...SENDING,
  ...BROADCAST,
  ...TOKENS,
  ...REGISTER,
  ...DEAD_LETTERS,
  DRAIN,
  ...WEBHOOKS,
  ...ACCESS,
  ...PROGRAM,
];

/** The help of a command, or of each one of a group. @throws ExitError */
export function helpFor(words: readonly string[]): string[] {
  if (words.length === 0) return helpOfAll(COMMANDS);
  const name = words.join(' ');
  const ofGroup = COMMANDS.filter((one) => one.name.startsWith(`${name} `));
  if (ofGroup.length > 0) return ofGroup.flatMap((one) => helpOf(one).concat(''));
  const command = commandNamed(words, COMMANDS);
  if (command.name !== name) throw usageError(`unknown command "${name}"`);
  return helpOf(command);
}
