/** The image as far as it can be judged without a builder: what goes in, who it runs as, what its SBOM has to name. */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { PROGRAM } from '../../services/contract.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const DOCKERFILES = ['Dockerfile', 'examples/own-handlers/Dockerfile', 'test/e2e/slow-processor/Dockerfile'];
/** A folder with what .dockerignore lets into the build, and the packages that `npm ci` would bring. */
function buildContext(): Disposable & { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-image-'));
  const [first, ...rest] = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (first !== '*' || rest.some((line) => !/^![\w./-]+$/.test(line)))
    throw new Error('.dockerignore is read here as a list of exceptions (!path) from *');
  for (const line of rest)
    cpSync(join(ROOT, line.slice(1)), join(folder, line.slice(1)), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Packages of a bundle: esbuild heads each module with a comment that names its file. */
const packagesIn = (bundle: string) =>
  [...bundle.matchAll(/^\/\/ .*node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//gm)].map(([, name = '']) => name);

test('what .dockerignore lets through is enough for the programs; the SBOM names every package in them', (t) => {
  using context = buildContext();
  const node = (...args: readonly string[]) =>
    execFileSync(process.execPath, args, { cwd: context.folder, encoding: 'utf8', stdio: 'pipe' });
  for (const [, command = ''] of DOCKERFILES.map(
    (file) => /^RUN node (build\.ts .*)$/m.exec(read(file)) ?? [],
  ))
    node(...command.replace('"$VERSION"', '1.2.3').split(' '));
  for (const program of [PROGRAM.operator, PROGRAM.wsProxy, PROGRAM.processor])
    t.regex(node(join('dist', program), '--help'), /[A-Z]+_[A-Z]+/, program);

  const bundled = new Set(
    globSync('dist/*.js', { cwd: context.folder }).flatMap((file) =>
      packagesIn(readFileSync(join(context.folder, file), 'utf8')),
    ),
  );
  t.true(bundled.has('ioredis') && bundled.size > 10);
  const words = execFileSync(join(ROOT, '.github/npm-sbom'), { encoding: 'utf8', stdio: 'pipe' });
  const sbom = JSON.parse(words) as { packages: { packageFileName: string }[] };
  const named = new Set(
    sbom.packages.map(({ packageFileName }) => packageFileName.replace(/^.*node_modules\//, '')),
  );
  t.deepEqual(
    [...bundled].filter((name) => !named.has(name)),
    [],
  );
  t.false(named.has('ava'));
});

for (const file of DOCKERFILES) {
  test(`${file}: one Node to build and to run, no shell, a user by number who is not root`, (t) => {
    const [build = '', image = '', ...more] = read(file)
      .split(/^FROM /m)
      .slice(1);
    t.is(more.length, 0);
    const [, built] = /^node:(\d+)-/.exec(build) ?? [];
    t.regex(image, new RegExp(`^gcr\\.io/distroless/nodejs${built}-debian12:nonroot\n`));
    t.regex(image, /^USER [1-9]\d*:[1-9]\d*$/m);
    t.regex(image, /^ENTRYPOINT \["\/nodejs\/bin\/node"\]$/m);
    t.notRegex(image, /^(RUN|ADD|VOLUME) /m);
  });
}

test('labels say where the image comes from; a release fills them', (t) => {
  const { home } = parse(read('charts/ocpp-operator/Chart.yaml')) as { home: string };
  const dockerfile = read('Dockerfile');
  t.true(dockerfile.includes(`org.opencontainers.image.source="${home}"`));
  for (const [label, arg] of [
    ['version', 'VERSION'],
    ['revision', 'REVISION'],
    ['created', 'CREATED'],
  ] as const) {
    t.true(dockerfile.includes(`org.opencontainers.image.${label}="\${${arg}}"`), label);
    t.regex(read('.github/workflows/release.yaml'), new RegExp(`^ +${arg}=\\$\\{\\{`, 'm'));
  }
});
