/** Release 0.1.0 can be built from its commit; a clone that lacks the commit says what to do. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { checkOut, RELEASE } from './earlier-release.ts';
import { ROOT } from '../e2e/release.ts';

const git = (folder: string, ...args: readonly string[]) =>
  execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

function has(commit: string): boolean {
  try {
    git(ROOT, 'cat-file', '-e', `${commit}^{commit}`);
    return true;
  } catch {
    return false;
  }
}

test('in a clone without the commit one line says how to get it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-clone-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  git(folder, 'init', '--quiet');
  const { message } = await t.throwsAsync(checkOut(RELEASE.commit, folder));
  t.is(message, `commit ${RELEASE.commit.slice(0, 12)} is not in this clone: git fetch --unshallow`);
});

test('the commit has what an image and a release of 0.1.0 are made of, and no proxy sets', async (t) => {
  // A shallow clone; the trial itself fails there.
  if (!has(RELEASE.commit)) return t.pass();
  const folder = await checkOut(RELEASE.commit);
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const read = (path: string) => readFileSync(join(folder, path), 'utf8');
  t.is((JSON.parse(read('package.json')) as { version: string }).version, RELEASE.version);
  t.regex(read('charts/ocpp-operator/Chart.yaml'), new RegExp(`^appVersion: ${RELEASE.version}$`, 'm'));
  for (const path of [
    'Dockerfile',
    'build.ts',
    'package-lock.json',
    'charts/ocpp-operator/templates/crd.yaml',
  ]) {
    t.true(existsSync(join(folder, path)), path);
  }
  t.notRegex(read('crds/ocppclusters.yaml'), /^ +rollout:$/m);
  t.regex(readFileSync(join(ROOT, 'crds/ocppclusters.yaml'), 'utf8'), /^ +rollout:$/m);
  return undefined;
});
