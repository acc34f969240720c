/** The commands of docs/decision-webhook.md do what it says: with the decider of the examples, npm start, and a station. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { signatureHeaders } from '../../services/runtime/webhook-signature.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';
import { bash, blocksOf, commandsOf, read, ROOT, runAll, section, withoutNpm } from './page-commands.ts';

const page = read('docs/decision-webhook.md');
const MANIFEST = read('examples/backend-python/city.yaml');
const missing = ['python3', 'curl', 'openssl'].filter(
  (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0,
);
const withTools = missing.length === 0 ? test : test.skip;

const accepts = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy() !== undefined));
    socket.on('error', () => resolve(false));
  });

withTools('the walk-through: each command succeeds and prints what the page says', async (t) => {
  t.timeout(120_000);
  const at = mkdtempSync(join(tmpdir(), 'decision-page-'));
  t.teardown(() => rmSync(at, { recursive: true }));
  const [stations, decider] = [await freePort(), await freePort()];
  const manifest = join(at, 'decisions.yaml');
  const ported = (text: string) => text.replaceAll('8099', `${decider}`).replaceAll(':9000', `:${stations}`);
  const listener = `spec:\n  listeners: [{ name: stations, port: ${stations} }]\n  proxy:`;
  writeFileSync(manifest, ported(MANIFEST).replace('spec:\n  proxy:', listener));
  const here = (text: string) =>
    ported(withoutNpm(text)).replaceAll(
      'examples/backend-python/city.yaml',
      `${manifest} --data ${join(at, 'data')}`,
    );

  const [decide = '', start = '', ...blocks] = blocksOf(section(page, 'Try it on this machine'), 'sh');
  const python = bash(here(decide).replace(/python3/, 'exec python3'), ROOT);
  const cluster = bash(`exec ${here(start)}`, ROOT);
  try {
    await until(() => accepts(decider), 'the decider', 20_000);
    await until(() => /city Running/.test(cluster.said.text), 'the cluster', 60_000);
    const commands = blocks.flatMap(commandsOf).map(({ text, prints }) => ({ text: here(text), prints }));
    t.is(commands.filter(({ prints }) => prints !== '').length, 4);
    const results = await runAll(commands, ROOT);
    for (const [index, { text, prints }] of commands.entries()) {
      const { status, output } = results[index] ?? { status: '', output: '' };
      t.is(status, '0', `${text}\n${output}\n${cluster.said.text}`);
      t.true(output.includes(prints), `${text}\nprints no "${prints}":\n${output}\n${cluster.said.text}`);
    }
  } finally {
    cluster.child.kill('SIGINT');
    python.child.kill('SIGTERM');
    await Promise.all([cluster.ended, python.ended]);
  }
});

withTools('the command of the page makes a secret that programs take', async (t) => {
  const [block = ''] = blocksOf(section(page, 'In a cluster'), 'sh');
  const [{ output } = { output: '' }] = await runAll(commandsOf(block), ROOT, 'kubectl() { echo "$@"; }');
  const secret = /--from-literal=secret=(\S+)/.exec(output)?.[1] ?? '';
  t.notThrows(() => signatureHeaders(secret, 'id', 0, ''));
});
