/** What an idle TLS connection costs in memory: in a ws-proxy and in a bare server, each beside a plain one. */
import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from '../process-use.ts';
import { openDoors, type Profile } from './doors.ts';
import { Visitors } from './visitors.ts';

const PROFILES: readonly Profile[] = [0, 2, 3];
const WHO = ['bare', 'ours'] as const;
const STATIONS = 3000;
/** Connects before the first look at the memory: code is compiled, and the heap has its usual size. */
const HEAT = 500;
const SETTLE_MS = 10_000;
/** More than a plain connection of the same server, at most; kB. */
const TARGET = 6;

export async function idleTls(onStep: (what: string) => void): Promise<string> {
  await using doors = await openDoors({ who: WHO, profiles: PROFILES, stations: STATIONS });
  const lines: string[][] = [];
  for (const who of WHO) {
    const sizes: number[] = [];
    for (const profile of PROFILES) {
      onStep(`connect ${STATIONS} stations, profile ${profile}, ${who}`);
      const door = doors.door(who, profile);
      const visitors = new Visitors({ profile });
      await visitors.prepare(STATIONS);
      await visitors.connect(door, HEAT);
      visitors.leave();
      await sleep(SETTLE_MS / 2);
      const before = residentBytes(door.pid);
      await visitors.connect(door, STATIONS);
      await sleep(SETTLE_MS);
      if (visitors.lost > 0) throw new Error(`${visitors.lost} stations lost their connection`);
      sizes.push((residentBytes(door.pid) - before) / STATIONS / 1000);
      visitors.leave();
    }
    const [plain = NaN, tls = NaN] = sizes;
    const target = who === 'ours' ? ` (≤ ${TARGET}: ${tls - plain <= TARGET ? 'met' : 'missed'})` : '';
    const name = who === 'ours' ? 'ws-proxy' : 'bare server';
    lines.push([name, ...sizes.map((size) => size.toFixed(1)), `${(tls - plain).toFixed(1)}${target}`]);
  }
  const head = ['resident kB per idle connection', 'plain', 'TLS', 'mutual TLS', 'TLS more than plain'];
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
