/** What an idle station costs a proxy in memory, and whether its full load stays connected. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from './fleet.ts';
import { BOOT } from './messages.ts';
import { residentBytes } from './process-use.ts';
import { serveCluster } from './servers.ts';

const MANY = 10_000;
const ALL = 20_000;
/** Files that a process has open beside its stations. */
const OTHER_FILES = 100;
/** Time for garbage to go; ms. */
const SETTLE_MS = 15_000;
/** Longer than a ping interval and several looks at the sessions; ms. */
const STAY_MS = 45_000;

/** @param root another checkout whose programs are measured */
export async function idleStations(onStep: (what: string) => void, root?: string): Promise<string> {
  onStep(`connect ${MANY} stations`);
  await using served = await serveCluster({ proxies: 1, processors: 1, fsync: 'no', root });
  const proxy = served.parts['proxy']?.[0] ?? 0;
  const before = residentBytes(proxy);
  using fleet = new Fleet();
  await fleet.connect(served.endpoints, MANY);
  await fleet.ask(BOOT);
  await sleep(SETTLE_MS);
  const settled = residentBytes(proxy);
  const each = (settled - before) / MANY / 1000;
  const all = Math.min(ALL, openFileLimit() - OTHER_FILES);
  onStep(`connect ${all} stations, and wait ${STAY_MS / 1000} s`);
  await fleet.connect(served.endpoints, all - MANY);
  await sleep(STAY_MS);
  const stayed = all - fleet.faults.length;
  const last = residentBytes(proxy);
  const eachMore = (last - settled) / (all - MANY) / 1000;
  return [
    `A proxy's resident memory per station, booted and idle: ${each.toFixed(1)} kB (≤ 12) over ${MANY}, with the first growth of the heap; ${eachMore.toFixed(1)} kB for each more`,
    `Stations that one proxy holds for ${STAY_MS / 1000} s: ${stayed} of ${all}, in ${Math.round(last / 1e6)} MB`,
  ].join('\n');
}

/** Of this process, and of those that it starts. */
function openFileLimit(): number {
  const limit = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  return limit === 'unlimited' ? Infinity : Number(limit);
}
