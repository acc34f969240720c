/** The commands of docs/security.md do what it says: those of the walk-through on this machine, and those that make Secrets for Kubernetes. */
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parseManifest } from '../../operator/local/cli/manifest.ts';
import { needsOf } from '../../operator/local/trial/needs.ts';
import { checkStationEntry } from '../../services/access/station-entry.ts';
import { strictly } from '../../services/certificates/certificate-error.ts';
import { readMaterial, type TlsMaterial } from '../../services/station-server/tls/material.ts';
import { contextRules } from '../../services/station-server/tls/suites.ts';
import { readCommand } from '../../services/stations/usage.ts';
import { freePort } from '../support/free-port.ts';
import { names, rendered } from '../support/rendered.ts';
import { until } from '../support/until.ts';
import { bash, blocksOf, commandsOf, read, ROOT, runAll, section, withoutNpm } from './page-commands.ts';

const page = read('docs/security.md');
const SECURE = read('examples/secure.yaml');

function folder(t: ExecutionContext): string {
  const made = mkdtempSync(join(tmpdir(), 'security-page-'));
  t.teardown(() => rmSync(made, { recursive: true }));
  return made;
}

/** The number of commands of the walk-through that say what they print, at least. */
const CHECKED = 16;

test('the walk-through with npm start: each command succeeds and prints what the page says', async (t) => {
  t.timeout(150_000);
  const at = folder(t);
  const ports = new Map<string, number>();
  for (const port of ['9000', '9443', '9444']) ports.set(port, await freePort());
  const manifest = join(at, 'secure.yaml');
  writeFileSync(
    manifest,
    SECURE.replaceAll(/port: (\d+)/g, (_, port: string) => `port: ${ports.get(port) ?? port}`),
  );
  // Ports and folders of this run, as others may use those of the page.
  const here = (text: string) =>
    withoutNpm(text)
      .replaceAll(/127\.0\.0\.1:(\d+)/g, (_, port: string) => `127.0.0.1:${ports.get(port) ?? port}`)
      .replaceAll('/tmp/ocpp-trial', join(at, 'data'))
      .replaceAll('examples/secure.yaml', manifest);

  const [start = '', ...blocks] = blocksOf(section(page, 'Profile 3 in ten minutes, on this machine'), 'sh');
  const { child, said, ended } = bash(`exec ${here(start)}`, ROOT);
  try {
    const line = () =>
      /^ +(REDIS_ADDR=.* npm run --silent stations -- )new-password ID$/m.exec(said.text)?.[1];
    const printed = await until(line, 'the command that adds a station', 60_000).catch((error: Error) => {
      throw new Error(`${error.message}\n${said.text}`);
    });
    const variables = (text: string) => [...text.matchAll(/\b([A-Z_]+)=/g)].map(([, name = '']) => name);
    const commands = blocks.flatMap(commandsOf).map(({ text, prints }) => {
      if (!text.includes('…')) return { text: here(text), prints };
      t.deepEqual(variables(text), variables(printed), 'the printed command has the variables of the page');
      return { text: `stations() { ${withoutNpm(printed)} "$@"; }`, prints };
    });
    t.true(commands.filter(({ prints }) => prints !== '').length >= CHECKED);
    const results = await runAll(commands, ROOT);
    for (const [index, { text, prints }] of commands.entries()) {
      const { status, output } = results[index] ?? { status: '', output: '' };
      t.is(status, '0', `${text}\n${output}`);
      t.true(output.includes(prints), `${text}\nprints no "${prints}":\n${output}`);
    }
  } finally {
    child.kill('SIGINT');
    await ended;
  }
  t.regex(said.text, /stopped, nothing is left running/);
});

/** Notes each call, a line of JSON; runs nothing. `stations.js hash` is the real program. */
const KUBECTL = `
kubectl() {
  node -e 'fs.appendFileSync(process.env.CALLS, JSON.stringify(process.argv.slice(1)) + "\\n")' -- "$@"
  if [[ " $* " == *" stations.js hash "* ]]; then node "$ROOT/services/stations/main.ts" hash; fi
}
node_simulate() { true; }
`;

