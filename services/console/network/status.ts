/** What the page of the network watches: types of the API, and names of Pods. Pure. */
import type { components } from '../api/openapi.generated.ts';

type Schemas = components['schemas'];

export type Status = Schemas['Status'];
export type Webhook = Schemas['Webhook'];
export type StoredHistory = Schemas['History'];
export type ClusterStatus = Schemas['ClusterStatus'];
export type Condition = Schemas['ClusterCondition'];
export type Rollout = Schemas['ClusterRollout'];
export type Proxy = Schemas['ProxyProcess'];
type Process = Pick<Schemas['ProxyProcess'], 'name' | 'leaseSeconds' | 'leaving'>;

/**
 * bad: stations notice it, or data are lost. warn: a person has to act. busy: a change that ends by itself. note: how the cluster is
 * configured.
 */
export type Severity = 'bad' | 'warn' | 'busy' | 'note';
export const SEVERITIES: readonly Severity[] = ['bad', 'warn', 'busy', 'note'];

export interface Finding {
  readonly key: string;
  readonly severity: Severity;
  readonly title: string;
  /** With names and figures. */
  readonly message?: string;
  /** What to do first. */
  readonly step?: string;
  /** ISO 8601 */
  readonly since?: string;
}

/** Its last poll and some before; the newest last. */
export type Recent = readonly Status[];

export const conditionOf = ({ cluster }: Status, type: string): Condition | undefined =>
  cluster?.status.conditions?.find((one) => one.type === type);

export const isDead = ({ leaseSeconds }: Process): boolean => leaseSeconds <= 0;
export const isServing = (process: Process): boolean => !isDead(process) && !process.leaving;

/** Phases of a rollout that went on, in order. */
export const PHASES = ['Preparing', 'Switching', 'FirstPortion', 'Moving'] as const;
const ENDED: ReadonlySet<string> = new Set(['Completed', 'Aborted']);

export const runningRollout = ({ cluster }: Status): Rollout | undefined => {
  const rollout = cluster?.status.rollout;
  return rollout === undefined || ENDED.has(rollout.phase) ? undefined : rollout;
};

/** Where a ws-proxy belongs while a rollout runs. */
export type SetSide = 'old' | 'new';

/** The name of a Pod begins with its Deployment, and one Deployment may begin with the name of the other. */
export function sideOf(pod: string, { fromSet, toSet }: Pick<Rollout, 'fromSet' | 'toSet'>): SetSide {
  const isOf = (set: string) => pod.startsWith(`${set}-`);
  if (!isOf(toSet)) return 'old';
  return fromSet !== undefined && isOf(fromSet) && fromSet.length > toSet.length ? 'old' : 'new';
}

export const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);
