/** What a handshake costs the server, from the TCP connection to the 101: by security profile, beside a bare server with the same check. */
import { setTimeout as sleep } from 'node:timers/promises';
import { fineCpuSeconds } from '../process-use.ts';
import { type Door, openDoors, type Profile } from './doors.ts';
import { Visitors } from './visitors.ts';

interface Kind {
  readonly name: string;
  readonly profile: Profile;
  readonly isResuming?: true;
}

const KINDS: readonly Kind[] = [
  { name: 'profile 0: plain', profile: 0 },
  { name: 'profile 1: Basic', profile: 1 },
  { name: 'profile 2: TLS 1.3 and Basic', profile: 2 },
  { name: 'profile 2: TLS 1.3 resumed and Basic', profile: 2, isResuming: true },
  { name: 'profile 3: mutual TLS 1.3', profile: 3 },
];
const WHO = ['bare', 'ours'] as const;

/** Stations in one measurement. */
const STATIONS = 500;
/** Before the first: V8 compiles hot code only. */
const HEAT = 4;
/** Until a server has forgotten stations that left; ms. */
const SETTLE_MS = 700;
/** At most, as a multiple of the bare server. */
const TARGET = 1.2;

export interface HandshakeOptions {
  readonly rounds: number;
  readonly onStep: (what: string) => void;
  readonly profileFolder?: string | undefined;
}

interface Cost {
  /** µs of CPU of the server, and of Redis. */
  readonly server: number;
  readonly redis: number;
}

export async function handshakes({ rounds, onStep, profileFolder }: HandshakeOptions): Promise<string> {
  onStep('start the doors');
  await using doors = await openDoors({ profiles: [0, 1, 2, 3], stations: STATIONS, profileFolder });
  const runs = KINDS.flatMap((kind) =>
    WHO.map((who) => {
      const door = doors.door(who, kind.profile);
      return { kind, who, door, visitors: new Visitors(kind), costs: new Array<Cost>() };
    }),
  );
  for (const { kind, who, door, visitors } of runs) {
    onStep(`warm up ${kind.name}, ${who}`);
    await visitors.prepare(STATIONS);
    for (let i = 0; i < HEAT; i++) await costOf(door, visitors);
  }
  for (let round = 1; round <= rounds; round++) {
    for (const { kind, who, door, visitors, costs } of runs) {
      onStep(`round ${round} of ${rounds}: ${kind.name}, ${who}`);
      costs.push(await costOf(door, visitors));
    }
  }
  const medians = new Map(runs.map(({ kind, who, costs }) => [`${kind.name} ${who}`, medianOf(costs)]));
  const of = (kind: Kind, who: string) => medians.get(`${kind.name} ${who}`) ?? { server: NaN, redis: NaN };
  return table(KINDS.map((kind) => ({ kind, bare: of(kind, 'bare'), ours: of(kind, 'ours') })));
}

async function costOf(door: Door, visitors: Visitors): Promise<Cost> {
  const [server, redis] = [fineCpuSeconds(door.pid), fineCpuSeconds(door.redis)];
  await visitors.connect(door, STATIONS);
  const each = (from: number, to: number) => ((to - from) * 1e6) / STATIONS;
  const cost = {
    server: each(server, fineCpuSeconds(door.pid)),
    redis: each(redis, fineCpuSeconds(door.redis)),
  };
  if (visitors.lost > 0) throw new Error(`${visitors.lost} stations lost their connection`);
  visitors.leave();
  await sleep(SETTLE_MS);
  return cost;
}

function medianOf(costs: readonly Cost[]): Cost {
  const middle = (of: (cost: Cost) => number) =>
    costs.map(of).toSorted((a, b) => a - b)[Math.floor((costs.length - 1) / 2)] ?? NaN;
  return { server: middle(({ server }) => server), redis: middle(({ redis }) => redis) };
}

interface Line {
  readonly kind: Kind;
  readonly bare: Cost;
  readonly ours: Cost;
}

/** The door alone: what a profile adds to a plain handshake of the same server. */
function table(lines: readonly Line[]): string {
  const plain = lines[0];
  const added = ({ bare, ours }: Line) =>
    `${(bare.server - (plain?.bare.server ?? 0)).toFixed(0)}, ${(ours.server - (plain?.ours.server ?? 0)).toFixed(0)}`;
  const rows = lines.map((line) => {
    const { kind, bare, ours } = line;
    const ratio = ours.server / bare.server;
    return [
      kind.name,
      bare.server.toFixed(0),
      ours.server.toFixed(0),
      `${ratio.toFixed(2)}x (≤ ${TARGET}x: ${ratio <= TARGET ? 'met' : 'missed'})`,
      line === plain ? '' : added(line),
      `${bare.redis.toFixed(0)}, ${ours.redis.toFixed(0)}`,
    ];
  });
  const head = [
    'handshake, CPU µs',
    'bare server',
    'ws-proxy',
    'ratio',
    'more than plain: bare, ws-proxy',
    'Redis: bare, ws-proxy',
  ];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
