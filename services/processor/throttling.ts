/**
 * How long the CPU limit stopped this container, from the kernel's statistics of its control group: `cpu.stat`
 * (Linux, Documentation/admin-guide/cgroup-v2.rst and Documentation/scheduler/sched-bwc.rst).
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

/** Where a container sees its own control group. */
const CGROUP = '/sys/fs/cgroup';

/** Version 2, and version 1 with the names that its folder has. */
const SOURCES = [
  { file: 'cpu.stat', field: /^throttled_usec (\d+)$/m, perSecond: 1e6 },
  { file: 'cpu,cpuacct/cpu.stat', field: /^throttled_time (\d+)$/m, perSecond: 1e9 },
  { file: 'cpu/cpu.stat', field: /^throttled_time (\d+)$/m, perSecond: 1e9 },
] as const;

/** Total in seconds; undefined where the system does not have it. */
export function readThrottledSeconds(cgroup = CGROUP): number | undefined {
  for (const { file, field, perSecond } of SOURCES) {
    const [, total] = field.exec(textOf(join(cgroup, file))) ?? [];
    if (total !== undefined) return Number(total) / perSecond;
  }
  return undefined;
}

/** The kernel writes the file from memory: to read it blocks for microseconds. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/**
 * @returns gives the seconds since its last call, from the start on; undefined while they are not known. At most the time that
 *   passed: the kernel adds up the stops of all CPUs, which can be more.
 */
export function throttlingMeter(
  read: () => number | undefined = readThrottledSeconds,
  now: () => number = () => performance.now(),
): () => number | undefined {
  let last = read();
  let lastAt = now();
  return () => {
    const [total, at] = [read(), now()];
    const seconds =
      total === undefined || last === undefined
        ? undefined
        : Math.max(0, Math.min(total - last, (at - lastAt) / 1000));
    last = total;
    lastAt = at;
    return seconds;
  };
}
