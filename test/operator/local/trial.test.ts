/** What `npm start` makes for Secrets that a manifest names and does not have, and that its printed commands connect stations. */
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { parseManifest } from '../../../operator/local/cli/manifest.ts';
import type { Secret } from '../../../operator/local/kinds.ts';
import { needsOf } from '../../../operator/local/trial/needs.ts';
import { Trial } from '../../../operator/local/trial/trial.ts';
import { endWithUs } from '../../support/children.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';

const ROOT = join(import.meta.dirname, '../../..');
const SECURE = readFileSync(join(ROOT, 'examples/secure.yaml'), 'utf8');
const HEAD = 'apiVersion: ocpp.dev/v1alpha1\nkind: OcppCluster\nmetadata: { name: city }\n';
const manifestOf = (spec: string) => parseManifest(`${HEAD}spec: ${spec}\n`, 'f');

function folder(t: ExecutionContext): string {
  const made = mkdtempSync(join(tmpdir(), 'trial-'));
  t.teardown(() => rmSync(made, { recursive: true }));
  return made;
}

const TLS = '{ name: a, securityProfile: 2, tls: { secretName: s, additionalSecretName: r } }';
const MUTUAL = '{ name: m, port: 9001, securityProfile: 3, tls: { secretName: s, clientCaSecretName: c } }';
const ISSUED = '{ name: i, securityProfile: 2, tls: { issuerRef: { name: x }, dnsNames: [a.example.com] } }';
const NEEDS: readonly (readonly [string, string, readonly string[]])[] = [
  ['plain listeners', '{}', []],
  [
    'TLS with both kinds of keys, and the register',
    `{ listeners: [${TLS}], authentication: { stations: { register: true } } }`,
    ['s: server ecdsa', 'r: server rsa', 'city-password-key: password-key'],
  ],
  ['a Secret that is named twice', `{ listeners: [${MUTUAL}] }`, ['s: server ecdsa', 'c: client-ca']],
  [
    'an issuer, as there is no cert-manager here',
    `{ listeners: [${ISSUED}], authentication: { stations: { webhook: { url: "http://w" } } } }`,
    ['city-i-tls: server ecdsa'],
  ],
  [
    'TLS that a load balancer terminates',
    '{ listeners: [{ name: t, securityProfile: 3, tls: { termination: LoadBalancer, clientCertificateHeader: ssl-client-cert } }], proxy: { trustedNetworks: [10.0.0.0/8] } }',
    [],
  ],
  [
    'a Secret with stations, a key of the user, and an authority',
    '{ authentication: { stations: { secretName: list }, passwordKeySecretName: key }, certificateAuthority: { internal: { secretName: ca } } }',
    ['key: password-key', 'list: stations', 'ca: authority'],
  ],
  [
    'the HTTP API and its tokens',
    '{ api: { enabled: true, tokensSecret: { name: mine } } }',
    ['city-api-admin: api-admin', 'mine: api-tokens'],
  ],
  [
    'the signing secrets of webhooks',
    '{ api: { enabled: true, webhooks: [{ name: a, url: "http://a", signingSecret: { name: s, key: a } }, { name: b, url: "http://b", signingSecret: { name: s, key: b } }] } }',
    ['city-api-admin: api-admin', 's: webhook-secret'],
  ],
  ['TLS of Redis', '{ redis: { embedded: { tls: { secretName: r } } } }', ['r: redis']],
];

for (const [title, spec, expected] of NEEDS) {
  test(`Secrets of a trial: ${title}`, (t) => {
    const [cluster] = manifestOf(spec).clusters;
    if (cluster === undefined) throw new Error('no cluster');
    const needs = (given: readonly string[]) =>
      needsOf(cluster, (name) => given.includes(name)).map(({ secretName, holds, keyKind }) =>
        [`${secretName}:`, holds, keyKind].filter((one) => one !== undefined).join(' '),
      );
    t.deepEqual(needs([]), expected);
    const [first] = expected;
    const name = first?.split(':')[0] ?? '';
    t.deepEqual(needs([name]), expected.slice(1), 'one that the manifest has is left as it is');
  });
}

const byName = (secrets: readonly Secret[]) =>
  Object.fromEntries(secrets.map(({ metadata, stringData = {} }) => [metadata.name, stringData]));

