/** Runs one row: every contender in each round, so that what else the machine does meets all of them alike. */
import { type Figures, measure } from './measure.ts';
import type { Contender, Row } from './rows.ts';
import { type Served, Unavailable } from './servers.ts';

export interface Result {
  readonly contender: Contender;
  /** The run with the median CPU of all rounds. */
  readonly median: Figures;
  /** In their order. */
  readonly rounds: readonly Figures[];
}

export interface RunOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Called before each measurement, and for a contender that is left out. */
  readonly onStep: (what: string) => void;
}

/** A young process runs code that V8 has not compiled yet; so long each one is kept busy first; s. */
const HEAT_SECONDS = 2;

export async function compare(row: Row, options: RunOptions): Promise<Result[]> {
  const { stations, message } = row;
  await using stack = new AsyncDisposableStack();
  const servers = new Map<Contender, Served>();
  for (const contender of row.contenders) {
    options.onStep(`start ${contender.name}`);
    const served = await contender.serve().catch((error: Error) => {
      if (!(error instanceof Unavailable)) throw error;
      options.onStep(`\n!!! LEFT OUT: ${contender.name}\n!!! ${error.message}\n`);
    });
    if (served === undefined) continue;
    const known = [...servers.values()].includes(served);
    servers.set(contender, served);
    if (known) continue;
    stack.use(served);
    await measure(served, { stations, message, seconds: HEAT_SECONDS });
  }
  const runs = new Map<Contender, Figures[]>([...servers.keys()].map((contender) => [contender, []]));
  for (let round = 1; round <= options.rounds; round++) {
    for (const [contender, served] of servers) {
      options.onStep(`round ${round} of ${options.rounds}: ${contender.name}`);
      const { rate } = contender;
      const load = { stations, message, seconds: options.seconds, ...(rate !== undefined && { rate }) };
      runs.get(contender)?.push(await measure(served, load));
    }
  }
  return [...runs].map(([contender, figures]) => ({ contender, median: medianOf(figures), rounds: figures }));
}

function medianOf(figures: readonly Figures[]): Figures {
  const sorted = figures.toSorted((a, b) => a.cpu - b.cpu);
  const median = sorted[Math.floor((sorted.length - 1) / 2)];
  if (median === undefined) throw new Error('a row wants one round at least');
  return median;
}
