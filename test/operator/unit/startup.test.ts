/** The first seconds of the operator program: without a cluster, with a broken kubeconfig, with a wrong argument. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { endWithUs } from '../../support/children.ts';
import { freePort } from '../../support/free-port.ts';
import { until } from '../../support/until.ts';
import { CHILD_ENVIRONMENT } from '../../support/child-environment.ts';

const MAIN = join(import.meta.dirname, '../../../operator/main.ts');

function temporaryHome(): { readonly folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'ocpp-home-'));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

function start(env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...CHILD_ENVIRONMENT, POD_IP: '127.0.0.1', ...env },
  });
  return endWithUs(child);
}

async function run(env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const child = start(env, args);
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, out, err };
}

const kubeconfig = (server: string, context = 'test') =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server } }],
    users: [{ name: 'test', user: {} }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': context,
  });

const REFUSED: readonly (readonly [title: string, content: string | undefined, says: RegExp])[] = [
  ['a kubeconfig that does not exist', undefined, /cannot read the kubeconfig: ENOENT.*\(KUBECONFIG is /],
  ['a kubeconfig that is not YAML', 'a: [', /cannot read the kubeconfig: .*\(KUBECONFIG is /],
  ['a kubeconfig without clusters', '{}', /\(KUBECONFIG is /],
  [
    'an unknown current context',
    kubeconfig('https://127.0.0.1:1', 'x'),
    /current context .*\(x\).*use-context/,
  ],
  ['a server that is not a URL', kubeconfig('127.0.0.1'), /not a URL: 127\.0\.0\.1/],
];

for (const [title, content, says] of REFUSED) {
  test.serial(`the operator ends with one line: ${title}`, async (t) => {
    using home = temporaryHome();
    const file = join(home.folder, 'kubeconfig');
    if (content !== undefined) writeFileSync(file, content);
    const { code, out, err } = await run({ HOME: home.folder, KUBECONFIG: file });
    t.is(code, 1);
    t.is(out, '');
    t.regex(err, /^operator cannot start: [^\n]+\n$/);
    t.regex(err, says);
  });
}

test.serial('without a cluster the operator says where it looked and what to do, and ends', async (t) => {
  using home = temporaryHome();
  const { code, out, err } = await run({ HOME: home.folder });
  t.is(code, 1);
  t.is(out, '');
  t.regex(
    err,
    /^operator cannot start: no Kubernetes cluster found\. Looked for KUBECONFIG[^\n]*Set KUBECONFIG[^\n]*\n$/,
  );
});

test.serial('--help prints the settings; another argument is refused with one line', async (t) => {
  using home = temporaryHome();
  const help = await run({ HOME: home.folder }, ['--help']);
  t.is(help.code, 0);
  t.regex(help.out, /KUBECONFIG\n.*\n[^]*WATCH_NAMESPACES/);
  const wrong = await run({ HOME: home.folder }, ['--namespace=x']);
  t.is(wrong.code, 2);
  t.regex(wrong.err, /^operator: unknown argument --namespace=x: [^\n]+--help\n$/);
});

test.serial(
  'while the API server is unreachable the operator logs it, is not ready, and retries',
  async (t) => {
    using home = temporaryHome();
    const [port, admin] = [await freePort(), await freePort()];
    const file = join(home.folder, 'kubeconfig');
    writeFileSync(file, kubeconfig(`https://127.0.0.1:${port}`));
    const child = start({ HOME: home.folder, KUBECONFIG: file, OCPP_ADMIN_PORT: String(admin) });
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    try {
      let log = '';
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
      const failures = () =>
        log.split('\n').filter((line) => line.includes('cannot read or write the lease, retrying'));
      await until(() => failures().length >= 2, 'a second attempt');
      t.regex(failures()[0] ?? '', /ECONNREFUSED/);
      const ready = await fetch(`http://127.0.0.1:${admin}/readyz`);
      t.is(ready.status, 503);
      t.regex(await ready.text(), new RegExp(`API server https://127\\.0\\.0\\.1:${port} cannot be reached`));
    } finally {
      child.kill('SIGTERM');
    }
    t.is(await ended, 0);
  },
);
