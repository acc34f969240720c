/** The API reference of both packages: one page for each name that can be imported. */
import { globSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { Converter, ReflectionKind } from 'typedoc';

const ROOT = join(import.meta.dirname, '..', '..');
const { name, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Source → the name by which a program imports it. */
const imports = new Map([['services/client/connect.ts', `${name}-client`]]);
for (const [path, pattern] of Object.entries(exports)) {
  for (const file of globSync(pattern, { cwd: ROOT }))
    imports.set(file, `${name}${path.slice(1).replace('*', basename(file, '.ts'))}`);
}

/** Names each page as programs do, not by its file. */
function namePages(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context, reflection) => {
    if (!reflection.kindOf(ReflectionKind.Module)) return;
    const file = context.getSymbolFromReflection(reflection)?.declarations?.[0]?.getSourceFile().fileName;
    if (file !== undefined) reflection.name = imports.get(relative(ROOT, file)) ?? reflection.name;
  });
}

export default {
  name,
  tsconfig: 'tsconfig.json',
  entryPoints: [...imports.keys()].map((file) => join(ROOT, file)),
  plugin: ['typedoc-plugin-missing-exports', namePages],
  out: join(ROOT, 'dist', 'api'),
  readme: join(ROOT, 'services', 'library', 'README.md'),
  disableSources: true,
  excludePrivate: true,
  excludeExternals: true,
  treatWarningsAsErrors: true,
};
