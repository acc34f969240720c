/** What a run does, all of it decided by its seed: the stations, the commands to them, and the faults. Times in ms from its start. */
import { type Protocol, PROTOCOLS } from '../../services/ocpp/frame.ts';
import { Chance } from './random.ts';

/** Programs by name; each has a link of its own to Redis, and a proxy one to its stations. */
export const PROXIES = ['proxy-0', 'proxy-1'] as const;
export const PROCESSORS = ['processor-0', 'processor-1'] as const;
export const REQUESTERS = ['requester-0', 'requester-1'] as const;

export type Fault = { readonly at: number; readonly forMs: number } & (
  | { readonly kind: 'kill'; readonly target: string }
  /** Its link to Redis falls silent, so that deliveries are in flight; then it is killed. */
  | { readonly kind: 'strangle'; readonly target: string }
  /** SIGTERM: a rollout. */
  | { readonly kind: 'restart'; readonly target: string }
  | { readonly kind: 'pause'; readonly target: string }
  /** The link between a program and Redis, or between a proxy and its stations. */
  | { readonly kind: LinkFault; readonly link: string }
  | { readonly kind: 'redis-kill' | 'redis-pause' | 'script-flush' | 'kill-clients' }
  /** A requester dies; another asks for the outcomes of its commands. */
  | { readonly kind: 'requester-dies'; readonly target: string }
);

export type LinkFault =
  /** Connections break, new ones are refused. */
  | 'cut'
  /** Nothing passes, and no connection closes. */
  | 'silence'
  /** What is asked arrives, what is answered does not; then the connection breaks. */
  | 'lose-replies'
  | 'slow';

export interface StationPlan {
  readonly id: string;
  readonly protocol: Protocol;
  readonly transactions: number;
  readonly meters: number;
  /** Pause between two messages. */
  readonly pauseMs: number;
  /** Of its own choice. */
  readonly seed: number;
}

export interface CommandPlan {
  readonly at: number;
  readonly stationId: string;
  readonly key: string;
  readonly requester: string;
  readonly queueable: boolean;
  readonly ttlMs: number;
  readonly timeoutMs: number;
}

export interface Plan {
  readonly seed: number;
  readonly stations: readonly StationPlan[];
  readonly commands: readonly CommandPlan[];
  readonly faults: readonly Fault[];
}

const STATIONS = 16;
const COMMANDS = 24;
/** Faults begin and end within this; ms. */
const FAULTS_MS = 2500;

export function planOf(seed: number): Plan {
  const chance = new Chance(seed);
  const stations = Array.from({ length: STATIONS }, (_, i) => ({
    id: `S${seed}-${i}`,
    protocol: PROTOCOLS[i % PROTOCOLS.length] ?? 'ocpp1.6',
    transactions: chance.between(1, 2),
    meters: chance.between(2, 6),
    pauseMs: chance.between(20, 250),
    seed: chance.between(1, 2 ** 31),
  }));
  const commands = Array.from({ length: COMMANDS }, (_, i) => ({
    at: chance.between(0, FAULTS_MS),
    stationId: chance.one(stations).id,
    key: `${seed}-command-${i}`,
    requester: chance.one(REQUESTERS),
    queueable: chance.happens(0.5),
    ttlMs: chance.one([300, 2000, 8000]),
    timeoutMs: chance.one([400, 2000]),
  }));
  const faults = Array.from({ length: chance.between(2, 6) }, () => faultOf(chance));
  return { seed, stations, commands, faults: faults.toSorted((a, b) => a.at - b.at) };
}

function faultOf(chance: Chance): Fault {
  const at = chance.between(100, 1500);
  // Short of the lease, and past it.
  const forMs = chance.one([50, 200, 500, 1000, 1800]);
  const programs = [...PROXIES, ...PROCESSORS];
  const links = [...programs, ...REQUESTERS, ...PROXIES.map((proxy) => `${proxy}:stations`)];
  const kind = chance.one([
    ...(['kill', 'kill', 'strangle', 'strangle', 'strangle', 'pause', 'pause', 'restart'] as const),
    ...(['cut', 'silence', 'lose-replies', 'lose-replies', 'slow'] as const),
    ...(['redis-kill', 'redis-pause', 'script-flush', 'kill-clients', 'requester-dies'] as const),
  ]);
  switch (kind) {
    case 'strangle':
      return { at, forMs, kind, target: chance.one([...PROCESSORS, ...programs]) };
    case 'kill':
    case 'pause':
    case 'restart':
      return { at, forMs, kind, target: chance.one(programs) };
    case 'requester-dies':
      return { at, forMs, kind, target: chance.one(REQUESTERS) };
    case 'cut':
    case 'silence':
    case 'lose-replies':
    case 'slow':
      return { at, forMs, kind, link: chance.one(links) };
    case 'redis-pause':
      return { at, forMs: Math.min(forMs, 1000), kind };
    default:
      return { at, forMs: 200, kind };
  }
}
