/**
 * `npm run fuzz -- --seed S --count N [--rate R] [--inputs I,J]`: sends mutated frames and handshakes to a ws-proxy with a
 * processor and Redis, and to the monolith, and compares what they do with an oracle. `--inputs` repeats inputs on one
 * connection and prints them. The exit status is 0 only if nothing was wrong.
 */
import { positiveOption, programOptions } from '../support/program-options.ts';
import { exitOnSignals } from '../support/children.ts';
import { repeat } from './repeat.ts';
import { type RunReport, runFuzz, type TargetReport } from './run.ts';

const HELP = `npm run fuzz -- [--seed S] [--count N] [--rate R] [--inputs I,J]

  --seed S        seed of random choices (1)
  --count N       number of inputs (1000000)
  --rate R        inputs per second at most, so that the machine keeps time for the neighbours (1000)
  --inputs I,J    repeats these inputs, in their order on one connection, and prints them`;
const values = programOptions(HELP, {
  seed: { type: 'string', default: '1' },
  count: { type: 'string', default: '1000000' },
  rate: { type: 'string', default: '1000' },
  inputs: { type: 'string' },
});
const seed = positiveOption('seed', values.seed);
const count = positiveOption('count', values.count);
const rate = positiveOption('rate', values.rate);

const milliseconds = (one: number) => `${one.toFixed(1)} ms`;
const megabytes = (bytes: readonly number[]) => bytes.map((one) => `${(one / 1e6).toFixed(0)} MB`).join(', ');

function shown({ target, quiet, busy, memory }: TargetReport): string {
  return [
    `${target}:`,
    `  neighbours alone: ${quiet.answered} answers, median ${milliseconds(quiet.median)}, p99 ${milliseconds(quiet.p99)}`,
    `  neighbours beside the fuzzer: ${busy.answered} answers, median ${milliseconds(busy.median)}, p99 ${milliseconds(busy.p99)}`,
    `  memory, most of it: ${megabytes(memory.warm)} in the second quarter, ${megabytes(memory.last)} in the last one; ${megabytes(memory.rested)} after a rest`,
  ].join('\n');
}

/** Whether the memory of each program was within 10 % of what it was when the program was warm, at work and after the rest. */
const isSteady = ({ isMemoryJudged, memory: { warm, last, rested } }: TargetReport) =>
  !isMemoryJudged ||
  [last, rested].every((later) => later.every((bytes, index) => bytes <= (warm[index] ?? 0) * MEMORY_SHARE));

const MEMORY_SHARE = 1.1;
/** Fewer inputs do not fill the bounded caches of the programs, so that their memory still rises. */
const ENOUGH_TO_WARM_UP = 500_000;

function verdict({ findings, damage, targets }: RunReport): boolean {
  for (const target of targets) console.log(shown(target));
  for (const what of damage) console.log(`WRONG: ${what}`);
  for (const { number, before, name } of findings) {
    console.log(
      `WRONG: ${name}; repeat it: npm run fuzz -- --seed ${seed} --inputs ${[...before, number].join()}`,
    );
  }
  const large = count < ENOUGH_TO_WARM_UP ? [] : targets.filter((target) => !isSteady(target));
  if (count < ENOUGH_TO_WARM_UP) console.log(`memory is judged from ${ENOUGH_TO_WARM_UP} inputs on`);
  for (const { target } of large) console.log(`WRONG: the memory of ${target} has grown by more than 10 %`);
  return findings.length === 0 && damage.length === 0 && large.length === 0;
}

async function main(): Promise<boolean> {
  if (values.inputs !== undefined) {
    const numbers = values.inputs.split(',').map(Number);
    return repeat(seed, numbers, (line) => console.log(line));
  }
  const report = (line: string) => console.log(line);
  return verdict(await runFuzz({ seed, count, rate, memoryShare: MEMORY_SHARE, restSeconds: 60, report }));
}

exitOnSignals();
process.exitCode = (await main()) ? 0 : 1;
