/** Many clusters at once: made, found by a new operator, changed, deleted; and what it takes to mend one thing of one of them. */
import { isWrite, summary } from './api-calls.ts';
import { markdown, megabytes } from './markdown.ts';
import type { OperatorProcess } from './operator-process.ts';
import { type Use, watchUse } from './watch-use.ts';
import type { World } from './world.ts';

const HEAD = [
  'what',
  'all settled after s',
  "operator's last write after s",
  'CPU s of the operator',
  'API calls per cluster',
  'writes asked, objects written (by all clients)',
  'conflicts, throttled',
  'resident: peak, then; heap used',
  'event loop blocked, max ms',
];

export class Many {
  readonly #world: World;
  readonly #count: number;
  readonly #rows: string[][] = [];
  readonly #summaries: string[] = [];

  constructor(world: World, count: number) {
    this.#world = world;
    this.#count = count;
  }

  async create(operator: OperatorProcess): Promise<void> {
    const { clusters } = this.#world;
    const names = Array.from({ length: this.#count - clusters.all.length }, (_, n) => `city-${n}`);
    await this.#measure(`${names.length} made at once`, operator, async () => {
      await clusters.create(names);
      await clusters.settled(this.#count);
    });
  }

  async change(operator: OperatorProcess): Promise<void> {
    const { clusters } = this.#world;
    await this.#measure('each changed in one field', operator, async () => {
      await clusters.change({ proxy: { maxSessionsPerPod: 10_000 } });
      await clusters.settled(this.#count);
    });
  }

  /** Ends one and starts another that finds all as it should be. */
  async restart(ending: OperatorProcess): Promise<OperatorProcess> {
    await ending.kill('SIGTERM');
    const operator = await this.#world.startOperator();
    const from = { from: operator.startedAt, cpu: 0 };
    const looked = async () => {
      await operator.allLookedAt(this.#count);
      await this.#world.clusters.settled(this.#count);
    };
    await this.#measure('a new operator looks at all of them', operator, looked, from);
    return operator;
  }

  async deleteAll(operator: OperatorProcess): Promise<void> {
    const { clusters } = this.#world;
    await this.#measure('all deleted', operator, async () => {
      await clusters.deleteAll();
      await clusters.gone();
    });
  }

  async repair(times: number): Promise<string> {
    const { clusters } = this.#world;
    const took: number[] = [];
    for (const name of clusters.proxySets(times)) took.push(await clusters.timeToRepair(name));
    took.sort((a, b) => a - b);
    const [median, most] = [took[Math.floor(took.length / 2)], took.at(-1)];
    return `A Deployment that is deleted is back after ${median?.toFixed(0)} ms (median of ${took.length}), at most ${most?.toFixed(0)} ms.`;
  }

  table(): string {
    return [markdown(HEAD, this.#rows), '', ...this.#summaries].join('\n');
  }

  async #measure(
    what: string,
    operator: OperatorProcess,
    happens: () => Promise<void>,
    before: Parameters<typeof watchUse>[3] = {},
  ): Promise<void> {
    const use = await watchUse(this.#world, operator, happens, before);
    this.#rows.push([what, ...figures(use, this.#count)]);
    this.#summaries.push(`- ${what}: ${summary(use.calls)}`);
  }
}

function figures({ calls, ...use }: Use, count: number): string[] {
  // That a Secret is there already is an answer, no conflict.
  const conflicts = calls.filter(({ code, verb }) => code === 409 && verb !== 'create').length;
  const throttled = calls.filter(({ code }) => code === 429).length;
  return [
    use.seconds.toFixed(1),
    use.lastWrite?.toFixed(1) ?? 'none',
    use.cpuSeconds.toFixed(1),
    (calls.length / count).toFixed(1),
    `${calls.filter(isWrite).length}, ${use.written}`,
    `${conflicts}, ${throttled}`,
    `${megabytes(use.peak)}, ${megabytes(use.rss)}; ${megabytes(use.heapUsed)}`,
    use.lagMs.toFixed(0),
  ];
}
