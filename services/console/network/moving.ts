/** Stations that move by order: a rollout, a scale-in, a rebalance, or Pods that end. Pure. */
import {
  type ClusterStatus,
  isServing,
  PHASES,
  type Rollout,
  runningRollout,
  type SetSide,
  sideOf,
  type Status,
  sumOf,
} from './status.ts';

export interface SetOfProxies {
  /** Its Deployment; absent if there are several. */
  readonly name?: string;
  /** Absent while unknown. */
  readonly stations?: number;
  readonly pods?: number;
}

export interface PhaseMark {
  readonly name: string;
  readonly state: 'done' | 'now' | 'next';
}

export interface RolloutView {
  readonly phases: readonly PhaseMark[];
  readonly phase: string;
  readonly old: SetOfProxies;
  readonly new: SetOfProxies;
  /** Stations that moved and have not connected again; absent while unknown. */
  readonly between?: number;
  /** When it began: of all stations. */
  readonly stations?: number;
  readonly moved?: number;
  readonly returned?: number;
  readonly missing?: number;
  readonly movedAgain?: number;
  readonly forced?: number;
  readonly ratePerSecond?: number;
  readonly gapSeconds?: { readonly p50: number; readonly p99: number };
  readonly message: string;
  /** ISO 8601 */
  readonly startedTime: string;
  readonly phaseTime: string;
  readonly eta?: string;
}

/** The rollout that runs. Counts come from Redis where it has them, as the operator reports them up to 5 s later. */
export function rolloutView(status: Status): RolloutView | undefined {
  const rollout = runningRollout(status);
  if (rollout === undefined) return undefined;
  const { moved, returned, movedAgain, forced, gapSeconds } = { ...rollout, ...countsOf(status, rollout) };
  const {
    phase,
    fromSet,
    toSet,
    stations,
    missing,
    ratePerSecond,
    eta,
    message = '',
    startedTime,
    phaseTime,
  } = rollout;
  const between = moved === undefined || returned === undefined ? undefined : Math.max(0, moved - returned);
  return known({
    phase,
    phases: phasesOf(phase),
    old: setOf('old', status, rollout, fromSet),
    new: setOf('new', status, rollout, toSet),
    between,
    stations,
    moved,
    returned,
    missing,
    movedAgain,
    forced,
    ratePerSecond,
    gapSeconds,
    eta,
    message,
    startedTime,
    phaseTime,
  });
}

function countsOf({ rollout: live }: Status, { id }: Rollout) {
  if (live === undefined || live.id !== id) return {};
  const { stations: moved, returned, movedAgain, forced, gapSeconds } = live;
  return { moved, returned, movedAgain, forced, ...(gapSeconds && { gapSeconds }) };
}

function phasesOf(phase: string): readonly PhaseMark[] {
  const place = PHASES.findIndex((one) => one === phase);
  // It goes back from any of them.
  if (place < 0) return [{ name: phase, state: 'now' }];
  return PHASES.map((name, i) => ({ name, state: i < place ? 'done' : i === place ? 'now' : 'next' }));
}

function setOf(side: SetSide, { proxies }: Status, rollout: Rollout, name: string | undefined): SetOfProxies {
  const own = proxies?.filter((proxy) => sideOf(proxy.name, rollout) === side);
  return known({ name, stations: own && sumOf(own.map(({ stations }) => stations)), pods: own?.length });
}

/** Without properties that are undefined. */
const known = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as {
    [K in keyof T as undefined extends T[K] ? never : K]: T[K];
  } & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** A Pod whose stations move away, without a rollout. */
export interface LeavingPod {
  readonly name: string;
  readonly stations?: number;
  /** ISO 8601; when it ends in any case. */
  readonly deadline?: string;
}

export interface LeavingView {
  readonly pods: readonly LeavingPod[];
  /** Of a scale-in. */
  readonly message?: string;
  readonly since?: string;
}

/** Pods that end or are to end; undefined without one. */
export function leavingView(status: Status): LeavingView | undefined {
  const { drain = [], proxy }: ClusterStatus = status.cluster?.status ?? {};
  const scaleIn = proxy?.scaleIn;
  const rollout = runningRollout(status);
  const live = new Map(status.proxies?.map((one) => [one.name, one]));
  const names = new Set([
    ...(scaleIn?.pods ?? []),
    ...drain.map(({ pod }) => pod),
    ...(status.proxies ?? []).filter((one) => !isServing(one) && one.leaving).map(({ name }) => name),
  ]);
  // Those of a rollout are in its own view.
  const others = [...names].filter((name) => rollout === undefined || sideOf(name, rollout) === 'new');
  if (others.length === 0 && (scaleIn === undefined || rollout !== undefined)) return undefined;
  const pods = others.sort().map((name): LeavingPod => {
    const { sessions, deadline } = drain.find(({ pod }) => pod === name) ?? {};
    return known({ name, stations: live.get(name)?.stations ?? sessions, deadline });
  });
  return { pods, ...known({ message: scaleIn?.message, since: scaleIn?.since }) };
}

export interface RebalanceView {
  readonly round: number;
  readonly before: readonly number[];
  readonly message: string;
}

export function rebalanceView({ cluster }: Status): RebalanceView | undefined {
  const rebalance = cluster?.status.proxy?.rebalance;
  if (rebalance === undefined || rebalance.finishedTime !== undefined) return undefined;
  const { round, before, message = '' } = rebalance;
  return { round, before, message };
}

/** The rollout that ended last. */
export function lastRollout(status: Status): Rollout | undefined {
  return runningRollout(status) === undefined ? status.cluster?.status.rollout : undefined;
}
