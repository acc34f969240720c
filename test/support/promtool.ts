/** Prometheus' own judge of rules: whether they are PromQL, and when they fire. Debian has it in the package `prometheus`. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** False, and a loud word, where it is not installed. */
export function hasPromtool(): boolean {
  const there = spawnSync('promtool', ['--version']).status === 0;
  const message = 'no promtool on the PATH (Debian: apt-get install prometheus)';
  if (!there && process.env['CI'] === 'true') throw new Error(message);
  if (!there) console.warn(`SKIPPED: ${message}`);
  return there;
}

/**
 * @param command such as `check rules`
 * @throws with its words
 */
export function promtool(command: string, files: Readonly<Record<string, object>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-promtool-'));
  try {
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(folder, name), stringify(content));
    const [first = ''] = Object.keys(files);
    const args = [...command.split(' '), first];
    return execFileSync('promtool', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`promtool ${command}: ${stdout}${stderr}`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
