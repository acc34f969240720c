/** The commands of docs/ocppctl.md do what it says, against a cluster of real programs; its table lists all commands. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startApiCluster } from '../api/cluster.ts';
import { COMMANDS } from '../../services/ocppctl/commands.ts';
import { startChargingStation } from '../ocppctl/charging-station.ts';
import { blocksOf, commandsOf, read, ROOT, runAll } from './page-commands.ts';

const page = read('docs/ocppctl.md');

/** The bundle of this test. kubectl is one that knows the API of this test, and finds plugins as the real one does. */
const HEAD = `
npm() { [ "$*" = "run build" ] && node "${ROOT}/build.ts" dev "$PWD/dist"; }
`;
const KUBECTL = `#!/usr/bin/env bash
case " $* " in
*" ocppclusters "*) echo '{"items":[{"metadata":{"name":"city"},"spec":{"api":{"enabled":true}}}]}' ;;
*" secret "*) printf %s own-token | base64 | tr -d '\\n' ;;
*" get pods "*) echo '{"items":[{"metadata":{"name":"city-ws-proxy-1","creationTimestamp":"2026-11-30T08:00:00Z"}}]}' ;;
*" port-forward "*) echo "Forwarding from 127.0.0.1:$PORT -> 8080"; exec sleep 60 ;;
*) plugin="kubectl-$1"; shift; exec "$plugin" "$@" ;;
esac
`;

test('each command of the page succeeds and prints what it says', async (t) => {
  t.timeout(150_000);
  await using cluster = await startApiCluster();
  await using _station = await startChargingStation(cluster.proxy.url, 'CP-1');
  const at = mkdtempSync(join(tmpdir(), 'ocppctl-page-'));
  t.teardown(() => rmSync(at, { recursive: true }));
  const bin = join(at, '.local/bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'kubectl'), KUBECTL);
  chmodSync(join(bin, 'kubectl'), 0o755);
  writeFileSync(join(at, 'token'), 'own-token\n');
  writeFileSync(join(at, 'tokens.csv'), 'token,status,expiry,parent,type\nA1,Accepted,,,\nA2,Blocked,,,\n');
  const commands = blocksOf(page, 'sh').flatMap(commandsOf);
  t.true(commands.filter(({ prints }) => prints !== '').length >= 25);
  const env = {
    HOME: at,
    XDG_CONFIG_HOME: join(at, 'config'),
    API: cluster.api.apiUrl,
    PORT: new URL(cluster.api.apiUrl).port,
  };
  const results = await runAll(commands, at, `${HEAD}\nPATH="${bin}:$PATH"`, env);
  for (const [index, { text, prints }] of commands.entries()) {
    const { status, output } = results[index] ?? { status: '', output: '' };
    t.is(status, '0', `${text}\n${output}`);
    t.true(output.includes(prints), `${text}\nprints no "${prints}":\n${output}`);
  }
});

test('the page lists every command with its arguments and scope', (t) => {
  const rows = [...page.matchAll(/^\| `([^`]+)` \| (\S+) \|$/gm)].map(([, name = '', scope]) => [
    name,
    scope,
  ]);
  const spelled = COMMANDS.map(({ name, args, scope = '–' }) => [
    [name, ...args.map(({ name: one, optional }) => (optional === true ? `[${one}]` : one))].join(' '),
    scope,
  ]);
  t.deepEqual(rows, spelled);
});

test('every command that the page names in its text exists', (t) => {
  const named = [...page.matchAll(/`ocppctl ([a-z][^`]*)`/g)].map(([, line = '']) => line.split(' ')[0]);
  const known = new Set(COMMANDS.map(({ name }) => name.split(' ')[0]));
  t.deepEqual(
    named.filter((name) => !known.has(name)),
    [],
  );
});
