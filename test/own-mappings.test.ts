/** What the bundles' source maps keep: every place in our own sources, and nothing else. */
import { SourceMap } from 'node:module';
import { join } from 'node:path';
import test from 'ava';
import { build } from 'esbuild';
import { ownMappings } from '../own-mappings.ts';

const ROOT = join(import.meta.dirname, '..');
const isOurs = (source: string) => !source.includes('node_modules/');

test('places of our sources are those of the whole map; places of dependencies have none', async (t) => {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: ['services/runtime/log.ts'],
    outdir: 'nowhere',
    bundle: true,
    platform: 'node',
    format: 'esm',
    sourcemap: true,
    write: false,
  });
  const [map, bundle] = outputFiles.map(({ text }) => text);
  type Payload = ConstructorParameters<typeof SourceMap>[0];
  const payload = JSON.parse(map ?? '') as Payload;
  const whole = new SourceMap(payload);
  const small = new SourceMap(ownMappings(payload, isOurs) as Payload);
  let ours = 0;
  let theirs = 0;
  for (const [line, text] of (bundle ?? '').split('\n').entries()) {
    for (let column = 0; column < Math.min(text.length, 120); column += 3) {
      const expected = whole.findEntry(line, column);
      const found = small.findEntry(line, column);
      const wanted = 'originalSource' in expected && isOurs(expected.originalSource) ? expected : undefined;
      const place = (entry: object | undefined) => {
        const { originalSource, originalLine, originalColumn } = (entry ?? {}) as Record<string, unknown>;
        return `${String(originalSource)}:${String(originalLine)}:${String(originalColumn)}`;
      };
      if (place(found) !== place(wanted))
        t.fail(`${line}:${column} is ${place(found)}, not ${place(wanted)}`);
      if (wanted === undefined) theirs++;
      else ours++;
    }
  }
  t.true(ours > 100 && theirs > 1000, `${ours} of ours, ${theirs} of dependencies`);
});
