/**
 * What a CALL costs, ours beside what else there is: `npm run bench` prints the whole table in about ten
 * minutes. Compare ratios: every row is run in rounds in which its contenders take turns.
 *
 *   npm run bench -- --row heartbeat --rounds 1 --seconds 3     one row, quick
 *   npm run bench -- --row open-loop --profile /tmp/profiles    with V8's CPU profiles of our programs
 *   npm run bench -- --before ../other-checkout --rounds 7      our programs beside those of another checkout
 *
 * What is measured are whole processes by the kernel's account of their CPU (see process-use.ts). The stations run in
 * this process. See docs/performance.md.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { exitOnSignals } from '../support/children.ts';
import { programOptions } from '../support/program-options.ts';
import { compare } from './compare.ts';
import { idleStations } from './idle.ts';
import { printProfiles } from './profile.ts';
import { rows, rowsAgainst } from './rows.ts';
import { redisLines, table } from './table.ts';

const HELP = `npm run bench -- [--row NAME]... [--rounds N] [--seconds N] [--profile FOLDER] [--before CHECKOUT]

  --row NAME          one row; all where left out, which takes about ten minutes
  --rounds N          3
  --seconds N         of each measurement (4)
  --profile FOLDER    writes CPU profiles of our programs
  --before CHECKOUT   our programs beside those of another checkout`;
const values = programOptions(HELP, {
  row: { type: 'string', multiple: true },
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '4' },
  profile: { type: 'string' },
  before: { type: 'string' },
});
const all = values.before === undefined ? rows(values.profile) : rowsAgainst(resolve(values.before));
const names = [...all.map(({ name }) => name), ...(values.before === undefined ? ['idle'] : [])];
const wanted = values.row ?? names;
const unknown = wanted.find((name) => !names.includes(name));
if (unknown !== undefined) throw new Error(`there is no row "${unknown}"; there are ${names.join(', ')}`);

exitOnSignals();
const say = (text: string) => process.stdout.write(`${text}\n`);
const onStep = (what: string) => process.stderr.write(`  ${what}\n`);

say(`${process.platform}, ${availableParallelism()} cores, Node.js ${process.version}`);
for (const row of all.filter(({ name }) => wanted.includes(name))) {
  say(`\n${row.what}\n`);
  const results = await compare(row, {
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    onStep,
  });
  say(`${table(results)}\n\n${redisLines(results)}`);
}
if (wanted.includes('idle')) say(`\n${await idleStations(onStep)}`);
if (values.profile !== undefined) await printProfiles(values.profile, say);
