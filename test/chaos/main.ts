/**
 * `npm run chaos -- --runs N --seed S [--mutant NAME] [--networks N]`: the real programs under faults that chance picks. Run i of
 * seed S has the seed S + i; `--runs 1 --seed X` repeats one. Ends with 0 only when no promise was broken.
 */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitOnSignals } from '../support/children.ts';
import { programOptions } from '../support/program-options.ts';
import { bundle } from './bundle.ts';
import { checkLeftovers } from './aftermath.ts';
import type { Ledger } from './ledger.ts';
import { Network } from './network.ts';
import { type Plan, planOf } from './plan.ts';
import { run } from './run.ts';

const HELP = `npm run chaos -- [--runs N] [--seed S] [--networks N] [--mutant NAME]

  --runs N        how many (10); run i of seed S has the seed S + i
  --seed S        1
  --networks N    run at the same time (2)
  --mutant NAME   a build that is broken on purpose (test/chaos/mutants.ts)`;
const values = programOptions(HELP, {
  runs: { type: 'string', default: '10' },
  seed: { type: 'string', default: '1' },
  networks: { type: 'string', default: '2' },
  mutant: { type: 'string' },
});
const [runs, seed, networks] = [Number(values.runs), Number(values.seed), Number(values.networks)];

await using programs = await bundle(values.mutant);
const total = {
  sendsKept: 0,
  watched: 0,
  calls: 0,
  answers: 0,
  resent: 0,
  charges: 0,
  commands: {} as Record<string, number>,
};
const failed: number[] = [];
let next = 0;

async function work(): Promise<void> {
  let network: Network | undefined;
  while (next < runs) {
    const plan = planOf(seed + next++);
    network ??= await Network.start(programs.folder);
    const begun = performance.now();
    const ledger = await run(plan, network);
    sum(ledger);
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    const faults = plan.faults.map(({ kind, ...fault }) =>
      [kind, ...Object.values(fault).filter((v) => typeof v === 'string')].join(' '),
    );
    console.log(
      `${ledger.violations.length === 0 ? 'ok    ' : 'FAILED'} seed ${plan.seed} (${seconds} s): ${faults.join(', ')}`,
    );
    if (ledger.violations.length === 0) continue;
    failed.push(plan.seed);
    await print(plan, ledger, network);
    await network[Symbol.asyncDispose]();
    network = undefined;
  }
  if (network === undefined) return;
  await network.stop();
  let left = 0;
  await checkLeftovers(
    network.look,
    {
      violated(what) {
        left++;
        console.log(`FAILED after the last run: ${what}`);
      },
    },
    true,
  );
  if (left > 0) failed.push(-1);
  await network[Symbol.asyncDispose]();
}

function sum({ counts, charges }: Ledger): void {
  total.calls += counts.calls;
  total.sendsKept += counts.sendsKept;
  total.watched += counts.watched;
  total.answers += counts.answers;
  total.resent += counts.resent;
  total.charges += charges.length;
  for (const [end, count] of Object.entries(counts.commands)) {
    total.commands[end] = (total.commands[end] ?? 0) + count;
  }
}

async function print(plan: Plan, ledger: Ledger, network: Network): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), `chaos-${plan.seed}-`));
  await writeFile(join(folder, 'plan.json'), JSON.stringify(plan, undefined, 2));
  await writeFile(join(folder, 'violations.txt'), ledger.violations.join('\n'));
  await writeFile(join(folder, 'programs.log'), network.evidence());
  for (const what of ledger.violations.slice(0, 5)) console.log(`       ${what}`);
  console.log(`       evidence: ${folder}; again: npm run chaos -- --runs 1 --seed ${plan.seed}`);
}

// An interrupted run leaves no process behind.
exitOnSignals();

await Promise.all(Array.from({ length: Math.min(networks, runs) }, () => work()));
const ends = Object.entries(total.commands).map(([end, count]) => `${count} ${end}`);
console.log(
  `${runs} runs: ${total.calls} CALLs (${total.resent} sent again), ${total.charges} transactions, commands: ${ends.join(', ')}`,
);
console.log(`${total.sendsKept} last SENDs held, ${total.watched} runs' sessions judged`);
console.log(failed.length === 0 ? 'no promise was broken' : `${failed.length} runs broke a promise`);
process.exitCode = failed.length === 0 ? 0 : 1;
