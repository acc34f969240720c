/** Many sessions and commands, and kills of everything that they need, decided by a seed. */
import { PROTOCOLS } from '../../../services/ocpp/frame.ts';
import { type Fault, type Plan, PROCESSORS, PROXIES } from '../plan.ts';
import { Chance } from '../random.ts';
import { APIS, POSTGRES, RECEIVER, SINK } from './door.ts';

export interface DoorSize {
  readonly transactions: number;
  readonly commands: number;
  /** Time in which commands are sent and everything is killed; ms. */
  readonly spanMs: number;
}

const OF_A_STATION = 10;
/** Between two kills, on average; ms. */
const KILL_EVERY = 800;

export function doorPlanOf(seed: number, { transactions, commands, spanMs }: DoorSize): Plan {
  const chance = new Chance(seed);
  const stations = Array.from({ length: Math.ceil(transactions / OF_A_STATION) }, (_, i) => ({
    id: `S${seed}-${i}`,
    protocol: PROTOCOLS[i % PROTOCOLS.length] ?? 'ocpp1.6',
    transactions: OF_A_STATION,
    meters: chance.between(1, 3),
    // So that the sessions take most of the time.
    pauseMs: Math.round((spanMs / OF_A_STATION / 4) * (0.5 + chance.next())),
    seed: chance.between(1, 2 ** 31),
  }));
  return {
    seed,
    stations,
    commands: Array.from({ length: commands }, (_, i) => ({
      at: chance.between(0, spanMs),
      stationId: chance.one(stations).id,
      key: `${seed}-command-${i}`,
      requester: APIS[0],
      queueable: chance.happens(0.5),
      ttlMs: chance.one([2000, 8000, 20_000]),
      timeoutMs: chance.one([1000, 5000]),
    })),
    faults: Array.from({ length: Math.floor(spanMs / KILL_EVERY) }, () => kill(chance, spanMs)).toSorted(
      (a, b) => a.at - b.at,
    ),
  };
}

function kill(chance: Chance, spanMs: number): Fault {
  const at = chance.between(0, spanMs);
  const forMs = chance.one([0, 100, 500, 1500]);
  const target = chance.one([...APIS, SINK, SINK, POSTGRES, RECEIVER, ...PROCESSORS, ...PROXIES, 'redis']);
  return target === 'redis' ? { at, forMs, kind: 'redis-kill' } : { at, forMs, kind: 'kill', target };
}
