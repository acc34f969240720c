/**
 * Completions of shells, from the table of commands: words of commands, names of options, and values that are one of a few. They
 * are static text, so that a shell never waits for a network. Pure.
 */
import type { Command, Option } from './command.ts';
import { GLOBAL_OPTIONS } from './options.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Words before the cursor → words that may follow. The empty text: the first word. */
function wordsAfter(commands: readonly Command[]): Map<string, readonly string[]> {
  const after = new Map<string, Set<string>>();
  const add = (before: string, word: string) => {
    const words = after.get(before) ?? new Set();
    after.set(before, words.add(word));
  };
  for (const { name, args } of commands) {
    const words = name.split(' ');
    for (const [index, word] of words.entries()) add(words.slice(0, index).join(' '), word);
    for (const word of args[0]?.oneOf ?? []) add(name, word);
  }
  for (const { name } of commands) add('help', name.split(' ')[0] ?? name);
  return new Map([...after].map(([before, words]) => [before, [...words]]));
}

const dashed = (options: readonly Option[]) =>
  options.flatMap(({ name, short }) => (short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`]));

/** Name of an option → its possible values, where it has the same ones in every command. */
function valuesOf(commands: readonly Command[]): Map<string, readonly string[]> {
  const all = [...GLOBAL_OPTIONS, ...commands.flatMap(({ options }) => options)];
  const isSame = ({ name, oneOf }: Option) =>
    all.every((other) => other.name !== name || other.oneOf?.join(' ') === oneOf?.join(' '));
  const fixed = all.filter((option) => option.oneOf !== undefined && isSame(option));
  return new Map(
    fixed.flatMap((option) => dashed([option]).map((name) => [name, option.oneOf ?? []] as const)),
  );
}

/** @returns a script for the shell to evaluate */
export function completionOf(shell: Shell, commands: readonly Command[]): string {
  if (shell === 'fish') return fish(commands);
  const script = bash(commands);
  return shell === 'bash' ? script : `autoload -U +X bashcompinit && bashcompinit\n${script}`;
}

/** zsh runs it too, through bashcompinit. */
function bash(commands: readonly Command[]): string {
  const words = [...wordsAfter(commands)].map(
    ([before, next]) => `    '${before}') words='${next.join(' ')}' ;;`,
  );
  const options = commands.map(
    ({ name, options: own }) => `      '${name}' | '${name} '*) options='${dashed(own).join(' ')}' ;;`,
  );
  const values = [...valuesOf(commands)].map(
    ([name, oneOf]) => `    ${name}) COMPREPLY=($(compgen -W '${oneOf.join(' ')}' -- "$current")); return ;;`,
  );
  const withFile = commands.flatMap(({ options: own }) => own).filter(({ value }) => value === 'FILE');
  const files = [
    ...new Set(dashed([...GLOBAL_OPTIONS.filter(({ value }) => value === 'FILE'), ...withFile])),
  ];
  return `_ocppctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local said='' words='' options='' word
  case "$previous" in
${values.join('\n')}
    ${files.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) said="\${said:+$said }$word" ;; esac
  done
  case "$current" in
  -*)
    case "$said" in
${options.join('\n')}
    esac
    COMPREPLY=($(compgen -W "$options ${dashed(GLOBAL_OPTIONS).join(' ')}" -- "$current")); return ;;
  esac
  case "$said" in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _ocppctl ocppctl kubectl-ocpp
`;
}

function fish(commands: readonly Command[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", String.raw`\'`)}'`;
  const lines = [...wordsAfter(commands)].map(([before, next]) => {
    const said =
      before === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${before.split(' ').at(-1)}`;
    return `complete -c ocppctl -f -n ${quoted(said)} -a ${quoted(next.join(' '))}`;
  });
  const option = (own: Option, condition: string) => {
    const { name, short, value, oneOf, doc } = own;
    const takes = value === undefined ? '' : value === 'FILE' ? ' -r -F' : ' -x';
    const words = oneOf === undefined ? '' : ` -a ${quoted(oneOf.join(' '))}`;
    return `complete -c ocppctl${condition} -l ${name}${short === undefined ? '' : ` -s ${short}`}${takes}${words} -d ${quoted(doc)}`;
  };
  const own = commands.flatMap(({ name, options }) =>
    options.map((one) =>
      option(one, ` -n ${quoted(`__fish_seen_subcommand_from ${name.split(' ').at(-1)}`)}`),
    ),
  );
  return `${[...lines, ...GLOBAL_OPTIONS.map((one) => option(one, '')), ...own].join('\n')}\n`;
}
