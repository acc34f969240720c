/** A table that is painted again every two seconds: figures, stations by status, running transactions by energy. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Station, Transaction } from '../../client/cluster-client.ts';
import type { Command, Run } from '../command.ts';
import { ExitError, usageError } from '../exit.ts';
import { age, type Column, cut, energy, printable, table } from '../table.ts';
import { figureLines, headLine, type Status } from './status.ts';

const INTERVAL = 2000;
/** Most stations and transactions that are read each time: the load of a large network is bounded. */
const MOST = 1000;
/** Lines where the output is no terminal. */
const PLAIN_LINES = 100;
const CLEAR = '\u001B[H\u001B[2J';

interface Seen {
  readonly status: Status;
  readonly stations: readonly Station[];
  readonly transactions: readonly Transaction[];
  readonly isPart: boolean;
}

async function read({ api }: Run): Promise<Seen> {
  const [status, stations, transactions] = await Promise.all([
    api.get<Status>('/v1/status'),
    api.list<Station>('/v1/stations', { connected: true }, MOST),
    api.list<Transaction>('/v1/transactions', { state: 'open' }, MOST),
  ]);
  const isPart = stations.hasMore || transactions.hasMore;
  return { status, stations: stations.items, transactions: transactions.items, isPart };
}

/** `3 Available  1 Charging`: connectors of the stations that are connected. */
function byStatus(stations: readonly Station[]): string {
  const counts = new Map<string, number>();
  for (const { status } of stations.flatMap(({ connectors }) => connectors))
    counts.set(status, (counts.get(status) ?? 0) + 1);
  const sorted = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return sorted.map(([status, count]) => `${count} ${printable(status)}`).join('  ');
}

const columns = (now: number): readonly Column<Transaction>[] => [
  { head: 'STATION', of: ({ station }) => station },
  { head: 'TRANSACTION', of: ({ transaction }) => transaction },
  { head: 'TOKEN', of: ({ token }) => token },
  { head: 'ENERGY', right: true, of: ({ energy: wh }) => energy(wh) },
  { head: 'STARTED', of: ({ startedAt }) => age(startedAt, now) },
  { head: 'HEARD', of: ({ heardAt }) => age(heardAt, now) },
];

export function topLines({ status, stations, transactions, isPart }: Seen, now: number): string[] {
  const most = [...transactions].sort((a, b) => Number(b.energy ?? -1) - Number(a.energy ?? -1));
  const statuses = byStatus(stations);
  return [
    headLine(status),
    ...figureLines(status),
    `connectors          ${statuses === '' ? 'none reported' : statuses}`,
    ...(isPart ? [`connectors and transactions: of the first ${MOST} only`] : []),
    '',
    ...(most.length === 0 ? ['no open transactions'] : table(columns(now), most)),
  ];
}

async function top(run: Run): Promise<void> {
  const { terminal, isJson } = run;
  if (isJson) throw usageError('"top" has no JSON: use status, stations and transactions', 'top');
  const { stopped } = terminal;
  for (let last: readonly string[] | undefined; !stopped.aborted;) {
    const size = terminal.size();
    let problem: string | undefined;
    try {
      last = topLines(await read(run), terminal.now());
    } catch (error) {
      if (stopped.aborted) return;
      if (last === undefined || size === undefined || !(error instanceof ExitError)) throw error;
      problem = `NOT CURRENT: ${error.message}`;
    }
    const lines = [...(problem === undefined ? [] : [problem]), ...last];
    if (size === undefined) {
      for (const line of lines.slice(0, PLAIN_LINES)) terminal.write(line);
      return;
    }
    const shown = lines.slice(0, size.rows - 1).map((line) => cut(line, size.columns));
    terminal.paint(`${CLEAR}${shown.join('\n')}\n`);
    await sleep(INTERVAL, undefined, { signal: stopped }).catch(() => undefined);
  }
}

export const TOP: Command = {
  name: 'top',
  group: 'Overview',
  args: [],
  options: [],
  summary: 'Show figures and running transactions, every two seconds; once where the output is no terminal',
  scope: 'read',
  run: top,
};
