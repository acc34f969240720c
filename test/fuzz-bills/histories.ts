/** Many histories, and what came of them. */
import { runHistory } from './run.ts';
import { Tally } from './tally.ts';

/** Plays and judges them; prints a table. @returns whether every promise was kept */
export async function runHistories(histories: number, seed: number): Promise<boolean> {
  const tally = new Tally();
  const begun = performance.now();
  for (let number = 0; number < histories; number++) {
    const { mutations, judgement } = await runHistory(seed, number);
    tally.add(number, mutations, judgement.verdict);
  }
  const seconds = (performance.now() - begun) / 1000;
  console.log(tally.table());
  console.log(
    `${histories} histories in ${seconds.toFixed(1)} s: ${Math.round(histories / seconds)} a second`,
  );
  const failures = tally.failures();
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  if (failures.length > 0) console.log(`look at one: npm run fuzz:bills -- --seed ${seed} --history N`);
  return failures.length === 0;
}
