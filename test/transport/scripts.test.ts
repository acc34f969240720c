/** Rules for the Lua scripts: documented heads, wrappers of the same name, declared libraries. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'ava';

const ROOT = join(import.meta.dirname, '../../services/transport/redis');
const FILES = globSync('**/*.lua', { cwd: ROOT });
const ALL = FILES.map((file) => ({
  file,
  name: basename(file, '.lua'),
  text: readFileSync(join(ROOT, file), 'utf8'),
}));
const SCRIPTS = ALL.filter(({ text }) => text.startsWith('#!lua'));
const LIBRARIES = ALL.filter((one) => !SCRIPTS.includes(one));

const withoutComments = (text: string) => text.replaceAll(/--.*$/gm, '');
const numbersOf = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, n]) => Number(n));

test('file names are unique, as the image has all in one folder', (t) => {
  t.is(new Set(ALL.map(({ name }) => name)).size, FILES.length);
  t.true(SCRIPTS.length > 20 && LIBRARIES.length > 5);
});

for (const { file, name, text } of SCRIPTS) {
  test(`${file} has a wrapper of its name, and a head with every key, argument and return`, (t) => {
    const wrapper = join(ROOT, file.replace(/\.lua$/, '.ts'));
    const method = name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    t.true(existsSync(wrapper));
    t.regex(readFileSync(wrapper, 'utf8'), new RegExp(`export (async )?function ${method}\\(`));
    for (const kind of ['KEYS', 'ARGV']) {
      const listed = numbersOf(text, new RegExp(`^-- ${kind}\\[(\\d+)\\] +\\S`, 'gm'));
      const used = numbersOf(withoutComments(text), new RegExp(`\\b${kind}\\[(\\d+)\\]`, 'g'));
      t.deepEqual(
        listed,
        [...listed.keys()].map((i) => i + 1),
        `${kind} in order`,
      );
      t.true(Math.max(0, ...used) <= listed.length, `each of ${kind} is listed`);
    }
    t.regex(text, /^-- Returns /m);
  });
}

test('a library takes keys and arguments from its caller; only lists of writes are read where they are', (t) => {
  const readers = LIBRARIES.filter(({ text }) => /\b(KEYS|ARGV)\b/.test(withoutComments(text)));
  t.deepEqual(
    readers.map(({ name }) => name),
    ['writes'],
  );
});

test('every script and library declares the libraries that it uses, and no other', (t) => {
  for (const { file, text } of ALL) {
    const code = withoutComments(text);
    const used = LIBRARIES.filter(({ file: other, text: library }) => {
      const [, table, single] =
        /^local (?:(\w+) = \{\}|function (\w+))$/m.exec(library.replaceAll(/\(.*\)$/gm, '')) ?? [];
      return other !== file && new RegExp(`\\b${table ?? single}\\b`).test(code);
    });
    t.deepEqual(
      [...text.matchAll(/^--- @include (\S+)$/gm)].map(([, name]) => name ?? '').sort(),
      used.map(({ name }) => name).sort(),
      file,
    );
  }
});
