/** The state of the whole cluster. Problems come first, as that is what is asked for at night. */
import type { Figures } from '../../client/cluster-client.ts';
import type { Command } from '../command.ts';
import { writeJson } from '../output.ts';
import { age, type Column, printable, span, table } from '../table.ts';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

export interface Status {
  readonly cluster?: {
    readonly name: string;
    readonly namespace?: string;
    readonly status: { readonly phase?: string; readonly conditions?: readonly Condition[] };
  };
  readonly clusterProblem?: string;
  readonly figures: Figures;
  readonly version: string;
  readonly you: { readonly name: string; readonly scope: string };
}

/** Conditions whose True is no success: a problem, or work that is under way. */
const NEGATIVE: Readonly<Record<string, Rank>> = {
  Degraded: 'PROBLEM',
  Progressing: 'working',
  Draining: 'working',
};
const RANKS = ['PROBLEM', 'notice', 'working', 'ok'] as const;
type Rank = (typeof RANKS)[number];
/** A False or Unknown one means that stations are not served. */
const VITAL: ReadonlySet<string> = new Set(['Available', 'RedisReady']);

function rankOf({ type, status }: Condition): Rank {
  const negative = NEGATIVE[type];
  if (negative !== undefined) return status === 'True' ? negative : 'ok';
  if (status === 'True') return 'ok';
  return VITAL.has(type) ? 'PROBLEM' : 'notice';
}

const conditionColumns = (now: number): readonly Column<Condition>[] => [
  { head: 'STATE', of: rankOf },
  { head: 'CONDITION', of: ({ type, status }) => `${type}=${status}` },
  { head: 'SINCE', of: ({ lastTransitionTime }) => age(lastTransitionTime, now) },
  { head: 'REASON', of: ({ reason }) => reason },
  { head: 'MESSAGE', of: ({ message }) => message },
];

/** Missing is never zero. */
const figure = (value: number | undefined) => value?.toString() ?? 'unknown';

export function figureLines({ figures }: Pick<Status, 'figures'>): string[] {
  const { queueOldestSeconds: oldest } = figures;
  const waits = oldest === undefined || oldest === 0 ? '' : `, the oldest for ${span(oldest)}`;
  return [
    `stations connected  ${figure(figures.stationsConnected)} of ${figure(figures.stationsKnown)}`,
    `open transactions   ${figure(figures.openTransactions)}`,
    `messages waiting    ${figure(figures.queueDepth)}${waits}`,
    `dead letters        ${figure(figures.deadLetters)}`,
  ];
}

export function headLine({ cluster, clusterProblem }: Status): string {
  if (cluster === undefined)
    return `cluster: ${printable(clusterProblem ?? 'no OcppCluster object is known to the API')}`;
  const where = cluster.namespace === undefined ? '' : ` in ${cluster.namespace}`;
  return printable(`${cluster.name}${where}: ${cluster.status.phase ?? 'no phase yet'}`);
}

export function statusLines(status: Status, now: number): string[] {
  const conditions = status.cluster?.status.conditions ?? [];
  const rank = (one: Condition) => RANKS.indexOf(rankOf(one));
  const sorted = [...conditions].sort((a, b) => rank(a) - rank(b));
  return [
    headLine(status),
    ...(sorted.length === 0 ? [] : ['', ...table(conditionColumns(now), sorted)]),
    '',
    ...figureLines(status),
    `API                 ${printable(status.version)}; you are ${printable(status.you.name)} (${printable(status.you.scope)})`,
  ];
}

export const STATUS: Command = {
  name: 'status',
  group: 'Overview',
  args: [],
  options: [],
  summary: 'Show phase, problems and figures of the cluster',
  scope: 'read',
  async run(run) {
    const status = await run.api.get<Status>('/v1/status');
    if (run.isJson) return writeJson(run, status);
    for (const line of statusLines(status, run.terminal.now())) run.terminal.write(line);
  },
};
