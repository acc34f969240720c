/**
 * The cost of a CALL, compared with other implementations: `npm run bench` prints the tables in less than half an hour.
 * Compare ratios: the contenders of a row alternate within each round.
 *
 *   npm run bench -- --row heartbeat --rounds 1 --seconds 3     one row, quickly
 *   npm run bench -- --row open-loop --profile /tmp/profiles    with V8's CPU profiles of our programs
 *   npm run bench -- --before ../other-checkout --rounds 7      our programs beside those of another checkout
 *   npm run bench -- --row network --json results.json          the same figures as JSON, so that a program can compare two runs
 *   npm run bench -- --row network --picture costs.svg          and as a picture; --from results.json draws an earlier run
 *   npm run bench -- --row handshakes --row idle-tls            the front door, beside bare servers of node:http and node:https
 *
 * What is measured are whole processes by the kernel's account of their CPU (see process-use.ts). The stations run in
 * this process. See docs/performance.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { exitOnSignals } from '../support/children.ts';
import { knownOption, positiveOption, programOptions, wrongOption } from '../support/program-options.ts';
import { apiCosts } from './api/commands.ts';
import { compare } from './compare.ts';
import { handshakes, handshakesAgainst } from './door/handshakes.ts';
import { idleTls } from './door/idle-tls.ts';
import { idleStations } from './idle.ts';
import { pictureOf } from './picture.ts';
import { printProfiles } from './profile.ts';
import { redisMemory } from './redis-memory.ts';
import { figuresOf, type Results, resultsOf, resultsText, type RowFigures } from './results.ts';
import { rows, rowsAgainst } from './rows.ts';
import { redisLines, table } from './table.ts';

const HELP = `npm run bench -- [--row NAME]... [--rounds N] [--seconds N] [--profile FOLDER] [--before CHECKOUT] [--json FILE] [--picture FILE]
       npm run bench -- --from FILE --picture FILE

  --row NAME          measures one row; default: all, in less than half an hour
  --rounds N          rounds per row (3)
  --seconds N         duration of each measurement (4)
  --profile FOLDER    writes CPU profiles of our programs
  --before CHECKOUT   compares with the programs of another checkout
  --json FILE         writes the figures of the tables to a file, too
  --picture FILE      draws the CPU of each contender as an SVG
  --from FILE         draws the figures of such a JSON file, and measures nothing`;
const values = programOptions(HELP, {
  row: { type: 'string', multiple: true },
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '4' },
  profile: { type: 'string' },
  before: { type: 'string' },
  json: { type: 'string' },
  picture: { type: 'string' },
  from: { type: 'string' },
});
const all = values.before === undefined ? rows(values.profile) : rowsAgainst(resolve(values.before));
const others =
  values.before === undefined
    ? ['idle', 'handshakes', 'idle-tls', 'api', 'redis-memory']
    : ['idle', 'handshakes', 'redis-memory'];
const names = [...all.map(({ name }) => name), ...others];
const wanted = values.row ?? names;
for (const name of wanted) knownOption('row', name, names);
const rounds = positiveOption('rounds', values.rounds);
const seconds = positiveOption('seconds', values.seconds);

if (values.from !== undefined) {
  if (values.picture === undefined) wrongOption('--from needs --picture');
  writeFileSync(values.picture, pictureOf(earlierResults(values.from)));
  process.exit();
}

exitOnSignals();
const say = (text: string) => process.stdout.write(`${text}\n`);
const onStep = (what: string) => process.stderr.write(`  ${what}\n`);

say(`${process.platform}, ${availableParallelism()} cores, Node.js ${process.version}`);
const figures: RowFigures[] = [];
for (const row of all.filter(({ name }) => wanted.includes(name))) {
  say(`\n${row.what}\n`);
  const results = await compare(row, { rounds, seconds, onStep });
  say(`${table(results)}\n\n${redisLines(results)}`);
  figures.push(figuresOf(row, results));
  const soFar = resultsOf({ rounds, seconds }, figures);
  if (values.json !== undefined) writeFileSync(values.json, resultsText(soFar));
  if (values.picture !== undefined) writeFileSync(values.picture, pictureOf(soFar));
}
if (wanted.includes('idle')) {
  if (values.before !== undefined) say(`\nBefore: ${await idleStations(onStep, resolve(values.before))}`);
  say(`\n${await idleStations(onStep)}`);
}
if (wanted.includes('api')) say(`\n${await apiCosts(onStep)}`);
if (wanted.includes('handshakes')) {
  const options = { rounds, onStep, profileFolder: values.profile };
  const { before } = values;
  say(
    `\n${before === undefined ? await handshakes(options) : await handshakesAgainst(resolve(before), options)}`,
  );
}
if (wanted.includes('idle-tls')) say(`\n${await idleTls(onStep)}`);
if (wanted.includes('redis-memory')) {
  if (values.before !== undefined) say(`\nBefore: ${await redisMemory(onStep, resolve(values.before))}`);
  say(`\n${await redisMemory(onStep)}`);
}
if (values.profile !== undefined) await printProfiles(values.profile, say);

function earlierResults(file: string): Results {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Results;
  } catch (error) {
    return wrongOption(`--from cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