/** The Secrets that calls of kubectl create: name → key → file. */
function secretsIn(calls: readonly (readonly string[])[]): Map<string, ReadonlyMap<string, string>> {
  const made = new Map<string, ReadonlyMap<string, string>>();
  for (const args of calls) {
    const [kind = '', name = ''] = args.slice(args.indexOf('secret') + 1);
    if (!args.includes('create') || !args.includes('secret')) continue;
    const value = (option: string) =>
      args.filter((one) => one.startsWith(`${option}=`)).map((one) => one.slice(option.length + 1));
    const files = value('--from-file').map((one) => {
      const [key = '', file = key] = one.split('=');
      return [key, file] as const;
    });
    const pair = [
      ['tls.crt', value('--cert')[0] ?? ''],
      ['tls.key', value('--key')[0] ?? ''],
    ] as const;
    made.set(name, new Map(kind === 'tls' ? pair : files));
  }
  return made;
}

test('the commands for Kubernetes make the Secrets of the manifest, which a listener takes', async (t) => {
  t.timeout(60_000);
  const at = folder(t);
  const sections = [
    section(page, 'Profile 3 on Kubernetes'),
    section(page, 'Entries, passwords and where they are'),
  ];
  const commands = sections
    .flatMap((text) => blocksOf(text, 'sh'))
    .flatMap(commandsOf)
    .map(({ text, prints }) => ({
      prints,
      text: text.replaceAll(/npm run simulate -- /g, 'node_simulate '),
    }));
  writeFileSync(join(at, 'calls'), '');
  writeFileSync(join(at, 'key'), 'a key of thirty-two characters..');
  const env = { CALLS: join(at, 'calls'), ROOT, OCPP_PASSWORD_KEY_FILE: join(at, 'key') };
  const results = await runAll(commands, at, KUBECTL, env);
  for (const [index, { text }] of commands.entries())
    t.is(results[index]?.status, '0', `${text}\n${results[index]?.output}`);

  const calls = readFileSync(join(at, 'calls'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as string[]);
  const before = calls.findIndex((args) => args.includes('-f'));
  const first = secretsIn(calls.slice(0, before));
  const [cluster] = parseManifest(SECURE, 'examples/secure.yaml').clusters;
  if (cluster === undefined) throw new Error('no cluster');
  t.deepEqual(
    needsOf(cluster, (name) => first.has(name)).map(({ holds }) => holds),
    ['password-key', 'api-admin'],
    'the operator makes the rest',
  );

  const filesOf = (secrets: ReturnType<typeof secretsIn>, name: string) => ({
    folder: name,
    files: new Map(
      [...(secrets.get(name) ?? [])].map(([key, file]) => [key, readFileSync(join(at, file))] as const),
    ),
  });
  const all = secretsIn(calls);
  const materialWith = (secrets: ReturnType<typeof secretsIn>): TlsMaterial =>
    readMaterial(
      { servers: [filesOf(first, 'station-tls')], clientCa: filesOf(secrets, 'station-ca') },
      contextRules({}),
      strictly(Date.now()),
    );
  const station = new X509Certificate(readFileSync(join(at, 'pki/CP-7.crt')));
  const [ca] = materialWith(first).clientCas;
  t.true(ca !== undefined && station.checkIssued(ca) && station.verify(ca.publicKey));
  t.false(materialWith(first).revocation.isRevoked(station));
  t.true(materialWith(all).revocation.isRevoked(station), 'the Secret with the list');

  const entries = JSON.parse(readFileSync(join(at, 'stations.json'), 'utf8')) as Record<string, unknown>;
  t.deepEqual(Object.keys(entries), ['CP-8']);
  t.notThrows(() => checkStationEntry(entries['CP-8']));
  t.false(existsSync(join(at, 'passwords.txt')));

  const objects = new Set(names(rendered(cluster.spec ?? {})));
  for (const name of calls.flat().filter((word) => /^(deploy|service)\//.test(word))) {
    const [kind, of = ''] = name.split('/');
    const object = `${kind === 'deploy' ? 'Deployment' : 'Service'}/${of.replace(/^secure-/, 'city-')}`;
    t.true(objects.has(object), name);
  }
  for (const args of calls.filter((one) => one.includes('stations.js')))
    t.notThrows(() => readCommand(args.slice(args.indexOf('stations.js') + 1)), args.join(' '));
});
