/** The commands of a page in docs/: found in its text, and run in one shell, as at a terminal. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { endWithUs } from '../support/children.ts';

export const ROOT = join(import.meta.dirname, '../..');
export const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const { scripts } = JSON.parse(read('package.json')) as { scripts: Readonly<Record<string, string>> };

/** The text from a heading to the next one of its level. */
export function section(page: string, heading: string): string {
  const [, text] = page.split(`\n## ${heading}\n`);
  if (text === undefined) throw new Error(`the page has no section "${heading}"`);
  return text.split('\n## ')[0] ?? '';
}

export const blocksOf = (text: string, language: string): readonly string[] =>
  [...text.matchAll(new RegExp(`^ *\`\`\`${language}\\n([^]*?)^ *\`\`\`$`, 'gm'))].map(
    ([, block = '']) => block,
  );

export interface Command {
  readonly text: string;
  /** Part of its output. */
  readonly prints: string;
}

/** A command is a line, with those that continue it; a function is one too. */
export function commandsOf(block: string): Command[] {
  const commands: Command[] = [];
  let lines: string[] = [];
  for (const line of block.trimEnd().split('\n')) {
    lines.push(line);
    const isOpen = line.endsWith('\\') || (/^\w+\(\) \{$/.test(lines[0] ?? '') && line !== '}');
    if (isOpen) continue;
    const [text = '', prints = ''] = lines.join('\n').split(/ {2}# → /);
    commands.push({ text, prints });
    lines = [];
  }
  return commands;
}

/** npm would first install what is missing: its scripts are called as package.json has them. */
export const withoutNpm = (command: string) =>
  command.replaceAll(
    /npm (?:run )?(?:--silent )?(\w+) --(?= )/g,
    (_, name: string) => scripts[name] ?? `no-script-${name}`,
  );

export function bash(script: string, cwd: string, env: Readonly<Record<string, string>> = {}) {
  const path = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`;
  const child = endWithUs(
    spawn('bash', ['-c', script], {
      cwd,
      env: { ...process.env, ...env, PATH: path },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const said = { text: '' };
  const note = (data: Buffer) => (said.text += data.toString());
  child.stdout.on('data', note);
  child.stderr.on('data', note);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, said, ended };
}

interface Result {
  readonly status: string;
  readonly output: string;
}

/** Runs the commands in one shell, as at a terminal. @returns the result of each */
export async function runAll(
  commands: readonly Command[],
  cwd: string,
  head = '',
  env: Readonly<Record<string, string>> = {},
): Promise<readonly Result[]> {
  const steps = commands.map(({ text }) => `{ ${text}\n} 2>&1; echo "@@$?@@"`);
  const { said, ended } = bash([head, ...steps].join('\n'), cwd, env);
  await ended;
  const parts = said.text.split(/@@(\d+)@@\n/);
  return commands.map((_, index) => ({
    output: parts[2 * index] ?? '',
    status: parts[2 * index + 1] ?? 'not run',
  }));
}
