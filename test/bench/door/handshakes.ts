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

const PLAIN: Kind = { name: 'profile 0: plain', profile: 0 };
const SECURED: Kind = { name: 'profile 2: TLS 1.3 and Basic', profile: 2 };
const KINDS: readonly Kind[] = [
  PLAIN,
  { name: 'profile 1: Basic', profile: 1 },
  SECURED,
  { name: 'profile 2: TLS 1.3 resumed and Basic', profile: 2, isResuming: true },
  { name: 'profile 3: mutual TLS 1.3', profile: 3 },
];
const WHO = ['bare', 'session', 'ours'] as const;

/** Stations in one measurement. */
const STATIONS = 500;
/** Before the first: V8 compiles hot code only. */
const HEAT = 3;
/** Until a server has forgotten stations that left; ms. */
const SETTLE_MS = 700;
/** How long the idle servers are watched; ms. */
const IDLE_MS = 4000;
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

interface Contender {
  readonly kind: Kind;
  readonly who: string;
  readonly door: Door;
}

export async function handshakes(options: HandshakeOptions): Promise<string> {
  const { profileFolder } = options;
  options.onStep('start the doors');
  await using doors = await openDoors({
    who: WHO,
    profiles: [0, 1, 2, 3],
    stations: STATIONS,
    profileFolder,
  });
  const costs = await inTurns(
    KINDS.flatMap((kind) => WHO.map((who) => ({ kind, who, door: doors.door(who, kind.profile) }))),
    options,
  );
  return table(KINDS, costs);
}

/** Handshakes here beside those of another checkout: plain, and with TLS and a password. */
export async function handshakesAgainst(root: string, options: HandshakeOptions): Promise<string> {
  options.onStep('start the doors');
  const kinds = [PLAIN, SECURED];
  const wanted = {
    who: ['ours'],
    profiles: kinds.map(({ profile }) => profile),
    stations: STATIONS,
  } as const;
  await using before = await openDoors({ ...wanted, root });
  await using now = await openDoors(wanted);
  const contenders = kinds.flatMap((kind) =>
    Object.entries({ before, now }).map(([who, doors]) => ({
      kind,
      who,
      door: doors.door('ours', kind.profile),
    })),
  );
  const costs = await inTurns(contenders, options);
  const lines = kinds.map((kind) => {
    const [was, is] = [costs.of(kind, 'before'), costs.of(kind, 'now')];
    const change = (of: keyof Cost) =>
      `${was[of].toFixed(0)} before, ${is[of].toFixed(0)} now, ${(is[of] / was[of]).toFixed(2)}x`;
    return `${kind.name}, CPU µs of a handshake: ${change('server')}; of Redis: ${change('redis')}`;
  });
  return lines.join('\n');
}

interface Costs {
  readonly of: (kind: Kind, who: string) => Cost;
}

/** The contenders alternate within each round, and in the next one in the other order: what was measured just before has an effect. The median counts. */
async function inTurns(contenders: readonly Contender[], options: HandshakeOptions): Promise<Costs> {
  const { rounds, onStep } = options;
  const runs = contenders.map((contender) => {
    const name = `${contender.kind.name}, ${contender.who}`;
    return { ...contender, name, visitors: new Visitors(contender.kind), costs: new Array<Cost>() };
  });
  for (const { name, door, visitors } of runs) {
    onStep(`warm up ${name}`);
    await visitors.prepare(STATIONS);
    for (let i = 0; i < HEAT; i++) await costOf(door, visitors);
  }
  const idle = await idleUse(runs.map(({ door }) => door));
  for (let round = 1; round <= rounds; round++) {
    for (const { name, door, visitors, costs } of round % 2 === 0 ? runs.toReversed() : runs) {
      onStep(`round ${round} of ${rounds}: ${name}`);
      costs.push(await costOf(door, visitors, idle.get(door)));
    }
  }
  return {
    of: (kind, who) => medianOf(runs.find((run) => run.kind === kind && run.who === who)?.costs ?? []),
  };
}

/** CPU of servers without stations, which their leases and timers use: on a busy machine a measurement takes seconds. */
async function idleUse(doors: readonly Door[]): Promise<ReadonlyMap<Door, Cost>> {
  await sleep(SETTLE_MS);
  const looks = doors.map((door) => ({ door, use: watch(door) }));
  await sleep(IDLE_MS);
  return new Map(
    looks.map(({ door, use }) => {
      const { server, redis, seconds } = use();
      return [door, { server: server / seconds, redis: redis / seconds }];
    }),
  );
}

/** @returns what the door has used since then: µs, and the seconds that it took */
function watch({ pid, redis }: Door): () => Cost & { readonly seconds: number } {
  const look = () => ({ server: fineCpuSeconds(pid), redis: fineCpuSeconds(redis), at: performance.now() });
  const before = look();
  return () => {
    const after = look();
    return {
      server: (after.server - before.server) * 1e6,
      redis: (after.redis - before.redis) * 1e6,
      seconds: (after.at - before.at) / 1000,
    };
  };
}

/** @param idle what the door uses per second without stations */
async function costOf(door: Door, visitors: Visitors, idle: Cost = { server: 0, redis: 0 }): Promise<Cost> {
  const use = watch(door);
  await visitors.connect(door, STATIONS);
  const { server, redis, seconds } = use();
  if (visitors.lost > 0) throw new Error(`${visitors.lost} stations lost their connection`);
  visitors.leave();
  await sleep(SETTLE_MS);
  return {
    server: (server - idle.server * seconds) / STATIONS,
    redis: (redis - idle.redis * seconds) / STATIONS,
  };
}

function medianOf(costs: readonly Cost[]): Cost {
  const middle = (of: (cost: Cost) => number) =>
    costs.map(of).toSorted((a, b) => a - b)[Math.floor((costs.length - 1) / 2)] ?? NaN;
  return { server: middle(({ server }) => server), redis: middle(({ redis }) => redis) };
}

function table(kinds: readonly Kind[], costs: Costs): string {
  const rows = kinds.map((kind) => {
    const [bare, session, ours] = WHO.map((who) => costs.of(kind, who));
    const ratio = (base: Cost | undefined) => (ours?.server ?? NaN) / (base?.server ?? NaN);
    const verdict = ratio(bare) <= TARGET ? 'met' : 'missed';
    return [
      kind.name,
      ...[bare, session, ours].map((cost) => cost?.server.toFixed(0) ?? ''),
      `${ratio(bare).toFixed(2)}x (≤ ${TARGET}x: ${verdict})`,
      `${ratio(session).toFixed(2)}x`,
      [bare, session, ours].map((cost) => cost?.redis.toFixed(0)).join(', '),
    ];
  });
  const head = [
    'handshake, CPU µs of the server',
    'bare server',
    'bare server that stores a session',
    'ws-proxy',
    'ratio to the bare server',
    'to the one with a session',
    'CPU µs of Redis, in this order',
  ];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
