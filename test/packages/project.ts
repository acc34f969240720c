/**
 * A project of a user: strict TypeScript for Node, with both packages installed from their tarballs. Its sources
 * are the code of the READMEs and the examples, and one file that imports every name.
 */
import { execFile } from 'node:child_process';
import { cp, glob, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = join(import.meta.dirname, '..', '..');

const COMPILER_OPTIONS = {
  target: 'es2024',
  lib: ['es2024'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  rootDir: 'src',
  outDir: 'out',
};
/** Examples that run outside this repository as they are. */
const EXAMPLES = [
  'monolith.ts',
  'broadcast.ts',
  'redis-server.ts',
  'redis-client.ts',
  'own-handlers/processor.ts',
];

export interface Project extends AsyncDisposable {
  readonly folder: string;
  /** Package → the folder that was packed. */
  readonly staging: ReadonlyMap<string, string>;
  /** Runs a program in the project. Rejects with its output when it fails. */
  run(program: string, ...args: readonly string[]): Promise<string>;
}

export interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, { readonly types: string } | string>>;
}

export const readManifest = async (folder: string) =>
  JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;

export async function createProject(): Promise<Project> {
  // Behind its links: a child process names files by their real path.
  const home = await realpath(await mkdtemp(join(tmpdir(), 'packages-')));
  const folder = join(home, 'project');
  await mkdir(join(folder, 'src'), { recursive: true });
  const run = runner(folder);
  const packed = await run(process.execPath, join(ROOT, 'packages.ts'), join(home, 'packed'));
  const tarballs = packed.trim().split('\n');
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'project', private: true, type: 'module' }),
  );
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS }));
  await run('npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs);
  const staging = new Map<string, string>();
  for (const name of ['ocpp-cluster', 'ocpp-cluster-client']) staging.set(name, join(home, 'packed', name));
  await writeSources(join(folder, 'src'), staging);
  return {
    folder,
    staging,
    run,
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  };
}

function runner(folder: string): Project['run'] {
  const execute = promisify(execFile);
  return async (program, ...args) => {
    // What npm gives to its scripts concerns this repository, not the project.
    const own = Object.entries(process.env).filter(
      ([name]) =>
        !/^(npm_(package|lifecycle|config_local_prefix)|NODE_(?!EXTRA_CA_CERTS)|INIT_CWD)/.test(name),
    );
    try {
      const { stdout } = await execute(program, args, { cwd: folder, env: Object.fromEntries(own) });
      return stdout;
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { readonly stdout?: string; readonly stderr?: string };
      throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
    }
  };
}

async function writeSources(to: string, staging: ReadonlyMap<string, string>): Promise<void> {
  const [server = '', station = '', conformance = ''] = await codeOf('services/library/README.md');
  const [client = ''] = await codeOf('services/client/README.md');
  const sources = {
    'server.ts': argumentFor('9000', server, 'Number(process.argv[2])'),
    'station.ts': argumentFor("'ws://127.0.0.1:9000/ocpp'", station),
    'client.ts': argumentFor("'redis://127.0.0.1:6379'", client),
    'conformance.ts': conformance,
  };
  for (const [file, code] of Object.entries(sources)) await writeFile(join(to, file), code);
  for (const file of EXAMPLES) await cp(join(ROOT, 'examples', file), join(to, basename(file)));
  const names = (await Promise.all([...staging].map(([name, folder]) => importsOf(name, folder)))).flat();
  const lines = names.map((name, i) => `import * as name${i} from '${name}';\n`);
  const all = names.map((_, i) => `name${i}`).join(', ');
  await writeFile(
    join(to, 'every-name.ts'),
    `${lines.join('')}for (const one of [${all}]) console.log(Object.keys(one).length);\n`,
  );
}

/** An address that the code of a page has, as an argument of the program. */
function argumentFor(address: string, code: string, argument = "process.argv[2] ?? ''"): string {
  if (!code.includes(address)) throw new Error(`${address} is not in\n${code}`);
  return code.replace(address, argument);
}

const codeOf = async (page: string) =>
  [...(await readFile(join(ROOT, page), 'utf8')).matchAll(/```ts\n([^]*?)```/g)].map(([, code = '']) => code);

/** Every name that a package exports, with a name for each file where there is a `*`. */
export async function importsOf(name: string, folder: string): Promise<string[]> {
  const { exports } = await readManifest(folder);
  const names: string[] = [];
  for (const [path, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue;
    for await (const file of glob(target.types, { cwd: folder }))
      names.push(`${name}${path.slice(1).replace('*', basename(file, '.d.ts'))}`);
  }
  return names.sort();
}
