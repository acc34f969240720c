/** Pastes the commands of a chart's notes into a shell in which kubectl and helm are stand-ins that record their calls. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Call {
  /** Program and arguments. */
  readonly words: readonly string[];
  /** Standard input, if the call reads it (`-f -`). */
  readonly input: string;
}

const STAND_IN = `#!/bin/sh
n=$(ls "$CALLS" | wc -l)
{ basename "$0"; printf '%s\\n' "$@"; } > "$CALLS/$((n)).words"
case "$*" in *'-f -') cat ;; esac > "$CALLS/$((n)).input"
`;

/** The indented lines of notes that are not URLs: commands, exactly as printed. */
const commandsOf = (notes: string): string[] =>
  notes.split('\n').filter((line) => /^\s+\S/.test(line) && !/^\s+wss?:\/\//.test(line));

/** @throws Error when the shell fails, or a command calls neither kubectl nor helm */
export function paste(notes: string): Call[] {
  const commands = commandsOf(notes);
  const commented = commands.find((line) => / #/.test(line));
  if (commented !== undefined) throw new Error(`an interactive zsh takes no comments: ${commented}`);
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-notes-'));
  try {
    for (const name of ['kubectl', 'helm']) {
      writeFileSync(join(folder, name), STAND_IN, { mode: 0o755 });
    }
    const calls = mkdtempSync(join(folder, 'calls-'));
    const env = { PATH: `${folder}:${process.env['PATH']}`, CALLS: calls };
    const shell = spawnSync('sh', ['-eu'], { input: `${commands.join('\n')}\n`, env, encoding: 'utf8' });
    const count = readdirSync(calls).length / 2;
    if (shell.status !== 0 || shell.stderr !== '' || count !== commands.length) {
      throw new Error(
        `${count} calls of ${commands.length} commands: ${shell.stderr}\n${commands.join('\n')}`,
      );
    }
    return commands.map((_, index) => callOf(calls, 2 * index));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function callOf(calls: string, index: number): Call {
  const read = (kind: string) => readFileSync(join(calls, `${index}.${kind}`), 'utf8');
  return { words: read('words').trimEnd().split('\n'), input: read('input') };
}
