/** What `npm run e2e` does before and after its tests, with stand-ins for Docker and kind (see recorded-programs.ts). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { whereToTest } from '../e2e/where.ts';
import { until } from '../support/until.ts';
import { recordedPrograms } from './recorded-programs.ts';

const ROOT = join(import.meta.dirname, '..', '..');

test('KUBECONFIG goes before kind, and without either nothing is touched', (t) => {
  const machine = { kubeconfig: undefined, docker: true, kind: true, kindClusters: [] };
  t.deepEqual(whereToTest({ ...machine, kubeconfig: '/x' }), { on: 'kubeconfig' });
  t.deepEqual(whereToTest({ ...machine, kubeconfig: '' }), { on: 'kind', ours: true });
  t.deepEqual(whereToTest({ ...machine, kindClusters: ['other', 'ocpp'] }), { on: 'kind', ours: false });
  const without = whereToTest({ ...machine, docker: false, kind: false });
  t.is(without.on, 'nothing');
  t.regex(
    'message' in without ? without.message : '',
    /set KUBECONFIG .* missing: a running Docker and kind/,
  );
});

interface Machine {
  readonly docker?: string;
  /** Names of kind's clusters. */
  readonly clusters?: string;
  /** What `kind create` does. */
  readonly create?: string;
  /** What the tests do. */
  readonly tests?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: NodeJS.Signals;
}

/** Runs it on such a machine; sends `signal` while the tests run. */
async function e2e({ docker = '', clusters = '', create = '', tests = '', env = {}, signal }: Machine) {
  using programs = recordedPrograms({
    docker,
    kind: `case "$1 $2" in 'get clusters') echo '${clusters}' ;; 'create cluster') ${create} ;; esac`,
    ava: `echo "$KUBECONFIG $E2E_ADDRESS" > "$(dirname "$0")/where"; ${tests}`,
  });
  const where = join(programs.folder, 'where');
  const { KUBECONFIG: _, CI: __, E2E_KEEP: ___, ...inherited } = process.env;
  const child = spawn(process.execPath, [join(ROOT, 'test/e2e/main.ts'), '--tap'], {
    env: { ...inherited, PATH: programs.path, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 30_000,
  });
  const words = text(child.stderr);
  const ended = once(child, 'exit');
  if (signal !== undefined) {
    await until(() => existsSync(where), 'the tests');
    child.kill(signal);
  }
  const [status] = (await ended) as [number];
  const [kubeconfig = '', address] = existsSync(where) ? readFileSync(where, 'utf8').trim().split(' ') : [];
  const calls = programs
    .calls()
    .filter((line) => !/^(docker info|kind version|kind get)/.test(line))
    .map((line) => line.replace(/--kubeconfig \S+/, '--kubeconfig FILE'));
  return { status, calls, kubeconfig, address, left: existsSync(kubeconfig), words: await words };
}

const CREATE = 'kind create cluster --name ocpp --config test/e2e/kind.yaml --kubeconfig FILE --wait 120s';
const TESTS = 'ava --config ava.e2e.config.js --tap';
const DELETE = 'kind delete cluster --name ocpp';

test('a kind cluster is made for the run and deleted after it, also when tests fail', async (t) => {
  for (const status of [0, 1]) {
    const run = await e2e({ tests: `exit ${status}` });
    t.is(run.status, status);
    t.deepEqual(run.calls, [CREATE, TESTS, DELETE]);
    t.is(run.address, 'NodePort');
    t.false(run.left);
  }
});

test('a cluster that could not be made is deleted, and no test runs', async (t) => {
  const run = await e2e({ create: 'exit 3' });
  t.is(run.status, 3);
  t.deepEqual(run.calls, [CREATE, DELETE]);
});

test('who interrupts the tests keeps no cluster', async (t) => {
  const run = await e2e({ tests: 'exec sleep 30', signal: 'SIGTERM' });
  t.not(run.status, 0);
  t.deepEqual(run.calls, [CREATE, TESTS, DELETE]);
});

test('E2E_KEEP keeps the cluster and says how to reach it', async (t) => {
  const run = await e2e({ env: { E2E_KEEP: '1' } });
  t.deepEqual(run.calls, [CREATE, TESTS]);
  t.regex(run.words, /kept: kind export kubeconfig --name ocpp/);
});

test('a cluster that is there is used and left, an image chooses the version of Kubernetes', async (t) => {
  const there = await e2e({ clusters: 'ocpp' });
  t.deepEqual(there.calls, ['kind export kubeconfig --name ocpp --kubeconfig FILE', TESTS]);
  const chosen = await e2e({ env: { KIND_NODE_IMAGE: 'kindest/node:v1.36.4' } });
  t.is(chosen.calls[0], `${CREATE} --image kindest/node:v1.36.4`);
});

test('with KUBECONFIG the tests run there, and kind is left alone', async (t) => {
  const run = await e2e({ env: { KUBECONFIG: '/nowhere' } });
  t.deepEqual(run.calls, [TESTS]);
  t.is(run.kubeconfig, '/nowhere');
});

test('where there is no cluster and no Docker it says what to do, and fails', async (t) => {
  const run = await e2e({ docker: 'exit 1' });
  t.is(run.status, 1);
  t.deepEqual(run.calls, []);
  t.regex(run.words, /set KUBECONFIG .* missing: a running Docker\n/);
});
