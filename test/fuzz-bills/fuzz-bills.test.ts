/** Histories of sloppy stations are billed right, the oracle that says so is right itself, and broken builds are caught. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import test from 'ava';
import { isCaught, runBroken } from './broken-builds.ts';
import { isSay, type Json, Literal, write } from './draft.ts';
import { MUTANTS } from './mutants.ts';
import { KINDS } from './mutations/mutation.ts';
import { historyOf, MUTATIONS } from './mutations/table.ts';
import { imaginedExchanges, imaginedTranscript, isAmbiguous } from './oracle/imagined.ts';
import { judge, reckon } from './oracle/judge.ts';
import { readEnergy, readMoment, readRegisters, wattHours } from './oracle/values.ts';
import { chanceOf, isLossless, runHistory } from './run.ts';
import { Tally } from './tally.ts';

const ROOT = join(import.meta.dirname, '../..');
const numbers = fc.integer({ min: 0, max: 1_000_000 });

test('1500 histories: what is confirmed is billed once and right, or a report says so', async (t) => {
  const tally = new Tally();
  for (let number = 0; number < 1500; number++) {
    const { mutations, judgement } = await runHistory(1, number);
    tally.add(number, mutations, judgement.verdict);
  }
  t.deepEqual(tally.failures(), [], `look at one: npm run fuzz:bills -- --history N\n${tally.table()}`);
});

test('a number is a history, and another number is another', (t) => {
  const said = (number: number) => {
    const { steps } = historyOf(chanceOf(1, number)).draft;
    return steps.map((step) => (isSay(step) ? JSON.stringify(step) : step));
  };
  t.deepEqual(said(7), said(7));
  t.notDeepEqual(said(7), said(8));
});

test('every kind has its mutations, and each of them changes some history', (t) => {
  t.deepEqual(
    KINDS.filter((wanted) => !MUTATIONS.some(({ kind }) => kind === wanted)),
    [],
  );
  const seen = new Set<string>();
  for (let number = 0; number < 4000; number++) {
    for (const { name } of historyOf(chanceOf(1, number)).mutations) seen.add(name);
  }
  t.deepEqual(
    MUTATIONS.filter(({ name }) => !seen.has(name)),
    [],
  );
});

test('the oracle reads the true energy of every session out of a history that still says it', (t) => {
  let judged = 0;
  const property = fc.property(numbers, (number) => {
    const history = historyOf(chanceOf(3, number));
    if (!isLossless(history)) return;
    judged++;
    const { draft } = history;
    const { bills, faults } = reckon(draft.protocol, imaginedExchanges(draft));
    t.deepEqual(faults, []);
    const read = bills
      .filter(({ optional }) => optional !== true)
      .map(({ energies: [energy] }) => wattHours(energy));
    const counted = draft.sessions.map(({ start, stop }) => `${stop - start}`);
    t.deepEqual(read.toSorted(), counted.toSorted(), history.mutations.map(({ name }) => name).join());
  });
  fc.assert(property, { numRuns: 1000 });
  t.true(judged > 200);
});

test('what the oracle asks for is right in its own eyes', (t) => {
  const property = fc.property(numbers, (number) => {
    const { draft, mutations } = historyOf(chanceOf(4, number));
    const exchanges = imaginedExchanges(draft);
    if (isAmbiguous(exchanges)) return;
    const transcript = imaginedTranscript(draft, exchanges, reckon(draft.protocol, exchanges));
    const { findings } = judge(draft, transcript, false);
    t.deepEqual(findings, [], mutations.map(({ name }) => name).join());
  });
  fc.assert(property, { numRuns: 1000 });
});

test('every way to bill wrong is found, and a report makes it reported', (t) => {
  const property = fc.property(numbers, fc.nat(), (number, chosen) => {
    const { draft, mutations } = historyOf(chanceOf(5, number));
    if (mutations.length > 0) return;
    const exchanges = imaginedExchanges(draft);
    const expected = reckon(draft.protocol, exchanges);
    const right = imaginedTranscript(draft, exchanges, expected);
    const { bills } = right;
    const place = chosen % bills.length;
    const bill = bills[place];
    if (bill === undefined || expected.bills[place]?.report !== 'no') return;
    const { transactionId = '', billId = '', energy = '0' } = bill;
    const others = bills.filter((one) => one !== bill);
    const wrong = {
      'a bill is lost': others,
      'a bill stands there twice': [...bills, { ...bill, billId: 'again' }],
      'a Wh too much': [...others, { ...bill, energy: `${Number(energy) + 1}` }],
      'a thousandth too little': [...others, { ...bill, energy: `${Number(energy) - 0.001}` }],
      'no energy': [...others, { ...bill, energy: 'NaN' }],
      'the card of another': [...others, { ...bill, idTag: 'ANOTHER' }],
      'a correction of nothing': [...others, { ...bill, kind: 'correction', supersedes: 'none' }],
    };
    for (const [what, entries] of Object.entries(wrong)) {
      t.is(judge(draft, { ...right, bills: entries }, true).verdict, 'wrong', what);
    }
    const reports = [{ transactionId }];
    const reported = { ...right, bills: others, reports };
    t.is(judge(draft, reported, true).verdict, 'reported');
    t.is(judge(draft, { ...right, reports }, true).verdict, 'reported', 'a needless report');
    const corrected = [
      ...others,
      { ...bill, billId: 'first', energy: '1' },
      { ...bill, kind: 'correction', supersedes: 'first' },
    ];
    t.is(judge(draft, { ...right, bills: corrected }, true).verdict, 'right', billId);
  });
  fc.assert(property, { numRuns: 300 });
});

test('a confirmed message that is answered with an error, or not at all, is found', (t) => {
  const { draft } = historyOf(chanceOf(1, 6));
  const exchanges = imaginedExchanges(draft);
  const right = imaginedTranscript(draft, exchanges, reckon(draft.protocol, exchanges));
  for (const answer of ['error', 'none'] as const) {
    const spoiled = exchanges.flatMap((one) =>
      one === exchanges.at(-1) ? Object.assign({}, one, { answer }) : one,
    );
    t.is(judge(draft, { ...right, exchanges: spoiled }, false).verdict, 'wrong');
  }
});

const NUMBERS: readonly (readonly [value: Json, read: string])[] = [
  [1500, '1500'],
  ['1.234', '1.234'],
  [' 007.50 ', '7.5'],
  ['1e3', '1000'],
  ['-1', '-1'],
  [0.1 + 0.2, '0.3'],
  [new Literal('9007199254740993'), '9007199254740993'],
  [new Literal('1e400'), 'unknown'],
  ['1,5', 'unknown'],
  ['1 500', 'unknown'],
  ['0x10', 'unknown'],
  ['', 'unknown'],
  [null, 'unknown'],
];

test('a careful human reads whole numbers, or none', (t) => {
  for (const [value, read] of NUMBERS) t.is(wattHours(readEnergy(value)), read, write(value));
});

const NOON = Date.UTC(2026, 10, 28, 12);
const MOMENTS: readonly (readonly [value: Json, read: number | undefined])[] = [
  ['2026-11-28T12:00:00Z', NOON],
  ['2026-11-28T12:00Z', NOON],
  ['20261128T120000Z', NOON],
  ['2026-11-28T11:59:60Z', NOON],
  ['2026-11-27T24:00:00Z', NOON - 12 * 3_600_000],
  ['2026-11-28T15:00:00+03', NOON],
  ['2026-11-28T06:30:00-05:30', NOON],
  ['2026-11-28 12:00:00,5', NOON + 500],
  ['', undefined],
  ['yesterday', undefined],
  ['2026-13-01T00:00:00Z', undefined],
  [null, undefined],
];

test('a careful human reads times of every form', (t) => {
  for (const [value, read] of MOMENTS) t.is(readMoment(value), read, write(value));
});

test('a careful human reads a register by phase, in any letters, and no half of it', (t) => {
  const said = (...sampledValue: Json[]) =>
    readRegisters([{ sampledValue }]).map((one) =>
      one.said === 'energy' ? wattHours(one.energy) : one.said,
    );
  const phases = ['L1', 'L2', 'L3'].map((phase) => ({ value: 5.1, phase, unitOfMeasure: { unit: 'KWH' } }));
  t.deepEqual(said(...phases), ['15300']);
  t.deepEqual(said(...phases, { value: '16000' }), ['16000']);
  t.deepEqual(said(...phases.slice(1), { value: '5,1', phase: 'L1', unit: 'kWh' }), ['value']);
  t.deepEqual(said({ value: 9, unit: '' }), ['unit']);
  t.deepEqual(said({ value: 9, measurand: 'Power.Active.Import', unit: 'W' }), []);
});

test('what the broken builds change is there to be changed', (t) => {
  const files = globSync('services/**/*.ts', { cwd: ROOT });
  const all = files.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n');
  for (const [name, { changes }] of Object.entries(MUTANTS)) {
    for (const { from } of changes) t.is(all.split(from).length, 2, `${name}: ${from}`);
  }
});

for (const name of ['events-by-number', 'negative-energy']) {
  test(`a broken build is caught: ${name}`, async (t) => {
    const found = await runBroken(name, 500, 1);
    t.true(isCaught(name, found), found.output);
  });
}
