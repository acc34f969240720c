/** This program and the product under it in one file, with a fault built in, and what it says of itself. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { type Mutant, MUTANTS } from './mutants.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface Caught {
  readonly status: number;
  readonly output: string;
}

/** Runs histories against the broken build of this name. */
export async function runBroken(name: string, histories: number, seed: number): Promise<Caught> {
  const mutant = MUTANTS[name];
  if (mutant === undefined) throw new Error(`no mutant ${name}; there are ${Object.keys(MUTANTS).join(', ')}`);
  const folder = await mkdtemp(join(tmpdir(), 'fuzz-bills-'));
  try {
    const program = join(folder, 'main.mjs');
    await bundle(program, `runHistories(${histories}, ${seed})`, mutant);
    return await runProgram(program);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function bundle(outfile: string, call: string, mutant: Mutant): Promise<void> {
  const applied = new Set<string>();
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
    plugins: [spoiling(mutant, applied)],
    logLevel: 'error',
  });
  const missed = mutant.changes.filter(({ file }) => !applied.has(file));
  if (missed.length > 0) throw new Error(`${missed[0]?.file} is not in the program`);
}

function spoiling({ changes }: Mutant, applied: Set<string>): Plugin {
  return {
    name: 'spoiling',
    setup(bundle) {
      bundle.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const file = relative(ROOT, path);
        const own = changes.filter((change) => change.file === file);
        if (own.length === 0) return undefined;
        applied.add(file);
        const source = await readFile(path, 'utf8');
        return { contents: own.reduce(spoiled, source), loader: 'ts' };
      });
    },
  };
}

function spoiled(source: string, { file, from, to }: Mutant['changes'][number]): string {
  if (source.split(from).length !== 2) throw new Error(`not exactly one "${from}" in ${file}`);
  return source.replace(from, () => to);
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

/** @returns whether every broken build is caught */
export async function catchAll(histories: number, seed: number): Promise<boolean> {
  let missed = 0;
  for (const [name, { kind, what }] of Object.entries(MUTANTS)) {
    const { status, output } = await runBroken(name, histories, seed);
    const isCaught = status === 1 && output.includes('FAILED');
    if (!isCaught) missed++;
    if (process.env['V']) console.log(output);
    console.log(`${isCaught ? 'caught' : 'MISSED'}  ${kind.padEnd(4)} ${name}: ${what}`);
  }
  return missed === 0;
}
