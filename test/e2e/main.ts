/**
 * `npm run e2e [options of ava]`: the e2e tests on the cluster that KUBECONFIG points at, or on a kind cluster that is made for
 * the run and deleted after it (E2E_KEEP=1 keeps it). A kind cluster `ocpp` that is there already is used and left.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KIND_CLUSTER, whereToTest } from './where.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const CONFIG = join('test', 'e2e', 'kind.yaml');

let child: ChildProcess | undefined;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interrupted = true;
    child?.kill(signal);
  });
}

function works(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}

function kindClusters(): string[] {
  return (spawnSync('kind', ['get', 'clusters'], { encoding: 'utf8', timeout: 20_000 }).stdout ?? '').split(
    '\n',
  );
}

/** Resolves to the exit status; output goes where ours goes. */
function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    child = spawn(program, args, { cwd: ROOT, env, stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

const tests = (env: NodeJS.ProcessEnv) =>
  run('ava', ['--config', 'ava.e2e.config.js', ...process.argv.slice(2)], env);

async function onKind(ours: boolean): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-e2e-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const name = ['--name', KIND_CLUSTER];
  // Its nodes have addresses of this machine's Docker network; its Services have not.
  const env = { E2E_ADDRESS: 'NodePort', ...process.env, KUBECONFIG: kubeconfig };
  try {
    const image = process.env['KIND_NODE_IMAGE'];
    const create = [
      'create',
      'cluster',
      ...name,
      '--config',
      CONFIG,
      '--kubeconfig',
      kubeconfig,
      '--wait',
      '120s',
    ];
    const made = ours
      ? await run('kind', [...create, ...(image === undefined ? [] : ['--image', image])], process.env)
      : await run('kind', ['export', 'kubeconfig', ...name, '--kubeconfig', kubeconfig], process.env);
    return made === 0 && !interrupted ? await tests(env) : made || 1;
  } finally {
    if (ours && process.env['E2E_KEEP'] === '1')
      console.error(`kept: kind export kubeconfig ${name.join(' ')}; kind delete cluster ${name.join(' ')}`);
    else if (ours) await run('kind', ['delete', 'cluster', ...name], process.env);
    rmSync(folder, { recursive: true, force: true });
  }
}

const kind = works('kind', 'version');
const where = whereToTest({
  kubeconfig: process.env['KUBECONFIG'],
  docker: works('docker', 'info'),
  kind,
  kindClusters: kind ? kindClusters() : [],
});
if (where.on === 'nothing') console.error(where.message);
else
  console.error(where.on === 'kind' ? `on the kind cluster ${KIND_CLUSTER}` : 'on the cluster of KUBECONFIG');
if (where.on === 'kubeconfig') process.exitCode = await tests(process.env);
else process.exitCode = where.on === 'kind' ? await onKind(where.ours) : 1;
