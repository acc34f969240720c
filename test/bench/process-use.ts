/**
 * CPU time and resident memory of other processes: from /proc on Linux, elsewhere (macOS) from `ps`, which
 * tells hundredths of a second too.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Linux counts a process's time in hundredths of a second, whatever its own clock (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** User and system time of a process since its start, all threads; seconds. */
export function cpuSeconds(pid: number): number {
  if (process.platform !== 'linux') return psSeconds(ps(pid, 'time'));
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may contain anything; utime and stime are fields 14 and 15 (proc_pid_stat(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The same to the microsecond where the kernel counts it (Linux), without threads that have ended. */
export function fineCpuSeconds(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(`${tasks}/${pid}/schedstat`)) return cpuSeconds(pid);
  const times = readdirSync(tasks).map((task) => readFileSync(`${tasks}/${task}/schedstat`, 'utf8'));
  return times.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0) / 1e9;
}

/** Resident memory in bytes. */
export function residentBytes(pid: number): number {
  if (process.platform !== 'linux') return Number(ps(pid, 'rss')) * 1024;
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

function ps(pid: number, column: 'time' | 'rss'): string {
  return execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8' }).trim();
}

/** @param time `[[d-]h:]m:s.cc` */
function psSeconds(time: string): number {
  const [rest, days] = time.split('-').toReversed();
  const clock = (rest ?? '').split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return clock + Number(days ?? 0) * 86_400;
}
