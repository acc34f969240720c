/** The resource of a trial is one that the API server takes, and its Pods start as late as was asked. */
import { spawnSync } from 'node:child_process';
import test from 'ava';
import { metricOf } from './sampler.ts';
import { clusterSpec, DEFAULTS, readyAfter, runFirst } from './settings.ts';

const run = (options: string, script: string) =>
  spawnSync(process.execPath, ['-e', script], {
    env: { NODE_OPTIONS: options },
    encoding: 'utf8',
    timeout: 30_000,
  });

test('a program with this variable starts so much later, and then as always', (t) => {
  const { name, value } = readyAfter(0.5);
  t.is(name, 'NODE_OPTIONS');
  const before = performance.now();
  const { stdout, status } = run(value, 'console.log("started")');
  t.is(stdout, 'started\n');
  t.is(status, 0);
  t.true(performance.now() - before > 500);
});

test('a program that is to exit does, whatever it runs', (t) => {
  const { value } = runFirst('setTimeout(() => process.exit(7), 100)');
  t.is(run(value, 'setInterval(() => {}, 1000)').status, 7);
});

test('a full Pod can close its sockets before the deadline, which the API server checks', (t) => {
  for (const settings of [
    { ...DEFAULTS },
    { ...DEFAULTS, ratePerSecond: 10 },
    { ...DEFAULTS, stations: 20_000, deadlineSeconds: 30 },
  ]) {
    const { maxSessionsPerPod, drain } = clusterSpec(settings).proxy;
    t.true(maxSessionsPerPod <= drain.ratePerSecond * drain.deadlineSeconds);
  }
});

test('variables are there once: a later one replaces the one of the settings', (t) => {
  const other = runFirst('1');
  const { env } = clusterSpec(DEFAULTS, [other, { name: 'A', value: 'b' }]).proxy.podTemplate;
  t.deepEqual(env, [other, { name: 'A', value: 'b' }]);
});

const METRICS = `# HELP ocpp_proxy_sessions Open station sockets
ocpp_proxy_sessions_opened_total{protocol="ocpp1.6"} 7
ocpp_proxy_sessions 42
ocpp_requests_depth{kind="x"} 1.5e3
`;

test('a metric is read by its whole name', (t) => {
  t.is(metricOf(METRICS, 'ocpp_proxy_sessions'), 42);
  t.is(metricOf(METRICS, 'ocpp_requests_depth'), 1500);
  t.is(metricOf(METRICS, 'ocpp_proxy'), undefined);
});
