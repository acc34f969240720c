/**
 * Sessions and commands while everything that they need is killed at random: bills are complete and single, each event reaches its webhook in
 * order, and commands have one true outcome.
 */
import test from 'ava';
import { hasPostgres } from '../../bill-sink/postgres-server.ts';
import { bundle } from '../bundle.ts';
import { run } from '../run.ts';
import { checkBills } from './bills.ts';
import { checkEvents } from './events.ts';
import { Door } from './door.ts';
import { doorPlanOf } from './plan.ts';

const SIZE = { transactions: 1000, commands: 500, spanMs: 30_000 };
/** Everything may start at the same time on a busy machine of two CPUs. */
const PATIENCE = { endMs: 90_000, answerMs: 30_000 };
const SINK_MS = 30_000;
/** A receiver that was down is tried once a minute at least. */
const EVENTS_MS = 90_000;
const seed = Number(process.env['DOOR_SEED'] ?? 1);

(hasPostgres() ? test : test.skip)(
  `${SIZE.transactions} transactions and ${SIZE.commands} commands, with APIs, processors, proxies, sink, PostgreSQL, webhook and Redis killed at random`,
  async (t) => {
    t.timeout(300_000);
    await using programs = await bundle();
    await using door = await Door.start(programs.folder);
    const plan = doorPlanOf(seed, SIZE);
    const ledger = await run(plan, door, PATIENCE);
    const bills = await checkBills(door.postgres, ledger, SINK_MS);
    const events = await checkEvents(door, ledger, EVENTS_MS);
    const kills = Map.groupBy(plan.faults, (fault) => ('target' in fault ? fault.target : fault.kind));
    t.log(ledger.counts, {
      bills,
      events,
      kills: Object.fromEntries([...kills].map(([who, all]) => [who, all.length])),
    });
    t.deepEqual(
      ledger.violations.slice(0, 20),
      [],
      `again: DOOR_SEED=${seed}\n${door.evidence().slice(-4000)}`,
    );
    t.is(bills, SIZE.transactions);
    t.true((ledger.counts.commands['answered'] ?? 0) > SIZE.commands / 4);
  },
);
