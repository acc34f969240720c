/** test/e2e/kind-cluster, the cluster command of the gate, with stand-ins for Docker and kind (see recorded-programs.ts). */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { recordedPrograms } from './recorded-programs.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const COMMAND = join(ROOT, 'test/e2e/kind-cluster');
const CONFIG = join(ROOT, 'test/e2e/kind.yaml');

/** Runs shell lines on a machine with these kind clusters; "$CLUSTER" is the command. */
function run(script: string, clusters = 'other', env: Readonly<Record<string, string>> = {}) {
  using programs = recordedPrograms({
    docker: '',
    kind: `[ "$1 $2" != 'get clusters' ] || echo '${clusters}'`,
    go: 'echo /assets',
  });
  const { KUBEBUILDER_ASSETS: _, KIND_NODE_IMAGE: __, ...inherited } = process.env;
  const { status, stdout } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
    env: { ...inherited, PATH: programs.path, CLUSTER: COMMAND, KIND_KUBECONFIG: '/tmp/k', ...env },
    encoding: 'utf8',
    timeout: 30_000,
  });
  return {
    status,
    out: stdout.trim(),
    calls: programs.calls().filter((call) => call !== 'kind get clusters'),
  };
}

const CREATE = `kind create cluster --name ocpp --config ${CONFIG} --kubeconfig /tmp/k --wait 180s`;

for (const [script, clusters, env, calls] of [
  ['"$CLUSTER" up', 'other', {}, [CREATE]],
  ['"$CLUSTER" up', 'other', { KIND_NODE_IMAGE: 'kindest/node:v1' }, [`${CREATE} --image kindest/node:v1`]],
  ['"$CLUSTER" up', 'ocpp', {}, ['kind export kubeconfig --name ocpp --kubeconfig /tmp/k']],
  ['"$CLUSTER" down', 'ocpp', {}, ['kind delete cluster --name ocpp --kubeconfig /tmp/k']],
  ['"$CLUSTER" load a.tar', 'ocpp', {}, ['kind load image-archive a.tar --name ocpp']],
  [
    'eval "$("$CLUSTER" image)"',
    'ocpp',
    { IMAGE: 'app:1', VERSION: '1', DOCKERFILE: 'Dockerfile' },
    [
      'docker build --file Dockerfile --tag app:1 --build-arg VERSION=1 .',
      'kind load docker-image app:1 --name ocpp',
    ],
  ],
] as const) {
  test(`${script} with the cluster ${clusters} ${Object.keys(env).join(' ')}`, (t) => {
    const ran = run(script, clusters, env);
    t.is(ran.status, 0);
    t.deepEqual(ran.calls, [...calls]);
  });
}

test('status is what the gate looks for; env points kubectl and the tests at the cluster, up or not', (t) => {
  t.is(run('"$CLUSTER" status').out, 'apiserver down');
  t.regex(run('"$CLUSTER" status', 'a\nocpp\nz').out, /^apiserver +up/);
  t.is(run('eval "$("$CLUSTER" env)"; echo "$KUBECONFIG $E2E_ADDRESS"').out, '/tmp/k NodePort');
});

test('tools are those that are named, or setup-envtest gets them', (t) => {
  t.deepEqual(run('"$CLUSTER" tools', '', { KUBEBUILDER_ASSETS: '/mine' }), {
    status: 0,
    out: '/mine',
    calls: [],
  });
  const got = run('"$CLUSTER" tools');
  t.is(got.out, '/assets');
  t.regex(got.calls.join(), /^go run .*setup-envtest@\S+ use -p path$/);
});

test('it knows every verb that the gate calls, and says so of others', (t) => {
  const called = readFileSync(join(ROOT, '.ci/run'), 'utf8').matchAll(/"\$CLUSTER" ([a-z]+)/g);
  const verbs = new Set([...called].map(([, verb = '']) => verb));
  t.true(verbs.size > 4);
  for (const verb of verbs) t.is(run(`"$CLUSTER" ${verb}`).status, 0, verb);
  t.is(run('"$CLUSTER" dance').status, 2);
});
