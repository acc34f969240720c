/**
 * `node packages.ts [folder]` makes the packages that others install, as tarballs in dist/packages/ or that folder: the
 * library and the client. docs/decisions/0013
 *
 * Each is compiled from its exported files, so it has what they reach and nothing else. Its dependencies are what the
 * compiled files import. Both are derived here, so that no list of them is kept by hand.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = import.meta.dirname;
const USAGE = `npm run packages [-- FOLDER]

Makes the packages that others install, ocpp-cluster and ocpp-cluster-client, as tarballs in FOLDER (dist/packages if
omitted), in place of those of an earlier run. Install one with: npm install FOLDER/ocpp-cluster-VERSION.tgz
`;
const OUT = resolve(folderOf(process.argv.slice(2)) ?? join(ROOT, 'dist', 'packages'));
/** Compiled files, inside a package. */
const LIB = 'lib';

interface Manifest {
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface Package {
  readonly name: string;
  readonly description: string;
  /** Name → source, as in the root package.json; a `*` stands for file names. */
  readonly exports: Readonly<Record<string, string>>;
  readonly readme: string;
  readonly node: string;
}

const manifestOf = (folder: string) =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
const root = manifestOf(ROOT);

const PACKAGES: readonly Package[] = [
  {
    name: 'ocpp-cluster',
    description:
      'OCPP central systems and stations over WebSockets, Redis or memory, for 1.6, 2.0.1 and 2.1.',
    exports: root.exports,
    readme: 'services/library/README.md',
    // The range of prom-client.
    node: '^22 || ^24 || >=26',
  },
  {
    name: 'ocpp-cluster-client',
    description:
      'Sends commands to the stations of an OcppCluster and reads its state, without processing messages.',
    exports: { '.': './services/client/connect.ts' },
    readme: 'services/client/README.md',
    node: '>=22',
  },
];

for (const one of PACKAGES) {
  rmSync(join(OUT, one.name), { recursive: true, force: true });
  for (const tarball of globSync(`${one.name}-[0-9]*.tgz`, { cwd: OUT })) rmSync(join(OUT, tarball));
  pack(one);
}

function folderOf(args: readonly string[]): string | undefined {
  try {
    const options = { help: { type: 'boolean', short: 'h' } } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (values.help !== true) return positionals[0];
    process.stdout.write(USAGE);
    return process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)} See --help.\n`);
    return process.exit(2);
  }
}

function pack(one: Package): void {
  const staging = join(OUT, one.name);
  compile(one, staging);
  for (const script of globSync('services/**/*.lua', { cwd: ROOT }))
    cpSync(join(ROOT, script), join(staging, LIB, script));
  makeMapsPortable(staging);
  const dependencies = dependenciesOf(staging);
  const manifest = {
    name: one.name,
    version: root.version,
    description: one.description,
    license: root.license,
    type: 'module',
    engines: { node: one.node },
    exports: { ...exportsOf(one), './package.json': './package.json' },
    dependencies,
  };
  writeFileSync(join(staging, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  writeFileSync(join(staging, 'NOTICE'), noticeOf(one.name, Object.keys(dependencies)));
  cpSync(join(ROOT, one.readme), join(staging, 'README.md'));
  for (const file of ['LICENSE', 'CHANGELOG.md']) cpSync(join(ROOT, file), join(staging, file));
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', OUT], { cwd: staging });
  process.stdout.write(`${join(OUT, `${one.name}-${root.version}.tgz`)}\n`);
}

function compile({ name, exports }: Package, staging: string): void {
  const config = join(OUT, `${name}.tsconfig.json`);
  mkdirSync(staging, { recursive: true });
  const compilerOptions = {
    noEmit: false,
    rootDir: ROOT,
    outDir: join(staging, LIB),
    rewriteRelativeImportExtensions: true,
    declaration: true,
    sourceMap: true,
    inlineSources: true,
    typeRoots: [join(ROOT, 'node_modules', '@types')],
  };
  const files = Object.values(exports).flatMap((file) => globSync(file, { cwd: ROOT }));
  const settings = {
    extends: join(ROOT, 'tsconfig.json'),
    compilerOptions,
    include: [],
    files: files.map((file) => join(ROOT, file)),
  };
  writeFileSync(config, JSON.stringify(settings));
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [tsc, '-p', config], { stdio: 'inherit' });
  rmSync(config);
}

/** A source map contains its source. Where that lay is of no use elsewhere. */
function makeMapsPortable(staging: string): void {
  for (const file of globSync('**/*.js.map', { cwd: staging })) {
    const path = join(staging, file);
    const map = JSON.parse(readFileSync(path, 'utf8')) as { readonly sources: readonly string[] };
    const sources = map.sources.map((source) => basename(source));
    writeFileSync(path, JSON.stringify({ ...map, sources }));
  }
}

function exportsOf({ exports }: Package): object {
  const conditions = Object.entries(exports).map(([name, source]) => {
    const compiled = source.replace(/^\.\/(.*)\.ts$/, `./${LIB}/$1`);
    return [name, { types: `${compiled}.d.ts`, default: `${compiled}.js` }] as const;
  });
  return Object.fromEntries(conditions);
}

/** A package whose inner files are imported may move them in any release, so its version is fixed. */
function dependenciesOf(staging: string): Readonly<Record<string, string>> {
  const found = new Map<string, string>();
  for (const file of globSync('**/*.{js,d.ts}', { cwd: staging })) {
    for (const { name, isInner } of packagesIn(readFileSync(join(staging, file), 'utf8'))) {
      const version = root.dependencies[name];
      if (version === undefined) throw new Error(`${file} imports ${name}, which is no dependency`);
      if (isInner || !found.has(name)) found.set(name, isInner ? version : caret(version));
      const types = root.devDependencies[`@types/${name}`];
      if (types !== undefined && file.endsWith('.d.ts')) found.set(`@types/${name}`, caret(types));
    }
  }
  // Global types: a second version beside the user's own would contradict it.
  found.set('@types/node', '*');
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The packages that a compiled file imports, without Node's own. */
function packagesIn(text: string): { readonly name: string; readonly isInner: boolean }[] {
  const pattern =
    /^\s*(?:import|export)\b(?:[^'"();]*?\sfrom)?\s*['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)/gm;
  return [...text.matchAll(pattern)]
    .map(([, fixed, dynamic]) => fixed ?? dynamic ?? '')
    .filter((target) => !/^(\.|node:)/.test(target))
    .map((target) => {
      const [name = ''] = /^(@[^/]+\/)?[^/]+/.exec(target) ?? [];
      return { name, isInner: name !== target };
    });
}

/** `8.23.0` → `^8.23.0`, `npm:other@0.16.1` → `npm:other@^0.16.1` */
function caret(version: string): string {
  return version.replace(/[^@]*$/, (number) => `^${number}`);
}

function noticeOf(name: string, dependencies: readonly string[]): string {
  const licences = dependencies.map((dependency) => {
    const { license } = manifestOf(join(ROOT, 'node_modules', dependency));
    return `  ${dependency}: ${license}\n`;
  });
  return `${name} ${root.version}
This package contains code of this project only, under the Apache License, Version 2.0: see LICENSE.
npm installs these packages beside it, each under its own licence:
${licences.join('')}`;
}
