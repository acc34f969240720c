/**
 * What the operator costs: `npm run bench:operator` prints every figure in about eight minutes. The bundle runs as it is shipped,
 * against a kube-apiserver and etcd of its own; a stand-in plays Kubernetes' controllers and kubelets.
 *
 *   npm run bench:operator -- --clusters 20 --seconds 20            quick
 *   npm run bench:operator -- --profile /tmp/profiles               with V8's CPU profiles of each operator
 *
 * Calls are counted by the API server's audit log, CPU and memory by the kernel. See docs/performance.md.
 */
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitOnSignals } from '../../support/children.ts';
import { programOptions } from '../../support/program-options.ts';
import { printProfiles } from '../profile.ts';
import { Idle } from './idle.ts';
import { Many } from './many.ts';
import type { OperatorProcess } from './operator-process.ts';
import { failOver, leading, startUp } from './start-up.ts';
import { startWorld, type World } from './world.ts';

const HELP = `npm run bench:operator -- [--clusters N] [--seconds N] [--profile FOLDER]

  --clusters N       200
  --seconds N        of rest that is measured (50)
  --profile FOLDER   writes CPU profiles of each operator`;
const values = programOptions(HELP, {
  clusters: { type: 'string', default: '200' },
  seconds: { type: 'string', default: '50' },
  profile: { type: 'string' },
});
const count = Number(values.clusters);
const seconds = Number(values.seconds);
const REPAIRS = 20;
/** After it, numbers and Events of a new cluster are written; ms. */
const REST_MS = 35_000;

exitOnSignals();
const say = (text: string) => process.stdout.write(`${text}\n`);
const step = (what: string) => process.stderr.write(`  ${what}\n`);

async function measureAll(): Promise<void> {
  await using world = await startWorld(values.profile);
  step('start-up');
  say(`\n${await startUp(world)}`);
  const many = new Many(world, count);
  let operator = await world.startOperator();
  try {
    await operator.alive();
    await leading(world, 'operator-a', operator.startedAt);
    say(`\n${await quiet(world, operator, many)}`);
    step('repair, change, restart');
    const repairs = await many.repair(REPAIRS);
    await world.clusters.settled(count);
    await many.change(operator);
    operator = await many.restart(operator);
    step('fail-over');
    const second = await world.startOperator('operator-b');
    const taken = await failOver(world, operator, second);
    operator = second;
    await operator.allLookedAt(count);
    await world.clusters.settled(count);
    step('deletion');
    await many.deleteAll(operator);
    say(`\n${many.table()}\n\n${repairs}\n\n${taken}`);
  } finally {
    for (const line of operator.warnings.slice(0, 10)) step(line);
    await operator[Symbol.asyncDispose]();
  }
}

async function quiet(world: World, operator: OperatorProcess, many: Many): Promise<string> {
  const idle = new Idle();
  const measure = async (what: string, length: number) => {
    step(`quiet: ${what}, ${length} s`);
    await idle.measure(world, operator, what, length);
  };
  await measure('0', seconds);
  await world.clusters.create(['one']);
  await world.clusters.settled(1);
  await sleep(REST_MS);
  await measure('1', seconds);
  step(`${count} clusters`);
  await many.create(operator);
  await measure(`${count}, just made`, seconds);
  await measure(String(count), 2 * seconds);
  world.podMetrics.busy = true;
  await measure(`${count}, stations come and go`, seconds);
  world.podMetrics.busy = false;
  return idle.table();
}

const load = () => loadavg()[0]?.toFixed(1);
say(
  `${process.platform}, ${availableParallelism()} cores, Node.js ${process.version}, load before ${load()}`,
);
say('kube-apiserver, etcd, a stand-in for controllers and kubelets, and the operator share the cores.');
await measureAll();
say(`\nload afterwards ${load()}`);
if (values.profile !== undefined) await printProfiles(values.profile, say);
