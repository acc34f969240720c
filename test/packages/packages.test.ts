/** Both packages, installed from their tarballs in a strict project: they compile, run, and bring nothing else. */
import { readFile, stat } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { createProject, importsOf, type Project, readManifest, ROOT } from './project.ts';

/** Installed, with all dependencies; MB. Most of it is date-fns, which typed-ocpp requires. */
const LARGEST = 60;

let project: Project;
test.before('both packages are packed, installed and compiled', async (t) => {
  t.timeout(300_000);
  project = await createProject();
});
test.after.always(() => project?.[Symbol.asyncDispose]());

const installed = (...path: readonly string[]) => join(project.folder, 'node_modules', ...path);
const node = (...args: readonly string[]) => project.run(process.execPath, ...args);

test.serial('a strict NodeNext project compiles without an error', async (t) => {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  t.is(await node(tsc, '-p', project.folder), '');
});

test.serial('every exported name can be imported, and has types', async (t) => {
  const lines = (await node('out/every-name.js')).trim().split('\n');
  let names = 0;
  for (const [name, folder] of project.staging) names += (await importsOf(name, folder)).length;
  t.is(lines.length, names);
  t.true(names > 30, `${names}`);
});