test('the certificates of a trial are of one authority, which the next run with the same folder has again', async (t) => {
  const at = folder(t);
  const manifest = manifestOf(
    `{ listeners: [${TLS}, ${MUTUAL}], authentication: { stations: { register: true } }, certificateAuthority: { internal: { secretName: ca } } }`,
  );
  const [cluster] = manifest.clusters;
  if (cluster === undefined) throw new Error('no cluster');
  const first = new Trial(at);
  const made = byName(await first.secretsFor(manifest));
  const authority = new X509Certificate(made['c']?.['ca.crt'] ?? '');
  for (const [name, kind] of [
    ['s', 'ec'],
    ['r', 'rsa'],
  ] as const) {
    const certificate = new X509Certificate(made[name]?.['tls.crt'] ?? '');
    t.true(certificate.checkIssued(authority) && certificate.verify(authority.publicKey), name);
    t.is(certificate.publicKey.asymmetricKeyType, kind);
    t.truthy(certificate.checkHost('localhost'));
    t.truthy(certificate.checkIP('127.0.0.1'));
  }
  t.is(made['ca']?.['tls.crt'], made['c']?.['ca.crt']);
  const stations = first.stationsOf(cluster);
  t.deepEqual(
    stations.map(({ identity, profile }) => [identity, profile]),
    [
      ['demo-a', 2],
      ['demo-m', 3],
    ],
  );
  const [withPassword, withCertificate] = stations;
  const client = new X509Certificate(readFileSync(withCertificate?.certificateFile ?? ''));
  t.true(client.checkIssued(authority));
  t.is(client.subject, 'CN=demo-m');
  const keyFile = withCertificate?.keyFile ?? '';
  t.is(statSync(keyFile).mode & 0o077, 0, 'for this user only');

  t.deepEqual(byName(await first.secretsFor(manifest)), made, 'saving the manifest changes no certificate');
  const second = new Trial(at);
  const again = byName(await second.secretsFor(manifest));
  t.deepEqual(again['c'], made['c']);
  t.deepEqual(again['city-password-key'], made['city-password-key']);
  t.notDeepEqual(again['s'], made['s'], 'another certificate, which has not expired');
  const password = readFileSync(withPassword?.passwordFile ?? '', 'utf8');
  t.is(readFileSync(second.stationsOf(cluster)[0]?.passwordFile ?? '', 'utf8'), password);
  t.regex(password, /^[\w-]{20}$/);
});

test('a Secret with stations has entries of the demo stations, as the stations program hashes them', async (t) => {
  const trial = new Trial(folder(t));
  const made = byName(
    await trial.secretsFor(
      manifestOf(
        `{ listeners: [{ name: b, securityProfile: 1 }, ${MUTUAL}], authentication: { stations: { secretName: list } } }`,
      ),
    ),
  );
  const entries = JSON.parse(made['list']?.['stations.json'] ?? '') as Record<string, { password?: string }>;
  t.deepEqual(Object.keys(entries).sort(), ['demo-b', 'demo-m']);
  t.regex(entries['demo-b']?.password ?? '', /^\$hmac-sha256\$[\w-]{43}$/);
  t.deepEqual(entries['demo-m'], {});
});

interface Demo {
  readonly identity: string;
  readonly url: string;
  readonly simulate: string;
}
interface AccessLine {
  readonly type: string;
  readonly demo?: readonly Demo[];
  readonly addStation?: string;
}

const simulate = async (args: readonly string[]) => {
  const script = join(ROOT, 'test/simulator/main.ts');
  const options = ['--seconds', '2', '--cadence', '0.5', '--settle', '2', '--json'];
  const child = endWithUs(spawn(process.execPath, [script, ...args, ...options], { cwd: ROOT }));
  const output = await text(child.stdout);
  return JSON.parse(output) as { connected: number; roundTrips: number; moves: { refused: number } };
};

test('examples/secure.yaml: the printed command of each listener connects its station, and another password does not', async (t) => {
  t.timeout(120_000);
  const at = folder(t);
  const ports = [await freePort(), await freePort(), await freePort()];
  const [basic = 0, tls = 0, mutual = 0] = ports;
  const yaml = SECURE.replace('port: 9000', `port: ${basic}`)
    .replace('port: 9443', `port: ${tls}`)
    .replace('port: 9444', `port: ${mutual}`);
  const file = join(at, 'secure.yaml');
  writeFileSync(file, yaml);
  const main = join(ROOT, 'operator/local/cli/main.ts');
  const args = [main, '-f', file, '--json', '--data', join(at, 'data')];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const said = { out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => (said.out += String(data)));
  child.stderr.on('data', (data: Buffer) => (said.err += String(data)));
  try {
    const lines = () =>
      said.out
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as AccessLine);
    const access = () => lines().findLast(({ type }) => type === 'access');
    await until(() => access()?.demo !== undefined, 'the commands', 60_000);
    t.regex(
      said.err,
      /FOR TRIALS ONLY +the file names Secrets that it does not have: station-tls, station-ca/,
    );
    const { demo = [], addStation = '' } = access() ?? {};
    t.deepEqual(
      demo.map(({ identity, url }) => `${identity} ${url}`),
      [
        `demo-basic ws://127.0.0.1:${basic}/ocpp`,
        `demo-tls wss://127.0.0.1:${tls}/ocpp`,
        `demo-mtls wss://127.0.0.1:${mutual}/ocpp`,
      ],
    );
    for (const one of demo) {
      const [, options = ''] = one.simulate.split('npm run simulate -- ');
      const summary = await simulate(options.split(' '));
      t.is(summary.connected, 1, one.simulate);
      t.true(summary.roundTrips > 0, one.identity);
    }
    const wrong = join(at, 'wrong');
    writeFileSync(wrong, 'another');
    const url = demo[0]?.url ?? '';
    const stranger = await simulate(['--url', url, '--identity', 'demo-basic', '--password-file', wrong]);
    t.is(stranger.connected, 0);
    t.true(stranger.moves.refused > 0);

    const command = addStation.replace(
      'npm run --silent stations --',
      `${process.execPath} services/stations/main.ts`,
    );
    const added = endWithUs(spawn('sh', ['-c', command.replace('ID', 'mine')], { cwd: ROOT }));
    t.regex(await text(added.stdout), /\S{20}/, 'the password of the new station');
  } finally {
    child.kill('SIGINT');
    await ended;
  }
  t.regex(said.err, /stopped, nothing is left running/);
});
