/**
 * Clients of other languages, as their users make them: a generator reads /openapi.json as it is served, and a small program
 * with the result charges at a simulated station. Generators are fetched into caches. Where that is not possible, a test says so, and fails
 * with CI=true.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { startApiCluster } from '../api/cluster.ts';
import { blocksOf, read } from '../docs/page-commands.ts';
import { pythonWith } from '../scenario/python.ts';
import { goWith } from './go.ts';
import { Script } from '../support/script.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const OAPI_CODEGEN = 'github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2';
/** A first run downloads and compiles the generator. */
const TIMEOUT = 280_000;

/** A cluster with a station and a token, and the document in a folder of its own. */
async function world(t: ExecutionContext, station: string) {
  const stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'api-client-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const cluster = stack.use(await startApiCluster());
  const { status } = await cluster.ask('PUT', '/v1/tokens/CLIENT', { body: { status: 'Accepted' } });
  t.is(status, 200);
  const demo = stack.use(new Script(ROOT, 'examples/charging-station.ts', [cluster.proxy.url, station]));
  await demo.says(/connected: /);
  const document = join(folder, 'openapi.json');
  await writeFile(document, await (await fetch(`${cluster.api.apiUrl}/openapi.json`)).text());
  const args = [cluster.api.apiUrl, 'command', 'read', station];
  return { folder, document, args, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function checkSeen(t: ExecutionContext, output: string, station: string): void {
  const { energy, ...seen } = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, string>;
  t.regex(energy ?? '', /^\d+$/);
  t.deepEqual(seen, {
    station,
    started: 'answered',
    open: 'open',
    stopped: 'answered',
    bill: 'final',
    refused: 'bad-call',
    forbidden: 'forbidden',
  });
}

function skip(t: ExecutionContext, missing: string): void {
  t.log(`SKIPPED: ${missing}`);
  if (process.env['CI'] === 'true') t.fail(missing);
  else t.pass();
}

test.serial('a client that oapi-codegen makes in Go charges at a station', async (t) => {
  t.timeout(TIMEOUT);
  const found = await goWith(OAPI_CODEGEN, TIMEOUT);
  if ('missing' in found) return skip(t, found.missing);
  await using at = await world(t, 'GO-1');
  const cwd = join(at.folder, 'client');
  await cp(join(import.meta.dirname, 'go'), cwd, { recursive: true });
  const generated = join(cwd, 'cluster');
  await mkdir(generated);
  const [config = ''] = blocksOf(read('docs/api.md'), 'yaml');
  await writeFile(join(generated, 'oapi-codegen.yaml'), config);
  const go = (...args: readonly string[]) => run(found.path, args, { cwd, timeout: TIMEOUT });
  const generate = ['run', OAPI_CODEGEN, '-config', 'oapi-codegen.yaml', at.document];
  await run(found.path, generate, { cwd: generated, timeout: TIMEOUT });
  await go('vet', './...');
  const { stdout } = await go('run', '.', ...at.args);
  checkSeen(t, stdout, 'GO-1');
});

test.serial('a client that openapi-python-client makes charges at a station', async (t) => {
  t.timeout(TIMEOUT);
  const python = await pythonWith(['openapi-python-client==0.29.1']);
  if ('missing' in python) return skip(t, python.missing);
  await using at = await world(t, 'PYTHON-1');
  const client = join(at.folder, 'client');
  const generator = ['-m', 'openapi_python_client', 'generate', '--meta', 'none'];
  const paths = ['--path', at.document, '--output-path', client];
  const { stdout, stderr } = await run(python.path, [...generator, ...paths]);
  t.deepEqual(
    [...`${stdout}${stderr}`.matchAll(/^WARNING parsing (.*) within/gm)].map(([, operation]) => operation),
    ['POST /v1/tokens/import'],
    'it knows no text/csv',
  );
  await run('mv', [client, join(at.folder, 'ocpp_cluster_api_client')]);
  const charged = await run(python.path, [join(import.meta.dirname, 'python/charge.py'), ...at.args], {
    env: { ...process.env, PYTHONPATH: at.folder },
    timeout: 90_000,
  });
  checkSeen(t, charged.stdout, 'PYTHON-1');
});
