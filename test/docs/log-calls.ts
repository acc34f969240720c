/** The log calls of the programs, found in the text of their sources. */
import { globSync } from 'node:fs';
import { read, ROOT } from './page-commands.ts';

export type Level = 'debug' | 'info' | 'warn' | 'error';

export interface LogCall {
  readonly file: string;
  readonly line: number;
  readonly level: Level;
  /** Rate-limited by its kind: a call of QuietLog. */
  readonly isQuiet: boolean;
  /** The source text of the fields, with the object that a name stands for. */
  readonly fields: string;
  /** Undefined: it is no constant. */
  readonly message: string | undefined;
}

/** What is written by a log is decided elsewhere. */
const PLUMBING = new Set(['services/runtime/log.ts', 'services/runtime/quiet-log.ts']);
/** Methods of these names that write no log. */
const OTHERS = new Set(['observer', 'accessObserver', 'console', 'connection', 'WORDS']);

const CALL = /(\w+)(?:\(\))?\s*\??\.\s*(debug|info|warn|error)\(/g;
/** A method that is picked by a value, or handed on: its message could not be found. */
const HIDDEN =
  /\b#?(?:log|quiet)(?:\(\))?(?:\?\.)?\[(?!\])|\b(?:log|quiet)\.(?:debug|info|warn|error)\b(?!\()/;

/** @throws Error for a receiver that is neither a log nor known as another object */
export function logCalls(): readonly LogCall[] {
  return globSync('{services,operator}/**/*.{ts,tsx}', { cwd: ROOT })
    .filter((file) => !PLUMBING.has(file))
    .flatMap((file) => callsIn(file, read(file)));
}

export function callsIn(file: string, source: string): readonly LogCall[] {
  const hidden = HIDDEN.exec(source);
  if (hidden !== null) throw new Error(`${file}: call the log by name: ${hidden[0]}`);
  return [...source.matchAll(CALL)].flatMap(({ 0: head, 1: receiver = '', 2: level, index }) => {
    if (OTHERS.has(receiver)) return [];
    if (!/(log|quiet)$/i.test(receiver)) throw new Error(`${file}: is ${receiver} a log?`);
    const texts = argumentsOf(source, index + head.length);
    const [fields = '', text = ''] = texts.slice(-2);
    return [
      {
        file,
        line: source.slice(0, index).split('\n').length,
        level: level as Level,
        isQuiet: texts.length === 3,
        fields: resolved(fields, source.slice(0, index)),
        message: constantOf(text, source),
      },
    ];
  });
}

/** The texts of the arguments of a call. @param start behind its parenthesis */
function argumentsOf(source: string, start: number): readonly string[] {
  const found: string[] = [];
  let depth = 0;
  let from = start;
  for (let at = start; at < source.length; at += 1) {
    const character = source.charAt(at);
    if (/['"`]/.test(character)) at = endOfText(source, at);
    else if (source.startsWith('//', at)) at = source.indexOf('\n', at);
    else if (/[([{]/.test(character)) depth += 1;
    else if (depth > 0 && /[)\]}]/.test(character)) depth -= 1;
    else if (depth === 0 && /[,)]/.test(character)) {
      found.push(source.slice(from, at).trim());
      from = at + 1;
      if (character === ')') return found.filter((text) => text !== '');
    }
  }
  throw new Error('a call without an end');
}

/** Where a text in quotes ends. A template in a template is not written in these sources. */
function endOfText(source: string, start: number): number {
  const quote = source.charAt(start);
  for (let at = start + 1; at < source.length; at += 1) {
    if (source.charAt(at) === '\\') at += 1;
    else if (source.charAt(at) === quote) return at;
  }
  throw new Error('a text without an end');
}

/** The object of a name: the last one defined before the call. */
function resolved(fields: string, before: string): string {
  if (!/^\w+$/.test(fields)) return fields;
  const definitions = [...before.matchAll(new RegExp(`\\bconst ${fields}(?:: \\w+)? = ([^;]+);`, 'g'))];
  return definitions.at(-1)?.[1] ?? fields;
}

/** Of a text in quotes, or of a constant of the file. */
function constantOf(text: string, source: string): string | undefined {
  const quoted = /^'((?:[^'\\\n]|\\.)*)'$/.exec(text)?.[1];
  if (quoted !== undefined) return quoted.replaceAll(/\\(.)/g, '$1');
  if (!/^[A-Z_]+$/.test(text)) return undefined;
  return new RegExp(`^const ${text} =\\s+'((?:[^'\\\\\n]|\\\\.)*)';$`, 'm').exec(source)?.[1];
}
