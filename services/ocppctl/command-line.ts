/** Reads the command line: which command it names, and its arguments and options, checked before anything is sent. Pure. */
import { parseArgs } from 'node:util';
import type { Command, Option, Options } from './command.ts';
import { usageError } from './exit.ts';
import { GLOBAL_OPTIONS } from './options.ts';

export interface CommandLine {
  /** Undefined for a command line without a command. */
  readonly command?: Command;
  readonly args: readonly string[];
  readonly options: Options;
}

type Value = string | boolean | readonly (string | boolean)[] | undefined;

/** @throws ExitError in one line */
export function readCommandLine(words: readonly string[], commands: readonly Command[]): CommandLine {
  const known = [...GLOBAL_OPTIONS, ...commands.flatMap(({ options }) => options)];
  const { positionals, values } = parse(words, known);
  const options = optionsOf(values);
  if (positionals.length === 0) return { args: [], options };
  const command = commandNamed(positionals, commands);
  const args = positionals.slice(command.name.split(' ').length);
  if (!options.flag('help')) {
    checkOptions(command, values);
    checkArguments(command, args);
  }
  return { command, args, options };
}

/** The command with the longest name that the words begin with; the name of a group alone lists it. @throws ExitError */
export function commandNamed(words: readonly string[], commands: readonly Command[]): Command {
  const spoken = (name: string) => name.split(' ').every((word, index) => words[index] === word);
  const [longest] = commands
    .filter(({ name }) => spoken(name))
    .sort((a, b) => b.name.split(' ').length - a.name.split(' ').length);
  const found = longest ?? commands.find(({ name }) => name === `${words.join(' ')} list`);
  if (found !== undefined) return found;
  const [first = ''] = words;
  const group = commands.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length === 0) throw usageError(`unknown command "${first}"`);
  const names = group.map(({ name }) => name.slice(first.length + 1)).join(', ');
  throw usageError(`"${first}" needs one of: ${names}`, first);
}

function parse(words: readonly string[], known: readonly Option[]) {
  const options = Object.fromEntries(
    known.map(({ name, short, value, multiple = false }) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        multiple,
        ...(short !== undefined && { short }),
      },
    ]),
  );
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true });
  } catch (error) {
    throw usageError((error as Error).message.split(/\. |\n/)[0] ?? 'wrong options');
  }
}

function checkOptions(command: Command, values: Readonly<Record<string, Value>>): void {
  const allowed = new Map([...GLOBAL_OPTIONS, ...command.options].map((option) => [option.name, option]));
  for (const [name, value] of Object.entries(values)) {
    const option = allowed.get(name);
    if (option === undefined) throw usageError(`"${command.name}" has no option --${name}`, command.name);
    for (const one of [value].flat()) {
      const problem = typeof one === 'string' ? problemOf(option, one) : undefined;
      if (problem !== undefined) throw usageError(`--${name} must be ${problem}`, command.name);
    }
  }
}

function problemOf({ oneOf, whole }: Option, text: string): string | undefined {
  if (oneOf !== undefined && !oneOf.includes(text)) return `one of ${oneOf.join(', ')}`;
  if (whole === undefined) return undefined;
  const [least, most] = whole;
  const isInRange = /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most;
  return isInRange ? undefined : `a whole number from ${least} to ${most}`;
}

function checkArguments({ name, args }: Command, given: readonly string[]): void {
  const missing = args.find(({ optional }, index) => optional !== true && given[index] === undefined);
  if (missing !== undefined) throw usageError(`"${name}" needs ${missing.name}`, name);
  if (given.length > args.length) throw usageError(`too many arguments after "${name}"`, name);
  for (const [index, { name: called, oneOf }] of args.entries()) {
    const word = given[index];
    if (word === '') throw usageError(`${called} is empty`, name);
    if (word !== undefined && oneOf !== undefined && !oneOf.includes(word))
      throw usageError(`${called} must be one of ${oneOf.join(', ')}`, name);
  }
}

function optionsOf(values: Readonly<Record<string, Value>>): Options {
  const text = (name: string) => {
    const value = values[name];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    text,
    texts: (name) => [values[name] ?? []].flat().map(String),
    number: (name) => (text(name) === undefined ? undefined : Number(text(name))),
    flag: (name) => values[name] === true,
  };
}
