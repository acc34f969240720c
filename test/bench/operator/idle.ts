/** What quiet clusters cost, by what the API server was asked and what the operator computed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isWrite, summary } from './api-calls.ts';
import { markdown, megabytes } from './markdown.ts';
import type { OperatorProcess } from './operator-process.ts';
import { type Use, watchUse } from './watch-use.ts';
import type { World } from './world.ts';

const HEAD = [
  'clusters',
  'seconds',
  'calls/min for the Lease',
  'watches and lists/min',
  'other reads/min',
  'writes/min',
  'writes/min and cluster',
  'CPU, % of a core',
  'event loop blocked, max ms',
  'resident, heap used',
];

export class Idle {
  readonly #rows: string[][] = [];
  readonly #summaries: string[] = [];

  async measure(world: World, operator: OperatorProcess, what: string, seconds: number): Promise<void> {
    const use = await watchUse(world, operator, () => sleep(seconds * 1000));
    this.#rows.push([what, ...figures(use, world.clusters.all.length)]);
    this.#summaries.push(`- ${what}: ${summary(use.calls) || 'nothing asked'}`);
  }

  table(): string {
    return [markdown(HEAD, this.#rows), '', ...this.#summaries].join('\n');
  }
}

function figures({ calls, seconds, leaseCalls, ...use }: Use, clusters: number): string[] {
  const perMinute = (count: number) => ((count * 60) / seconds).toFixed(1);
  const watches = calls.filter(({ verb }) => verb === 'watch' || verb === 'list').length;
  const writes = calls.filter(isWrite).length;
  return [
    seconds.toFixed(0),
    perMinute(leaseCalls),
    perMinute(watches),
    perMinute(calls.length - watches - writes),
    perMinute(writes),
    clusters === 0 ? '' : ((writes * 60) / seconds / clusters).toFixed(2),
    ((100 * use.cpuSeconds) / seconds).toFixed(1),
    use.lagMs.toFixed(0),
    `${megabytes(use.rss)}, ${megabytes(use.heapUsed)}`,
  ];
}
