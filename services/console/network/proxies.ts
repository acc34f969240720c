/** The ws-proxies as rows, and whether their stations are spread evenly. Pure. */
import {
  isDead,
  isServing,
  runningRollout,
  type Proxy,
  type SetSide,
  sideOf,
  type Status,
  sumOf,
} from './status.ts';

export interface ProxyRow {
  readonly id: string;
  readonly name: string;
  /** Absent without a rollout. */
  readonly side?: SetSide;
  readonly stations: number;
  /** Of the most that one ws-proxy has, 0 to 1. */
  readonly share: number;
  /** From the mean of those of its set that serve, such as 0.2 for 20 % more; absent where there is none to compare with. */
  readonly deviation?: number;
  readonly isSkewed: boolean;
  readonly state: 'serving' | 'leaving' | 'dead';
}

/** As `operator/rollout/evenness.ts` tolerates it; a larger share, as it is no order to act. */
const SKEWED_SHARE = 0.3;
const SKEWED_STATIONS = 10;

/** Those that differ much first, then in the order of their names: rows stay where they are while figures change. */
export function proxyRows(status: Status): readonly ProxyRow[] {
  const { proxies = [] } = status;
  const rollout = runningRollout(status);
  const most = Math.max(1, ...proxies.map(({ stations }) => stations));
  const side = ({ name }: { name: string }) => (rollout === undefined ? undefined : sideOf(name, rollout));
  const means = new Map(
    // The old set is emptied Pod after Pod.
    [undefined, 'new'].map((one) => {
      const peers = proxies.filter((proxy) => isServing(proxy) && side(proxy) === one);
      return [
        one,
        peers.length < 2 ? undefined : sumOf(peers.map(({ stations }) => stations)) / peers.length,
      ];
    }),
  );
  const rows = proxies.map((proxy) => {
    const set = side(proxy);
    return rowOf(proxy, { most, mean: means.get(set), ...(set !== undefined && { set }) });
  });
  const orderOf = ({ side: one, isSkewed }: ProxyRow) => (isSkewed ? 0 : one === 'new' ? 2 : 1);
  return rows.toSorted((a, b) => orderOf(a) - orderOf(b) || (a.name < b.name ? -1 : 1));
}

interface Peers {
  readonly set?: SetSide;
  /** The most stations that any has, and the mean of its set. */
  readonly most: number;
  readonly mean: number | undefined;
}

function rowOf(proxy: Proxy, { set, most, mean }: Peers): ProxyRow {
  const { id, name, stations } = proxy;
  const difference = mean === undefined || !isServing(proxy) ? undefined : stations - mean;
  const bound = Math.max(SKEWED_SHARE * (mean ?? 0), SKEWED_STATIONS);
  return {
    id,
    name,
    stations,
    share: stations / most,
    state: isDead(proxy) ? 'dead' : proxy.leaving ? 'leaving' : 'serving',
    ...(set !== undefined && { side: set }),
    ...(difference !== undefined && mean !== undefined && mean > 0 && { deviation: difference / mean }),
    isSkewed: set === undefined && Math.abs(difference ?? 0) > bound,
  };
}

export interface Skew {
  /** The ws-proxy that differs most from the mean. */
  readonly name: string;
  readonly stations: number;
  readonly mean: number;
}

/** While stations move by order they are never even: that is no skew. */
export function skewOf(status: Status): Skew | undefined {
  const { rebalance, scaleIn } = status.cluster?.status.proxy ?? {};
  const isMoving = scaleIn !== undefined || (rebalance !== undefined && rebalance.finishedTime === undefined);
  if (isMoving) return undefined;
  const rows = proxyRows(status).filter(({ isSkewed }) => isSkewed);
  const offBy = ({ deviation = 0 }: ProxyRow) => Math.abs(deviation);
  // Of two, the fuller one says more.
  const [worst] = rows.toSorted((a, b) => offBy(b) - offBy(a) || b.stations - a.stations);
  const mean = meanOf(status);
  if (worst === undefined || mean === undefined) return undefined;
  return { name: worst.name, stations: worst.stations, mean };
}

/** Mean of the ws-proxies that serve; undefined while unknown. */
export function meanOf({ proxies }: Status): number | undefined {
  const serving = proxies?.filter(isServing) ?? [];
  return serving.length === 0 ? undefined : sumOf(serving.map(({ stations }) => stations)) / serving.length;
}
