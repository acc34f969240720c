/**
 * `npm run fuzz:bills -- --histories N --seed S [--history I] [--mutant NAME|all]`: histories of sloppy stations through the
 * product in one process, and what is billed of them against what a careful human would bill. `--history I` plays one of
 * them and prints all of it; `--mutant` runs broken builds (mutants.ts). Ends with 0 only when no promise was broken.
 */
import { programOptions } from '../support/program-options.ts';
import { catchAll, runBroken } from './broken-builds.ts';
import { runHistories } from './histories.ts';
import { judged, runHistory } from './run.ts';
import { shortest, told } from './tell.ts';

const HELP = `npm run fuzz:bills -- [--histories N] [--seed S] [--history I] [--mutant NAME|all]

  --histories N   how many (2000)
  --seed S        1
  --history I     plays one of them and prints all of it
  --mutant NAME   a build that is broken on purpose; all: each of them`;
const values = programOptions(HELP, {
  histories: { type: 'string', default: '2000' },
  seed: { type: 'string', default: '1' },
  history: { type: 'string' },
  mutant: { type: 'string' },
});
const [histories, seed] = [Number(values.histories), Number(values.seed)];

async function one(number: number): Promise<boolean> {
  const { draft, mutations, transcript, judgement } = await runHistory(seed, number);
  const names = mutations.map(({ kind, name }) => `${kind}: ${name}`);
  console.log(`history ${number} of seed ${seed}: ${names.join('; ') || 'nothing is odd'}`);
  console.log(told(transcript, judgement));
  if (judgement.verdict === 'right') return true;
  const least = await shortest(draft);
  if (least === undefined) return false;
  const again = await judged(least, false);
  console.log(`\nthe shortest that shows it, ${least.steps.length} of ${draft.steps.length} steps:`);
  console.log(told(again.transcript, again.judgement));
  return judgement.verdict !== 'wrong';
}

/** A broken build ends as it would by itself; all of them end with 0 when each is caught. */
async function broken(mutant: string): Promise<boolean> {
  if (mutant === 'all') return catchAll(histories, seed);
  const { status, output } = await runBroken(mutant, histories, seed);
  console.log(output);
  return status === 0;
}

async function main(): Promise<boolean> {
  const { mutant, history } = values;
  if (mutant !== undefined) return broken(mutant);
  return history === undefined ? runHistories(histories, seed) : one(Number(history));
}

process.exitCode = (await main()) ? 0 : 1;
