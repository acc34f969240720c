/**
 * `node services/console/build.ts [folder]` builds the console for the API program to serve. Without a folder it builds for programs that
 * run from their sources, and does nothing while that is newer than its sources.
 */
import { spawnSync } from 'node:child_process';
import { globSync, renameSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const SOURCES = import.meta.dirname;
const ROOT = join(SOURCES, '../..');
/** Where services/api/console.ts looks for it. */
const OF_SOURCES = join(SOURCES, 'dist');

/** @param folder that is emptied first */
function build(folder: string): void {
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
  const done = spawnSync(process.execPath, [vite, 'build', SOURCES, '--outDir', folder], {
    stdio: 'inherit',
  });
  if (done.status !== 0)
    throw new Error(`the console cannot be built: ${done.error?.message ?? 'see above'}`);
}

const isFile = (file: string) => statSync(file).isFile();
const changedAt = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function isBuilt(): boolean {
  const sources = globSync('**/*', { cwd: SOURCES, exclude: ['dist', 'dist-*'] }).map((name) =>
    join(SOURCES, name),
  );
  const newest = Math.max(...[...sources.filter(isFile), join(ROOT, 'package-lock.json')].map(changedAt));
  return changedAt(join(OF_SOURCES, 'index.html')) > newest;
}

/** Another build may put its own in the place first: both are of the same sources. */
function replaceBy(next: string): void {
  try {
    rmSync(OF_SOURCES, { recursive: true, force: true });
    renameSync(next, OF_SOURCES);
  } catch (error) {
    if (!isBuilt()) throw error;
    rmSync(next, { recursive: true, force: true });
  }
}

const [folder] = process.argv.slice(2);
if (folder !== undefined) {
  build(resolve(folder));
} else if (!isBuilt()) {
  // A program that starts meanwhile finds the former console, or the new one.
  const next = `${OF_SOURCES}-${process.pid}`;
  build(next);
  replaceBy(next);
}
