/**
 * The wire suite and the fuzzer of npm `ocpp-ws-cli`, as its users run them, with one identity. The suite expects some things
 * that OCPP-J does not say: each of them is listed with the section that says otherwise.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { METRIC, PATH } from '../../services/contract.ts';
import { type Cluster, startCluster } from '../scenario/cluster.ts';
import { endWithUs } from '../support/children.ts';
import { until } from '../support/until.ts';

const COMMAND = fileURLToPath(import.meta.resolve('ocpp-ws-cli'));

interface Report {
  readonly metrics: Readonly<Record<string, number>>;
  readonly testResults?: readonly {
    readonly name: string;
    readonly passed: boolean;
    readonly issue?: string;
  }[];
}

const NOT_SAID: Readonly<Record<string, string>> = {
  'Server requires subprotocol':
    'OCPP-J 1.6 §3.2: without a subprotocol in common the handshake is completed, and the connection is closed then',
  'Server rejects oversized frames (>128KB)':
    'OCPP-J has no limit on the size of a message; 200 kB is within OCPP_MAX_MESSAGE_BYTES (256 kB)',
  'Server rejects missing payload in CALL':
    'OCPP-J 1.6 §4.2.3 spells the code FormationViolation; FormatViolation is that of 2.x',
  'Server rejects non-object payload in CALL':
    'OCPP-J 1.6 §4.2.3 spells the code FormationViolation; FormatViolation is that of 2.x',
};

/** What a CSMS that repairs messages answers instead of refusing them: docs/tolerance.md. */
const REPAIRED: Readonly<Record<string, string>> = {
  ...NOT_SAID,
  'Server enforces MessageId is a string': 'a number is accepted as id, and repeated as it was written',
};

/** A test bench connects again and again under one name. */
const BENCH = { OCPP_RECONNECT_BURST: '1000', OCPP_CONNECT_RATE: '10000' };

/** Runs a command of the program until it ends, or for so many ms; returns its report. */
async function run(cluster: Cluster, args: readonly string[], forMs?: number): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'ocpp-ws-cli-'));
  try {
    const endpoint = `${cluster.proxies[0]?.url}`;
    const whole = [COMMAND, ...args, '--endpoint', endpoint, '--report', 'json', '--report-dir', folder];
    const child = endWithUs(spawn(process.execPath, whole, { stdio: 'ignore' }));
    const exit = once(child, 'exit');
    if (forMs !== undefined) {
      await sleep(forMs);
      child.kill('SIGINT');
    }
    const file = await until(
      async () => (await readdir(folder)).find((name) => name.endsWith('.json')),
      'its report',
      90_000,
    );
    // Its fuzzer returns to a menu that needs a terminal.
    child.kill('SIGTERM');
    await exit;
    return JSON.parse(await readFile(join(folder, file), 'utf8')) as Report;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

for (const [validation, notSaid] of [
  ['Strict', NOT_SAID],
  ['Tolerant', REPAIRED],
] as const) {
  test.serial(`ocpp-ws-cli, wire suite, ${validation}: what fails is what OCPP-J does not say`, async (t) => {
    t.timeout(150_000);
    await using cluster = await startCluster(undefined, { ...BENCH, OCPP_VALIDATION: validation });
    const { testResults = [] } = await run(cluster, [
      'test',
      '--identity',
      'BENCH',
      '--protocol',
      'ocpp1.6',
      '--suite',
      'all',
    ]);
    t.is(testResults.length, 21);
    const failed = testResults.filter(({ passed }) => !passed);
    t.deepEqual(
      failed.map(({ name }) => name).toSorted(),
      Object.keys(notSaid).toSorted(),
      failed.map(({ name, issue }) => `${name}: ${issue}`).join('\n'),
    );
  });
}

test.serial(
  'ocpp-ws-cli, fuzzer: no connection is closed, no process ends, no message is left',
  async (t) => {
    t.timeout(150_000);
    await using cluster = await startCluster(undefined, BENCH);
    const { metrics } = await run(cluster, ['fuzz', '--workers', '10', '--flood'], 8000);
    t.true((metrics['anomaliesSent'] ?? 0) > 1000);
    t.true((metrics['serverErrors'] ?? 0) > 0);
    t.is(metrics['serverDrops'], 0);
    const figure = async (program: (typeof cluster.proxies)[number] | undefined, name: string) => {
      const { text = '' } = (await program?.ask(PATH.metrics)) ?? {};
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    };
    const [proxy] = cluster.proxies;
    const [processor] = cluster.processors;
    await until(async () => (await figure(proxy, METRIC.proxySessions)) === 0, 'its sessions to end');
    await until(async () => (await figure(processor, METRIC.queueDepth)) === 0, 'the queue to be empty');
    t.is(await figure(processor, METRIC.deadLetters), 0);
    for (const program of [...cluster.proxies, ...cluster.processors]) {
      t.false(program.ended);
      t.notRegex(program.log, /"level":"error"/);
    }
  },
);
