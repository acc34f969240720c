/** The npm scripts: each works in a fresh clone, explains itself, and answers a wrong option with one line. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';

const ROOT = join(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};
const SETUP = 'node operator/local/cli/setup.mjs';
/** Only calls others. */
const COMPOSED = new Set(['check']);
const names = Object.keys(scripts).filter((name) => !isPre(name) && !COMPOSED.has(name));

function isPre(name: string): boolean {
  return name.startsWith('pre') && scripts[name.slice(3)] !== undefined;
}

test('every script installs what is missing first; those that start a Redis get one', (t) => {
  const redis = new Set(['start', 'test', 'chaos', 'bench']);
  for (const name of names) {
    t.is(scripts[`pre${name}`], redis.has(name) ? `${SETUP} --redis` : SETUP, name);
  }
  for (const name of COMPOSED)
    t.regex(scripts[name] ?? '', /^npm run \S+( -- --\S+)?( && npm run \S+( -- --\S+)?)*$/);
});

test('the set-up says nothing and changes nothing when nothing is missing', (t) => {
  const setup = (...args: string[]) =>
    spawnSync(process.execPath, [join(ROOT, 'operator/local/cli/setup.mjs'), ...args], { encoding: 'utf8' });
  t.like(setup(), { status: 0, stdout: '', stderr: '' });
  const withRedis = setup('--redis');
  t.like(withRedis, { status: 0, stdout: '' });
  t.regex(withRedis.stderr, /^(setup: redis-server is not installed.*\n)?$/);
});

const OURS = /^node (?:--\S+ )*(\S+\.ts)$/;
/** They take no options of their own: what they get is for the tools that they run. */
const WITHOUT_OPTIONS = new Set(['build', 'e2e', 'schemas']);
const WITH_OPTIONS = new Set([
  'start',
  'simulate',
  'chaos',
  'fuzz:bills',
  'bench',
  'bench:operator',
  'packages',
  'generate',
]);

for (const name of names) {
  const file = OURS.exec(scripts[name] ?? '')?.[1];
  if (file === undefined || WITHOUT_OPTIONS.has(name)) continue;
  const run = (option: string) =>
    spawnSync(process.execPath, [join(ROOT, file), option], { encoding: 'utf8', timeout: 30_000 });
  test(`npm run ${name}: --help explains it${WITH_OPTIONS.has(name) ? ', a wrong option is one line' : ''}`, (t) => {
    const help = run('--help');
    t.is(help.status, 0);
    t.is(help.stderr, '');
    t.true(help.stdout.length > 100);
    if (!WITH_OPTIONS.has(name)) return;
    const wrong = run('--no-such-option');
    t.is(wrong.status, 2);
    t.regex(wrong.stderr, /^[^\n]*--no-such-option[^\n]*\n$/);
  });
}
