/**
 * Docker and kind are stood in for by programs that write down how they were called: the only way to see the order of those
 * calls on a machine that has neither. Nothing else is tested with such a stand-in.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface RecordedPrograms extends Disposable {
  /** Gone with it. */
  readonly folder: string;
  /** PATH on which they come first. */
  readonly path: string;
  /** Calls so far, `name arguments`. */
  calls(): string[];
}

/** @param programs name → shell lines that it runs after it was written down. */
export function recordedPrograms(programs: Readonly<Record<string, string>>): RecordedPrograms {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-programs-'));
  const log = join(folder, 'calls');
  for (const [name, then] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >> '${log}'\n${then}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return {
    folder,
    path: `${folder}:${process.env['PATH']}`,
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
