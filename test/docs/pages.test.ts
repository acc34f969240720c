/** The pages: links lead somewhere, cited tests exist, each term of the glossary is defined once and has a source. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { Keys } from '../../services/transport/redis/keys.ts';

const ROOT = join(import.meta.dirname, '../..');
const tracked = execFileSync('git', ['ls-files'], { cwd: ROOT, encoding: 'utf8' }).split('\n');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const pages = tracked.filter((file) => file.endsWith('.md') && existsSync(join(ROOT, file)));

/** The anchor of a heading, as GitHub makes it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

function anchorsOf(page: string): Set<string> {
  return new Set([...page.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => anchorOf(heading ?? '')));
}

test('every relative link leads to a file, and every anchor to a heading', (t) => {
  const broken = pages.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!\w+:)([^)\s#]*)(?:#([^)\s]+))?\)/g)].flatMap(
      ([link, path = '', anchor]) => {
        const target = path === '' ? page : join(dirname(page), path);
        if (!existsSync(join(ROOT, target))) return [`${page}: ${link}`];
        if (anchor === undefined || !target.endsWith('.md')) return [];
        return anchorsOf(read(target)).has(anchor) ? [] : [`${page}: ${link}`];
      },
    ),
  );
  t.deepEqual(broken, []);
});

/** Past paths stay in the record of the move and in the changelog. */
const PAST = /^(docs\/decisions\/0014-|CHANGELOG\.md$)/;

test('every path of the repository that a page names exists', (t) => {
  const named = /`((?:services|operator|test|charts|crds|docs|examples)\/[\w./-]+)`/g;
  const missing = pages
    .filter((page) => !PAST.test(page))
    .flatMap((page) => [...read(page).matchAll(named)].map(([, path = '']) => [page, path] as const))
    .filter(([, path]) => !existsSync(join(ROOT, path)));
  t.deepEqual(missing, []);
});

/** Pages that cite tests by title, in italics behind the file: `delivery`: *a claim whose …*. */
const CITING = ['docs/decisions/0001-redis-data-path.md', 'docs/reliability.md'];

test('every test that decision 1 and the guarantees cite exists', (t) => {
  const sources = tracked
    .filter((file) => /^test\/.*\.ts$/.test(file) && existsSync(join(ROOT, file)))
    .map(read)
    .join('\n')
    .replaceAll("\\'", "'");
  for (const page of CITING) {
    const titles = [...read(page).matchAll(/(?<=[`;:,] )\*([^*\n]{12,})\*/g)].map(([, title = '']) => title);
    t.true(titles.length > 15, `${page}: its citations were found`);
    const missing = titles.filter(
      (title) => !title.split('…').every((part) => sources.includes(part.trim())),
    );
    t.deepEqual(missing, [], page);
  }
});

test('each term of the glossary is defined once, in a sentence, and has a source or says that it is ours', (t) => {
  const rows = [...read('docs/glossary.md').matchAll(/^\| (?!term |---)(.+) \|$/gm)].map(([, row = '']) =>
    row.split(' | '),
  );
  t.true(rows.length >= 40);
  for (const [term = '', definition = '', source = ''] of rows) {
    t.regex(definition, /^\S.*\.$/, term);
    t.not(source, '', term);
  }
  const terms = rows.map(([term]) => term);
  t.deepEqual(
    terms.filter((term, index) => terms.indexOf(term) !== index),
    [],
  );
});

test('docs/redis-keys.md lists every key of the data path', (t) => {
  const page = read('docs/redis-keys.md');
  const keys = new Keys('p', 's');
  const methods = Object.getOwnPropertyNames(Keys.prototype).filter((name) => name !== 'constructor');
  const texts = [...Object.keys(keys), ...methods].flatMap((name) => {
    const key: unknown = Reflect.get(keys, name);
    const text: unknown = typeof key === 'function' ? key.call(keys, 'processor') : key;
    return typeof text === 'string' && text.includes(':') ? [text] : [];
  });
  t.true(texts.length > 25);
  // `p:session:processor` is `p:session:{id}` on the page.
  const isListed = (key: string) =>
    page.includes(`\`${key}\``) || page.includes(key.replace(/processor$/, '{'));
  t.deepEqual(
    texts.filter((key) => !isListed(key)),
    [],
  );
});
