/** Both packages, installed from their tarballs in a strict project: they compile, run, and bring nothing else. */
import { globSync, lstatSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { freePort } from '../support/free-port.ts';
import { startStation } from '../client/station.ts';
import { startProgram } from '../support/program.ts';
import { startRedis } from '../support/redis-server.ts';
import { Script } from '../support/script.ts';
import { until } from '../support/until.ts';
import { createProject, importsOf, type Project, readManifest, ROOT } from './project.ts';

/** Both packages without their dependencies, and with them; MB. Most of the latter is date-fns, which typed-ocpp requires. */
const OURS_AT_MOST = 6;
const ALL_AT_MOST = 55;

let project: Project;
test.before('both packages are packed and installed', async (t) => {
  t.timeout(300_000);
  project = await createProject();
});
test.after.always(() => project?.[Symbol.asyncDispose]());

const node = (...args: readonly string[]) => project.run(process.execPath, ...args);
const script = (file: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
  new Script(project.folder, join('out', file), args, env);

/** Of all files in it; MB. */
const sizeOf = (folder: string) =>
  globSync('**', { cwd: folder }).reduce((sum, file) => sum + lstatSync(join(folder, file)).size, 0) / 1e6;

test.serial('a strict NodeNext project compiles without an error', async (t) => {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  t.is(await node(tsc, '-p', project.folder), '');
});

test.serial('every exported name can be imported, and has types', async (t) => {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { exports: object };
  const packed = await readManifest(project.staging.get('ocpp-cluster') ?? '');
  t.deepEqual(Object.keys(packed.exports), [...Object.keys(exports), './package.json']);
  const names = await Promise.all([...project.staging].map(([name, folder]) => importsOf(name, folder)));
  const lines = (await node('out/every-name.js')).trim().split('\n');
  t.is(lines.length, names.flat().length);
  t.true(lines.length > 30, `${lines.length}`);
});

test.serial('the dependency tree is complete and small: no Kubernetes, no Node binary', async (t) => {
  await project.run('npm', 'ls', '--all');
  const modules = join(project.folder, 'node_modules');
  const found = globSync(['@kubernetes/*', 'node-*', 'node', '.bin/node', 'typescript', 'ava'], {
    cwd: modules,
  });
  t.deepEqual(found, []);
  let ours = 0;
  for (const folder of project.staging.values()) ours += sizeOf(folder);
  t.log(`packages: ${ours.toFixed(1)} MB, with dependencies: ${sizeOf(modules).toFixed(1)} MB`);
  t.true(ours < OURS_AT_MOST, `${ours}`);
  t.true(sizeOf(modules) < ALL_AT_MOST, `${sizeOf(modules)}`);
});

test.serial('a package has its licence, its version, and no path of the machine that built it', async (t) => {
  const { version } = await readManifest(ROOT);
  for (const [name, folder] of project.staging) {
    t.like(await readManifest(folder), { version, license: 'Apache-2.0' }, name);
    const files = globSync('**', { cwd: folder }).filter((file) => lstatSync(join(folder, file)).isFile());
    for (const file of ['LICENSE', 'NOTICE', 'README.md', 'CHANGELOG.md']) t.true(files.includes(file), file);
    for (const file of files) {
      const text = readFileSync(join(folder, file), 'utf8');
      for (const path of [ROOT, dirname(folder), `${homedir()}/`])
        t.false(text.includes(path), `${name}: ${file}`);
    }
  }
});

test.serial('the server and the station of the README ask each other', async (t) => {
  const port = await freePort();
  await using server = script('server.js', [String(port)]);
  const listens = () =>
    fetch(`http://127.0.0.1:${port}`).then(
      () => true,
      () => false,
    );
  await until(listens, `a server on port ${port}`);
  await using station = script('station.js', [`ws://127.0.0.1:${port}/ocpp`]);
  await station.says(/kind: 'confirmed'/, /status: 'Accepted'/);
  await server.says(/listVersion: 7/);
  t.pass();
});

test.serial('the example of a server and a station in one process runs', async (t) => {
  t.regex(await node('out/monolith.js'), /boot: \{\s+kind: 'confirmed'[^]*reset: .*status: 'Scheduled'/);
});

test.serial('the conformance suite passes under node:test', async (t) => {
  const report = await node('--test', '--test-reporter=tap', 'out/conformance.js');
  t.regex(report, /^# fail 0$/m);
  t.true(Number(/^# pass (\d+)$/m.exec(report)?.[1]) > 20, report);
});

test.serial('a client dies after it sent a command, and a second one finds the outcome', async (t) => {
  await using redis = await startRedis();
  const env = { REDIS_ADDR: redis.addr };
  await using proxy = await startProgram('ws-proxy', env);
  const adminPort = String(await freePort());
  await using processor = script('processor.js', [], {
    ...env,
    OCPP_ADMIN_PORT: adminPort,
    POD_IP: '127.0.0.1',
  });
  await processor.says(/processing messages/);
  const resets: string[] = [];
  const answer = Promise.withResolvers<void>();
  await using station = await startStation(proxy.url, 'CP-1', (type) => {
    resets.push(type);
    return answer.promise;
  });
  const boot = await station.sendRequest('BootNotification', {
    chargePointVendor: 'Acme',
    chargePointModel: 'DC-9',
  });
  t.like(boot, { response: { interval: 30 } }, 'as the handler of the example says');

  const url = `redis://${redis.addr}`;
  await using first = script('client.js', [url]);
  await until(() => resets.length > 0, 'the Reset at the station');
  await first.end('SIGKILL');
  answer.resolve();
  await using second = script('client.js', [url]);
  t.is(await second.end(), 0, second.output);
  await second.says(/connected: CP-1 ocpp1.6/, /outcome: [^]*kind: 'answered'[^]*'Accepted'/);
  await second.says(/current state: [^]*kind: 'answered'/, /station: [^]*DC-9/);
  t.deepEqual(resets, ['Soft'], 'it was sent once');
});
