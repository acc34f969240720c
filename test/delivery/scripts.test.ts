/** The npm scripts: each works in a fresh clone, has --help, and reports a mistake in one line. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { CHILD_ENVIRONMENT } from '../support/child-environment.ts';

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
  const redis = new Set([
    'start',
    'test',
    'chaos',
    'bench',
    'console-load',
    'pictures',
    'fuzz',
    'fuzz:api',
    'scenarios',
  ]);
  const build = ' --run services/console/build.ts';
  const types = ' --run services/console/openapi.ts';
  const made: Readonly<Record<string, string>> = {
    start: build,
    api: build,
    monolith: build,
    types,
    lint: types,
  };
  for (const name of names) {
    t.is(scripts[`pre${name}`], `${SETUP}${redis.has(name) ? ' --redis' : ''}${made[name] ?? ''}`, name);
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
/** They have no options of their own and pass theirs to the tools that they run. */
const WITHOUT_OPTIONS = new Set(['build', 'e2e', 'schemas']);
for (const name of names) {
  const file = OURS.exec(scripts[name] ?? '')?.[1];
  if (file === undefined || WITHOUT_OPTIONS.has(name)) continue;
  const run = (option: string) =>
    spawnSync(process.execPath, [join(ROOT, file), option], { encoding: 'utf8', timeout: 30_000 });
  test(`npm run ${name}: --help explains it, an unknown option is reported in one line`, (t) => {
    const help = run('--help');
    t.is(help.status, 0);
    t.is(help.stderr, '');
    t.true(help.stdout.length > 100);
    const wrong = run('--no-such-option');
    t.is(wrong.status, 2);
    t.regex(wrong.stderr, /^[^\n]*--no-such-option[^\n]*\n$/);
  });
}

interface Mistake {
  readonly script: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly stderr: RegExp;
}

/** Nothing listens on port 1. */
const NO_REDIS = { REDIS_ADDR: '127.0.0.1:1' };

const MISTAKES: readonly Mistake[] = [
  {
    script: 'ws-proxy',
    env: { OCPP_PORT: '9000x', OCPP_DRAIN_TRANSACTIONS: 'hold', REDIS_TLS: '0' },
    status: 1,
    stderr:
      /^ws-proxy [^\n]*\n {2}OCPP_PORT: [^\n]*"9000x"\)\n {2}OCPP_DRAIN_TRANSACTIONS: [^\n]*wait[^\n]*\n {2}REDIS_TLS: [^\n]*\n$/,
  },
  {
    script: 'ws-proxy',
    env: { OCPP_PROTOCOLS: 'ocpp9', OCPP_DEFAULT_PROTOCOL: 'soap', OCPP_LISTENERS: '9' },
    status: 1,
    stderr: /^OCPP_PROTOCOLS: [^\n]*\nOCPP_DEFAULT_PROTOCOL: [^\n]*\nOCPP_LISTENERS: [^\n]*\n$/,
  },
  { script: 'ws-proxy', env: { REDIS_MODE: 'sentinel' }, status: 1, stderr: /^[^\n]*master name\n$/ },
  {
    script: 'processor',
    env: { OCPP_UNKNOWN_TOKENS: 'Maybe', OCPP_STOP_GRACE: 'soon' },
    status: 1,
    stderr: /^processor [^\n]*\n {2}OCPP_STOP_GRACE: [^\n]*\n {2}OCPP_UNKNOWN_TOKENS: [^\n]*\n$/,
  },
  {
    script: 'processor',
    env: { REDIS_ADDR: 'not an address' },
    status: 1,
    stderr: /^[^\n]*"not an address"[^\n]*\n$/,
  },
  {
    script: 'monolith',
    env: { OCPP_LISTENERS: '9000/lab' },
    status: 1,
    stderr: /^OCPP_LISTENERS: [^\n]*9000[^\n]*\n$/,
  },
  {
    script: 'dead-letters',
    args: ['list'],
    env: { REDIS_DB: 'x' },
    status: 1,
    stderr: /\n {2}REDIS_DB: [^\n]*\n$/,
  },
  {
    script: 'dead-letters',
    args: ['list'],
    env: NO_REDIS,
    status: 1,
    stderr: /^dead-letters: Redis at 127\.0\.0\.1:1: [^\n]*Check [^\n]*\n$/,
  },
  ...[
    ['bench', '--row', 'nothing'],
    ['bench', '--rounds', 'x'],
    ['chaos', '--runs', '0'],
    ['chaos', '--mutant', 'nothing'],
    ['fuzz:bills', '--histories', '1.5'],
    ['fuzz:bills', '--mutant', 'nothing'],
    ['simulate', '--stations', 'many'],
    ['rollout-trial', '--stations', 'many'],
    ['rollout-trial', '--scenario', 'nothing'],
    ['simulate', '--protocols', 'soap'],
    ['whatif', '--metrics', 'recorded.json'],
    ['whatif', '--metrics', 'm', '--policy', 'p', '--startup', 'soon'],
  ].map(([script = '', ...args]) => ({ script, args, status: 2, stderr: /^[^\n]*--[^\n]*\n$/ })),
  ...[
    [],
    ['f.jsonl', '--redis', 'redis://x'],
    ['f.jsonl', '--answer', '1'],
    ['f', '--redis', 'x', '--processor', 'x'],
  ].map((args) => ({ script: 'replay', args, status: 2, stderr: /^replay: [^\n]*\n$/ })),
  ...[
    ['delete'],
    ['list', '--all'],
    ['list', '1-1', '2-2'],
    ['show'],
    ['drop', '--all'],
    ['replay', '--all', '1-1'],
    ['unreadable'],
    ['unreadable', 'replay', '1-1'],
    ['unreadable', 'list', '--station'],
    ['unreadable', 'list', '1-1', '2-2'],
  ].map((args) => ({
    script: 'dead-letters',
    args,
    status: 2,
    stderr: /^dead-letters: [^\n]*; see --help\n$/,
  })),
];

for (const { script, args = [], env = {}, status, stderr } of MISTAKES) {
  const given = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), script, ...args].join(
    ' ',
  );
  test(`mistake: ${given}`, (t) => {
    const file = OURS.exec(scripts[script] ?? '')?.[1] ?? '';
    const options = {
      encoding: 'utf8',
      timeout: 30_000,
      env: { ...CHILD_ENVIRONMENT, ...env },
    } as const;
    const before = performance.now();
    const run = spawnSync(process.execPath, [join(ROOT, file), ...args], options);
    t.is(run.status, status);
    t.regex(run.stderr, stderr);
    t.is(run.stdout, '');
    if (env === NO_REDIS)
      t.true(performance.now() - before < 5000, 'within 3 s, or a little more on a busy machine');
  });
}
