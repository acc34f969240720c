/**
 * Sorts the series of an answer by the Pod that exports them, and refuses what cannot be trusted: series of no Pod of the
 * cluster, old samples, samples of the future, one Pod twice. Pure.
 */
import type { Series } from './answer.ts';
import { COMPUTED, FIGURE, OWN_LABELS, RAW } from './queries.ts';

/** What Prometheus knows of one Pod. */
export interface TargetReading {
  readonly pod: string;
  readonly component: 'ws-proxy' | 'processor';
  /** Time of its last sample, ms since 1970 by the clock of Prometheus. */
  readonly at: number;
  /** By name of the metric; only finite numbers. */
  readonly values: Readonly<Record<string, number>>;
  /** Frames per second: over some time, and between the last two samples. */
  readonly rate?: number;
  readonly recentRate?: number;
}

export interface Trusted {
  /** Names of the Pods of the cluster. */
  readonly pods: readonly string[];
  readonly staleSeconds: number;
  /** Label matchers of the query, for the texts. */
  readonly selector: string;
}

/** Rounding of time stamps; a greater lead is the fault of a clock. */
const LEAD_SECONDS = 1;
const NAMED = 3;

/** The readings of the Pods of the cluster, or why none can be used. */
export function readingsOf(series: readonly Series[], trusted: Trusted): readonly TargetReading[] | string {
  const { pods, staleSeconds, selector } = trusted;
  if (series.length === 0)
    return `has no series with {${selector}}. Check that it scrapes the Pods, and that their series have these labels`;
  if (series.every(({ labels }) => labels['pod'] === undefined))
    return 'has series without the label "pod". Give them the name of their Pod by relabelling';
  const targets = [...groupsOf(series)].flatMap(targetOf).filter(({ pod }) => pods.includes(pod));
  if (targets.length === 0) return strangers(series, pods);
  const fresh = targets.filter(({ age }) => age <= staleSeconds && age >= -LEAD_SECONDS);
  if (fresh.length === 0) return allOld(targets, staleSeconds);
  return twice(fresh) ?? fresh.map(({ reading }) => reading);
}

interface Target {
  readonly pod: string;
  readonly labels: Readonly<Record<string, string>>;
  /** s */
  readonly age: number;
  readonly reading: TargetReading;
}

interface Group {
  readonly labels: Readonly<Record<string, string>>;
  readonly figures: Map<string, number>;
  evaluatedAt: number;
}

/** By the labels that Prometheus adds: two groups of one Pod are two targets. */
function groupsOf(series: readonly Series[]): Iterable<Group> {
  const groups = new Map<string, Group>();
  for (const { labels, value, evaluatedAt } of series) {
    const { __name__: name = '', [FIGURE]: computed, ...rest } = labels;
    const figure = computed ?? name;
    const own = OWN_LABELS[figure] ?? [];
    const added = Object.entries(rest).filter(([label]) => !own.includes(label));
    const key = JSON.stringify(added.sort(([a], [b]) => (a < b ? -1 : 1)));
    const group = groups.get(key) ?? { labels: Object.fromEntries(added), figures: new Map(), evaluatedAt };
    group.figures.set(figure, (group.figures.get(figure) ?? 0) + value);
    groups.set(key, group);
  }
  return groups.values();
}

/** None if the time of its samples is not known: its values may be of any age. */
function targetOf({ labels, figures, evaluatedAt }: Group): Target[] {
  const read = (name: string) => {
    const value = figures.get(name);
    return value !== undefined && Number.isFinite(value) && value >= 0 ? value : undefined;
  };
  const { pod } = labels;
  const ofProxy = read(COMPUTED.sampledProxy);
  const sampledAt = ofProxy ?? read(COMPUTED.sampledProcessor);
  if (pod === undefined || sampledAt === undefined) return [];
  const [rate, recentRate] = [read(COMPUTED.rate), read(COMPUTED.recentRate)];
  const values = RAW.flatMap((name) => {
    const value = read(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  const reading: TargetReading = {
    pod,
    component: ofProxy === undefined ? 'processor' : 'ws-proxy',
    at: sampledAt * 1000,
    values: Object.fromEntries(values),
    ...(rate !== undefined && { rate }),
    ...(recentRate !== undefined && { recentRate }),
  };
  return [{ pod, labels, age: evaluatedAt - sampledAt, reading }];
}

const listed = (names: readonly string[]) =>
  names.length <= NAMED
    ? names.join(', ')
    : `${names.slice(0, NAMED).join(', ')} and ${names.length - NAMED} more`;

function strangers(series: readonly Series[], pods: readonly string[]): string {
  const found = [...new Set(series.flatMap(({ labels }) => labels['pod'] ?? []))];
  return `has series of the Pods ${listed(found)}, but none with a current sample of the Pods of this cluster (${listed(pods)}). Check its targets and the label "pod"`;
}

function allOld(targets: readonly Target[], staleSeconds: number): string {
  const newest = Math.min(...targets.map(({ age }) => age));
  if (newest < 0)
    return `has samples that are ${Math.round(-newest)} s in the future. Check the clock of its machine`;
  return `has a last sample that is ${Math.round(newest)} s old (staleSeconds is ${staleSeconds}). Check that it still scrapes the Pods, and that staleSeconds is at least twice its scrape interval`;
}

/** Two Prometheus behind one address, or two jobs that scrape the same Pod: a sum would count twice. */
function twice(targets: readonly Target[]): string | undefined {
  for (const [index, one] of targets.entries()) {
    const other = targets.slice(0, index).find(({ pod }) => pod === one.pod);
    if (other === undefined) continue;
    const names = [...new Set([...Object.keys(one.labels), ...Object.keys(other.labels)])];
    const differing = names.filter((name) => one.labels[name] !== other.labels[name]).sort();
    const label = differing[0] ?? '';
    const values = [other, one].map(({ labels }) => `"${labels[label] ?? ''}"`).sort();
    return `has two series of the Pod ${one.pod}, which differ in the label ${differing.join(', ')} (${values.join(' and ')}). Scrape each Pod once, deduplicate replicas, or add ${label}=${values[0]} to autoscaling.prometheus.selector`;
  }
  return undefined;
}
