/** This program and the product under it in one file, with a fault built in, and what it says of itself. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { type Change, MUTANTS } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface Caught {
  readonly status: number;
  readonly output: string;
}

/** Runs histories against the broken build of this name. */
export function runBroken(name: string, histories: number, seed: number): Promise<Caught> {
  const mutant = MUTANTS[name];
  if (mutant === undefined)
    throw new Error(`no mutant ${name}; there are ${Object.keys(MUTANTS).join(', ')}`);
  return runBuild(mutant.changes, histories, seed);
}

async function runBuild(changes: readonly Change[], histories: number, seed: number): Promise<Caught> {
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-bills-'));
  try {
    const program = join(folder, 'main.mjs');
    await bundle(program, `runHistories(${histories}, ${seed})`, changes);
    return await runProgram(program);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function bundle(outfile: string, call: string, changes: readonly Change[]): Promise<void> {
  const left = new Set(changes);
  await build({
    absWorkingDir: ROOT,
    stdin: {
      contents: `import { runHistories } from './histories.ts'; process.exitCode = (await ${call}) ? 0 : 1;`,
      resolveDir: import.meta.dirname,
    },
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    plugins: [spoiling(left)],
    logLevel: 'error',
  });
  const [missed] = left;
  if (missed !== undefined) throw new Error(`"${missed.from}" is not in the program`);
}

/** Takes out what it has changed. */
function spoiling(left: Set<Change>): Plugin {
  return {
    name: 'spoiling',
    setup(bundle) {
      bundle.onLoad({ filter: /\/services\/.*\.ts$/ }, async ({ path }) => {
        let source = await readFile(path, 'utf8');
        for (const change of left) {
          const { from, to } = change;
          if (!source.includes(from)) continue;
          left.delete(change);
          source = source.replace(from, () => to);
        }
        return { contents: source, loader: 'ts' };
      });
    },
  };
}

function runProgram(program: string): Promise<Caught> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [program], { maxBuffer: 2 ** 24 }, (_error, stdout, stderr) => {
      const status = child.exitCode;
      if (status === null) reject(new Error(`the broken build was ended: ${stderr}`));
      else resolve({ status, output: `${stdout}${stderr}` });
    });
  });
}

/** Whether the histories found out, by the kind that the fault is about. */
export function isCaught(name: string, { status, output }: Caught): boolean {
  const kind = MUTANTS[name]?.kind;
  return status === 1 && output.split('\n').some((line) => line.startsWith(`FAILED: kind ${kind}:`));
}

/** @returns whether every broken build is caught, and the sound one is not */
export async function catchAll(histories: number, seed: number): Promise<boolean> {
  const { status, output } = await runBuild([], histories, seed);
  // What is caught in a build that fails anyway says nothing.
  if (status !== 0) console.log(`the sound build fails:\n${output}`);
  let missed = status === 0 ? 0 : 1;
  for (const [name, { kind, what }] of Object.entries(MUTANTS)) {
    const caught = isCaught(name, await runBroken(name, histories, seed));
    if (!caught) missed++;
    console.log(`${caught ? 'caught' : 'MISSED'}  ${kind.padEnd(4)} ${name}: ${what}`);
  }
  return missed === 0;
}
