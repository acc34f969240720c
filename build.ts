/**
 * `node build.ts [version] [folder] [processor]` bundles the programs of the image into dist/, or that folder: one file each,
 * with no node_modules beside it. A third argument is the source of another processor (examples/own-handlers).
 *
 * A data file that a source names as `new URL('./claim.lua', import.meta.url)` cannot be bundled. It is
 * copied flat beside the bundles, and the URL is rewritten to find it there, so that sources and bundles
 * share one way to name such a file and no list of them has to be kept here.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { ownMappings } from './own-mappings.ts';
import { PROGRAM } from './services/contract.ts';

const ROOT = import.meta.dirname;
const OUT = process.argv[3] ?? join(ROOT, 'dist');
/** Bundle → its source. */
const PROGRAMS: Readonly<Record<string, string>> = {
  [PROGRAM.operator]: 'operator/main.ts',
  [PROGRAM.wsProxy]: 'services/ws-proxy/main.ts',
  [PROGRAM.processor]: process.argv[4] ?? 'services/processor/main.ts',
  [PROGRAM.api]: 'services/api/main.ts',
  [PROGRAM.deadLetters]: 'services/dead-letters/main.ts',
  [PROGRAM.stations]: 'services/stations/main.ts',
  [PROGRAM.ocppctl]: 'services/ocppctl/main.ts',
  [PROGRAM.billSink]: 'services/bill-sink/main.ts',
};

const dataFiles: Plugin = {
  name: 'data-files',
  setup(bundle) {
    const copied = new Map<string, string>();
    bundle.onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const contents = source.replace(/new URL\('(\.[^']+)', import\.meta\.url\)/g, (_, relative: string) => {
        const file = join(dirname(path), relative);
        const name = basename(file);
        const other = copied.get(name) ?? file;
        if (other !== file)
          throw new Error(`${file} and ${other} would both become dist/${name}: rename one`);
        copied.set(name, file);
        copyFileSync(file, join(OUT, name));
        return `new URL('./${name}', import.meta.url)`;
      });
      return { contents, loader: 'ts' };
    });
  },
};

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
// The folder is all of the image's /app: without this, Node would take the .js files for CommonJS.
const version = process.argv[2] ?? 'dev';
writeFileSync(
  join(OUT, 'package.json'),
  `${JSON.stringify({ name: 'ocpp-cluster', version, type: 'module' })}\n`,
);
await build({
  absWorkingDir: ROOT,
  entryPoints: Object.entries(PROGRAMS).map(([out, source]) => ({
    in: source,
    out: out.replace(/\.js$/, ''),
  })),
  outdir: OUT,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  sourcemap: true,
  sourcesContent: false,
  // CommonJS dependencies call require() for Node's own modules; an ES module has none.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  define: { BUILD_VERSION: JSON.stringify(version) },
  plugins: [dataFiles],
  logLevel: 'info',
});
const page = [join(ROOT, 'services/console/build.ts'), join(OUT, 'console')];
if (spawnSync(process.execPath, page, { stdio: 'inherit' }).status !== 0)
  throw new Error('the console cannot be built: see above');
for (const bundle of Object.keys(PROGRAMS)) {
  const file = join(OUT, `${bundle}.map`);
  const map = JSON.parse(readFileSync(file, 'utf8')) as Parameters<typeof ownMappings>[0];
  writeFileSync(file, JSON.stringify(ownMappings(map, (source) => !source.includes('node_modules/'))));
}
