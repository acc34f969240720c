/** The time that the CPU limit stopped a processor. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { Registry } from 'prom-client';
import { METRIC } from '../../services/contract.ts';
import { createMetrics } from '../../services/processor/metrics.ts';
import { readThrottledSeconds, throttlingMeter } from '../../services/processor/throttling.ts';

const V2 =
  'usage_usec 9\nuser_usec 5\nsystem_usec 4\nnr_periods 40\nnr_throttled 3\nthrottled_usec 2500000\n';
const V1 = 'nr_periods 40\nnr_throttled 3\nthrottled_time 1500000000\nnr_bursts 0\n';

const CASES = [
  { name: 'version 2', files: { 'cpu.stat': V2 }, seconds: 2.5 },
  { name: 'version 1', files: { 'cpu,cpuacct/cpu.stat': V1 }, seconds: 1.5 },
  { name: 'version 1 with cpu alone', files: { 'cpu/cpu.stat': V1 }, seconds: 1.5 },
  { name: 'never stopped', files: { 'cpu.stat': 'nr_throttled 0\nthrottled_usec 0\n' }, seconds: 0 },
  { name: 'the root group of version 2', files: { 'cpu.stat': 'usage_usec 9\n' }, seconds: undefined },
  { name: 'no control groups', files: {}, seconds: undefined },
  { name: 'not a number', files: { 'cpu.stat': 'throttled_usec max\n' }, seconds: undefined },
] as const;

for (const { name, files, seconds } of CASES) {
  test(`the total is read from the control group: ${name}`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'cgroup-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    t.is(readThrottledSeconds(folder), seconds);
  });
}

test('the meter counts from the start of the process, at most the time that passed, and never backwards', (t) => {
  let total: number | undefined = 40;
  let now = 0;
  const meter = throttlingMeter(
    () => total,
    () => now,
  );
  const after = (ms: number, reading: number | undefined) => {
    now += ms;
    total = reading;
    return meter();
  };
  t.is(after(1000, 40.25), 0.25);
  t.is(after(1000, 43.25), 1, 'three CPUs that were stopped for a second');
  t.is(after(1000, 43.25), 0);
  t.is(after(1000, 3), 0, 'another control group');
  t.is(after(1000, 3.5), 0.5);
  t.is(after(1000, undefined), undefined);
  t.is(after(1000, 9), undefined, 'since when is not known');
  t.is(after(1000, 9.5), 0.5);
});

test('throttling that cannot be read has no sample; a processor that was never stopped has 0', async (t) => {
  const registry = new Registry();
  const metrics = createMetrics(registry);
  const lines = async () =>
    (await registry.metrics())
      .split('\n')
      .filter((line) => line.startsWith(`${METRIC.processorThrottledSeconds} `));
  t.deepEqual(await lines(), []);
  metrics.addThrottled(0);
  t.deepEqual(await lines(), [`${METRIC.processorThrottledSeconds} 0`]);
  metrics.addThrottled(0.5);
  t.deepEqual(await lines(), [`${METRIC.processorThrottledSeconds} 0.5`]);
  metrics.addThrottled(undefined);
  t.deepEqual(await lines(), []);
});
