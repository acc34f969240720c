/** Commands and long lists through the API: the time of a round trip, and the memory of the program. */
import { readFileSync } from 'node:fs';
import { BOOT } from '../messages.ts';
import { ENVIRONMENT, serveCluster } from '../servers.ts';
import { Fleet } from '../fleet.ts';
import { startBenchApi } from './reads.ts';
import { ENV } from '../../../services/contract.ts';

const STATIONS = 10_000;
const COMMANDS = 2000;
const AT_ONCE = [1, 20];

/** Connects stations that answer every CALL of the CSMS with Accepted, and prints what requests take. */
export async function apiCosts(onStep: (what: string) => void): Promise<string> {
  await using served = await serveCluster({ proxies: 1, processors: 1, fsync: 'no' });
  const addr = served.redis?.addr ?? '';
  await using api = await startBenchApi({ ...ENVIRONMENT, [ENV.redisAddr]: addr });
  using fleet = new Fleet();
  onStep(`connect ${STATIONS} stations`);
  await fleet.connect(served.endpoints, STATIONS);
  await fleet.ask(BOOT);
  fleet.answerCalls('{"status":"Accepted"}');
  const lines = [`${STATIONS} stations, 1 proxy, 1 processor, 1 API program`];

  onStep('read all stations');
  const before = residentMegabytes(api.program.pid);
  const begin = performance.now();
  let [count, peak, after] = [0, 0, ''];
  do {
    const response = await api.request(`/v1/stations?limit=1000${after}`);
    const page = (await response.json()) as { readonly items: readonly unknown[]; readonly next?: string };
    count += page.items.length;
    peak = Math.max(peak, residentMegabytes(api.program.pid));
    after = page.next === undefined ? '' : `&after=${page.next}`;
  } while (after !== '');
  const seconds = (performance.now() - begin) / 1000;
  lines.push(
    `read of ${count} stations: ${seconds.toFixed(2)} s, memory ${before} MB before, ${peak} MB at most`,
  );

  const { items } = (await (await api.request('/v1/stations?limit=1000&connected=true')).json()) as {
    readonly items: readonly { readonly id: string }[];
  };
  for (const atOnce of AT_ONCE) {
    onStep(`commands, ${atOnce} at once`);
    const times: number[] = [];
    let turn = 0;
    const one = async () => {
      while (turn < COMMANDS) {
        const { id } = items[turn++ % items.length] ?? { id: '' };
        const start = performance.now();
        const body = JSON.stringify({ action: 'ClearCache', payload: {} });
        const headers = { 'content-type': 'application/json' };
        await (
          await api.request(`/v1/stations/${id}/commands`, { method: 'POST', body, headers })
        ).arrayBuffer();
        times.push(performance.now() - start);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, one));
    times.sort((a, b) => a - b);
    const at = (share: number) => (times[Math.floor(times.length * share)] ?? Number.NaN).toFixed(1);
    lines.push(`command, ${atOnce} at once: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, of ${times.length}`);
  }
  return lines.join('\n');
}

function residentMegabytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
