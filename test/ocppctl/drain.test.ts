/** `kubectl ocpp drain`, with a kubectl that notes what it gets and answers as the real one does. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CHILD_ENVIRONMENT } from '../support/child-environment.ts';
import { terminal } from './terminal.ts';

/** The Pod that is evicted has ended at the third look. */
const KUBECTL = `#!/usr/bin/env node
const { appendFileSync, readFileSync } = require('node:fs');
const args = process.argv.slice(2);
const input = args.includes('-f') ? readFileSync(0, 'utf8') : '';
const looks = readFileSync(process.env.CALLS, 'utf8').split('get","pods').length;
appendFileSync(process.env.CALLS, JSON.stringify([...args, ...(input === '' ? [] : [JSON.parse(input)])]) + '\\n');
const pod = (name, more = {}) => ({
  metadata: { name, namespace: 'charging', uid: 'uid-' + name, creationTimestamp: new Date().toISOString(), ...more },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
});
if (args.includes('pods')) {
  const items = [pod('city-ws-proxy-a'), ...(looks < 3 ? [pod('city-ws-proxy-b')] : [])];
  console.log(JSON.stringify({ items }));
} else if (process.env.REFUSES) {
  console.error('Error from server (' + process.env.REFUSES + '): no');
  process.exit(1);
}
`;

function world(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), 'drain-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const calls = join(folder, 'calls');
  writeFileSync(join(folder, 'kubectl'), KUBECTL);
  chmodSync(join(folder, 'kubectl'), 0o755);
  const own = terminal({ PATH: `${folder}${delimiter}${CHILD_ENVIRONMENT['PATH']}`, CALLS: calls });
  return async (words: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    writeFileSync(calls, '');
    const result = await own.run([...words, '--cluster', 'city', '-n', 'charging', '--context', 'c'], {
      env,
    });
    const noted = readFileSync(calls, 'utf8')
      .trim()
      .split('\n')
      .filter((line) => line !== '');
    return { ...result, calls: noted.map((line) => JSON.parse(line) as unknown[]) };
  };
}

test('the Pods are listed; the one that is named is evicted and waited for', async (t) => {
  const run = world(t);
  const listed = await run(['drain']);
  t.is(listed.status, 0, listed.stderr);
  t.regex(listed.stdout, /city-ws-proxy-a +ready/);
  const drained = await run(['drain', 'city-ws-proxy-b']);
  t.is(drained.status, 0, drained.stderr);
  t.regex(drained.stderr, /moves its own to other Pods/);
  t.regex(drained.stdout, /city-ws-proxy-b has ended after \d+ s/);
  const evictions = drained.calls.filter((call) => call.includes('--raw'));
  t.deepEqual(evictions, [
    [
      '--context',
      'c',
      'create',
      '--raw',
      '/api/v1/namespaces/charging/pods/city-ws-proxy-b/eviction',
      '-f',
      '-',
      {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: 'city-ws-proxy-b', namespace: 'charging' },
      },
    ],
  ]);
});

for (const [reason, says] of [
  ['TooManyRequests', /too few other ws-proxy Pods are ready: Pod city-ws-proxy-a is kept/],
  ['Forbidden', /may not create evictions in namespace charging/],
  ['NotFound', /has ended already/],
] as const) {
  test(`an eviction that Kubernetes refuses (${reason}) ends the command with its reason`, async (t) => {
    const refused = await world(t)(['drain', 'city-ws-proxy-a'], { REFUSES: reason });
    t.is(refused.status, 1);
    t.regex(refused.stderr, says);
  });
}

test('what is no ws-proxy Pod of the cluster is not evicted', async (t) => {
  const refused = await world(t)(['drain', 'city-redis-0']);
  t.is(refused.status, 1);
  t.regex(refused.stderr, /is no ws-proxy Pod of city/);
  t.is(refused.calls.length, 1);
});
