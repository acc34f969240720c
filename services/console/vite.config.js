/**
 * Vite builds the console (build.ts calls it). `API=http://127.0.0.1:8080 npm run console` serves it with reloads while it is
 * changed, beside an API that runs. Plain JavaScript, as the types of Vite would bring those of browsers to every program.
 */
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const COMPRESSED = new Set(['.html', '.js', '.css']);

/** Beside each text its compressed forms, which the API serves (services/api/console.ts). */
const compress = {
  name: 'compress',
  apply: 'build',
  writeBundle({ dir }) {
    for (const name of globSync('**/*', { cwd: dir })) {
      const file = join(dir, name);
      if (!COMPRESSED.has(extname(name)) || statSync(file).isDirectory()) continue;
      const text = readFileSync(file);
      writeFileSync(`${file}.br`, brotliCompressSync(text));
      writeFileSync(`${file}.gz`, gzipSync(text, { level: 9 }));
    }
  },
};

export default {
  root: import.meta.dirname,
  base: './',
  logLevel: 'warn',
  plugins: [compress],
  server: { proxy: { '/v1': process.env.API ?? 'http://127.0.0.1:8080' } },
  build: {
    emptyOutDir: true,
    // One origin and one small script: nothing is loaded ahead.
    modulePreload: false,
    reportCompressedSize: false,
    // A data: URL for a font or picture would need an exception of the Content-Security-Policy.
    assetsInlineLimit: 0,
  },
};
