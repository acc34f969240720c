/** The processes of a cluster, as its store knows them: for people who watch. */
import type { RateName } from '../rates.ts';
import type { RolloutCounts } from '../rollout.ts';

export interface KnownProcess {
  /** Id of the registration: a new one for each start. Sessions name their proxy by it. */
  readonly id: string;
  /** Of the Pod. */
  readonly name: string;
  /** Until its lease ends; 0: it has ended, and others take over what the process holds. */
  readonly leaseSeconds: number;
  /** It stops, or moves its stations away. */
  readonly leaving: boolean;
}

export interface KnownProxy extends KnownProcess {
  /** Connected stations. */
  readonly stations: number;
}

export interface KnownProcessor extends KnownProcess {
  /** Deliveries that it has claimed and not acknowledged. */
  readonly inFlight: number;
  readonly release?: string;
}

/** A rate of the cluster, summed over the leases of its proxies; per second. */
export interface RateUse {
  /** The lowest that a proxy asks for. */
  readonly limit: number;
  /** What arrived in the last second, and what waits. */
  readonly demand: number;
  /** What is leased. */
  readonly leased: number;
  /** What waits; absent while a proxy of an earlier release is among them. */
  readonly waiting?: number;
}

export interface ClusterProcesses {
  readonly proxies: readonly KnownProxy[];
  readonly processors: readonly KnownProcessor[];
  /** Rates with a limit that a proxy has leased a share of. */
  readonly rates: Readonly<Partial<Record<RateName, RateUse>>>;
  /** Of the last rollout, whose stations that were away for a while are not counted; absent without one in the last week. */
  readonly rollout?: Omit<RolloutCounts, 'missing'>;
  /** Time in which the store answered this reading. */
  readonly responseSeconds: number;
}

/** Processes of each role that are read. */
export const PROCESSES_READ = 500;

/** Rejects while the store is unavailable. */
export type ReadProcesses = () => Promise<ClusterProcesses>;
