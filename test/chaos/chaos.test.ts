/** The reckoning finds each kind of broken promise, the same seed makes the same plan, and a few runs of the real thing pass. */
import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { CallOutcome } from '../../services/transport/station-call.ts';
import { bundle } from './bundle.ts';
import { type Charge, Ledger } from './ledger.ts';
import { MUTANTS } from './mutants.ts';
import { Network } from './network.ts';
import { planOf } from './plan.ts';
import { run } from './run.ts';

const ROOT = join(import.meta.dirname, '../..');

const charge = (parts: Partial<Charge> = {}): Charge => ({
  stationId: 'S1',
  protocol: 'ocpp1.6',
  transactionId: undefined,
  meterStart: 0,
  meterStop: undefined,
  started: false,
  stopped: false,
  ...parts,
});
const ANSWERED: CallOutcome = { kind: 'answered', answer: { kind: 'result', payload: {} } };
const OFFLINE: CallOutcome = { kind: 'not-sent', reason: 'offline' };
const TIMEOUT: CallOutcome = { kind: 'uncertain', reason: 'timeout' };

interface Case {
  readonly name: string;
  readonly happens: (ledger: Ledger) => void;
  /** undefined: all is well. */
  readonly violation: RegExp | undefined;
}

const CASES: readonly Case[] = [
  {
    name: 'an answer to what was asked, late or not',
    happens(ledger) {
      ledger.asked(1, 'a');
      ledger.asked(1, 'b');
      ledger.answered(1, 'a', 'S1');
      ledger.answered(1, 'b', 'S1');
    },
    violation: undefined,
  },
  {
    name: 'two answers to one CALL',
    happens(ledger) {
      ledger.asked(1, 'a');
      ledger.answered(1, 'a', 'S1');
      ledger.answered(1, 'a', 'S1');
    },
    violation: /answered twice on connection 1/,
  },
  {
    name: 'two answers to a CALL that was asked twice',
    happens(ledger) {
      for (const _ of [1, 2]) ledger.asked(1, 'a');
      for (const _ of [1, 2]) ledger.answered(1, 'a', 'S1');
    },
    violation: undefined,
  },
  {
    name: 'an answer on another connection',
    happens(ledger) {
      ledger.asked(1, 'a');
      ledger.answered(2, 'a', 'S1');
    },
    violation: /connection 2, which never asked it/,
  },
  {
    name: 'one transaction with two ids',
    happens(ledger) {
      const one = charge();
      ledger.charges.push(one);
      ledger.named(one, '7');
      ledger.named(one, '7');
      ledger.named(one, '8');
    },
    violation: /has the ids 7 and 8/,
  },
  {
    name: 'one id for two transactions',
    happens(ledger) {
      const [one, other] = [charge(), charge({ stationId: 'S2' })];
      ledger.charges.push(one, other);
      ledger.named(one, '7');
      ledger.named(other, '7');
    },
    violation: /belongs to S2 and to S1/,
  },
  {
    name: 'a command that is executed and answered',
    happens(ledger) {
      ledger.executed('k');
      ledger.replied('k');
      ledger.ended('k', ANSWERED);
      ledger.ended('k', ANSWERED);
      ledger.close(['k']);
    },
    violation: undefined,
  },
  {
    name: 'a command that is executed twice',
    happens(ledger) {
      ledger.executed('k');
      ledger.executed('k');
    },
    violation: /executed 2 times/,
  },
  {
    name: 'a command without an outcome',
    happens(ledger) {
      ledger.executed('k');
      ledger.ended('k', ANSWERED);
    },
    violation: /no station replied/,
  },
  {
    name: 'a command that is not sent, and executed later',
    happens(ledger) {
      ledger.ended('k', OFFLINE);
      ledger.executed('k');
    },
    violation: /is not sent \(offline\), and was executed/,
  },
  {
    name: 'a command with two ends',
    happens(ledger) {
      ledger.ended('k', TIMEOUT);
      ledger.ended('k', OFFLINE);
    },
    violation: /ended as .*timeout.* and as .*offline/,
  },
  {
    name: 'a command without an end',
    happens(ledger) {
      ledger.executed('k');
      ledger.close(['k']);
    },
    violation: /no outcome/,
  },
  {
    name: 'an uncertain command, executed late',
    happens(ledger) {
      ledger.ended('k', TIMEOUT);
      ledger.executed('k');
    },
    violation: undefined,
  },
];

for (const { name, happens, violation } of CASES) {
  test(`the ledger: ${name}`, (t) => {
    const ledger = new Ledger();
    happens(ledger);
    if (violation === undefined) t.deepEqual(ledger.violations, []);
    else t.regex(ledger.violations.join('\n'), violation);
  });
}

test('what the broken builds change is there to be changed', async (t) => {
  for (const [name, { changes }] of Object.entries(MUTANTS)) {
    for (const { file, from, source } of changes) {
      const [path = file] = globSync(source ?? `services/transport/redis/*/${file}`, { cwd: ROOT });
      const text = await readFile(join(ROOT, path), 'utf8');
      t.is(text.split(from).length, 2, `${name}: ${from} in ${file}`);
    }
  }
});

test('a seed is a plan, and another seed is another', (t) => {
  t.deepEqual(planOf(7), planOf(7));
  t.notDeepEqual(planOf(7).faults, planOf(8).faults);
  const kinds = new Set(
    Array.from({ length: 300 }, (_, seed) => planOf(seed).faults.map(({ kind }) => kind)).flat(),
  );
  t.is(kinds.size, 13, [...kinds].join());
});

test('stations, proxies, processors and Redis keep their promises under faults', async (t) => {
  t.timeout(120_000);
  await using programs = await bundle();
  await using network = await Network.start(programs.folder);
  for (const seed of [1, 2, 3]) {
    const ledger = await run(planOf(seed), network);
    t.deepEqual(ledger.violations, [], `again: npm run chaos -- --runs 1 --seed ${seed}`);
    t.true(ledger.counts.answers > 100 && (ledger.counts.commands['answered'] ?? 0) > 0);
  }
});
