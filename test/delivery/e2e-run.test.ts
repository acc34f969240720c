/**
 * What `npm run e2e` does before and after its tests. Docker and kind are stood in for by programs that write down how they were
 * called: the only way to see the order of those calls on a machine that has neither.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { whereToTest } from '../e2e/where.ts';

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

/** Runs it with stand-ins; the one for kind has the given clusters, the one for the tests ends with `status`. */
function e2e(clusters: string, status: number, env: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'e2e-run-'));
  const calls = join(folder, 'calls');
  const program = (name: string, then: string) => {
    const file = join(folder, name);
    writeFileSync(file, `#!/bin/sh\necho "${name} $* $E2E_ADDRESS" >> '${calls}'\n${then}\n`);
    chmodSync(file, 0o755);
  };
  program('docker', 'exit 0');
  program('kind', `[ "$1 $2" != 'get clusters' ] || echo '${clusters}'`);
  program('ava', `echo "$KUBECONFIG" > '${join(folder, 'kubeconfig')}'; exit ${status}`);
  const { KUBECONFIG: _, CI: __, ...inherited } = process.env;
  const ended = spawnSync(process.execPath, [join(ROOT, 'test/e2e/main.ts'), '--tap'], {
    env: { ...inherited, PATH: `${folder}:${process.env['PATH']}`, ...env },
    encoding: 'utf8',
    timeout: 30_000,
  });
  const kubeconfig = readFileSync(join(folder, 'kubeconfig'), 'utf8').trim();
  const lines = readFileSync(calls, 'utf8')
    .trim()
    .split('\n')
    .map((line) => line.replaceAll(kubeconfig, 'FILE').trim())
    .filter((line) => !/^(docker info|kind version|kind get)/.test(line));
  rmSync(folder, { recursive: true });
  return { status: ended.status, lines, left: existsSync(kubeconfig), kubeconfig };
}

const CREATE = 'kind create cluster --name ocpp --config test/e2e/kind.yaml --kubeconfig FILE --wait 120s';
const TESTS = 'ava --config ava.e2e.config.js --tap NodePort';

test('a kind cluster is made for the run and deleted after it, also when tests fail', (t) => {
  for (const status of [0, 1]) {
    const run = e2e('', status);
    t.is(run.status, status);
    t.deepEqual(run.lines, [CREATE, TESTS, 'kind delete cluster --name ocpp']);
    t.false(run.left);
  }
});

test('E2E_KEEP keeps it, one that is there is used and left, an image chooses the version of Kubernetes', (t) => {
  t.deepEqual(e2e('', 0, { E2E_KEEP: '1' }).lines, [CREATE, TESTS]);
  t.deepEqual(e2e('ocpp', 0).lines, ['kind export kubeconfig --name ocpp --kubeconfig FILE', TESTS]);
  t.is(
    e2e('', 0, { KIND_NODE_IMAGE: 'kindest/node:v1.33.0' }).lines[0],
    `${CREATE} --image kindest/node:v1.33.0`,
  );
});

test('with KUBECONFIG the tests run there, and kind is left alone', (t) => {
  const run = e2e('', 0, { KUBECONFIG: '/nowhere' });
  t.deepEqual(run.lines, ['ava --config ava.e2e.config.js --tap']);
  t.is(run.kubeconfig, '/nowhere');
});
