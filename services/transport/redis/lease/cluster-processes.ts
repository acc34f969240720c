/** The processes of the cluster in Redis: one script, whatever their number. */
import {
  type ClusterProcesses,
  type KnownProcess,
  type KnownProcessor,
  type KnownProxy,
  PROCESSES_READ,
  type RateUse,
} from '../../watch/processes.ts';
import { RATE_NAMES, type RateName } from '../../rates.ts';
import type { RedisConnection } from '../connection/connection.ts';
import { loadScript } from '../connection/script.ts';
import { type Keys, unescapeKey } from '../keys.ts';
import { rolloutCounts } from '../rollout/rollout-counts.ts';

type Found = readonly [id: string, until: string, count: number, leaving: string, release: string];
type Counts = readonly [stations: number, away: number, ...fields: string[]];
type Reply = [number, readonly Found[], readonly Found[], readonly string[], Counts];

const script = loadScript<Reply>(new URL('./cluster-processes.lua', import.meta.url));

/** The random end of a process id. */
const SUFFIX = /-[0-9a-f]{8}$/;

export async function clusterProcesses(connection: RedisConnection, keys: Keys): Promise<ClusterProcesses> {
  const names = [keys.members('proxy'), keys.members('processor'), keys.rates];
  const ofRollout = [keys.rollout, keys.rolloutMoves, keys.rolloutAway];
  const begin = performance.now();
  const reply = await script(connection, [...names, ...ofRollout], [keys.prefix, PROCESSES_READ]);
  const responseSeconds = (performance.now() - begin) / 1000;
  const [now, proxies, processors, leases, [stations, away, ...fields]] = reply;
  const counts = rolloutCounts(stations, away, fields);
  return {
    proxies: proxies.map((one) => proxyOf(one, now)),
    processors: processors.map((one) => processorOf(one, now)),
    rates: ratesIn(leases, now),
    ...(counts !== undefined && { rollout: counts }),
    responseSeconds,
  };
}

const proxyOf = (found: Found, now: number): KnownProxy => ({ ...processOf(found, now), stations: found[2] });

function processorOf(found: Found, now: number): KnownProcessor {
  const [, , inFlight, , release] = found;
  return { ...processOf(found, now), inFlight, ...(release !== '' && { release: unescapeKey(release) }) };
}

const processOf = ([id, until, , leaving]: Found, now: number): KnownProcess => ({
  id,
  name: id.replace(SUFFIX, ''),
  leaseSeconds: Math.max(0, (Number(until) - now) / 1000),
  leaving: leaving !== '',
});

/** A lease is `end in ms`, `rate demand share` for each rate, and the waiting of each rate. */
function ratesIn(fields: readonly string[], now: number): ClusterProcesses['rates'] {
  const leases = fields
    .filter((_, i) => i % 2 === 1 && fields[i - 1] !== 'since')
    .map((text) => text.split(' ').map(Number))
    .filter(([until = 0]) => until > now);
  const rates: Partial<Record<RateName, RateUse>> = {};
  for (const [place, name] of RATE_NAMES.entries()) {
    const at = 1 + 3 * place;
    const of = leases.filter((lease) => (lease[at] ?? 0) > 0);
    if (of.length === 0) continue;
    const sum = (index: number) => of.reduce((all, lease) => all + (lease[index] ?? 0), 0);
    const waiting = 1 + 3 * RATE_NAMES.length + place;
    rates[name] = {
      limit: Math.min(...of.map((lease) => lease[at] ?? 0)),
      demand: sum(at + 1),
      leased: sum(at + 2),
      ...(of.every((lease) => lease[waiting] !== undefined) && { waiting: sum(waiting) }),
    };
  }
  return rates;
}
