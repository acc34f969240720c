/** How long a new operator takes, alone and beside another one that was killed. */
import { isLease, isWrite } from './api-calls.ts';
import type { OperatorProcess } from './operator-process.ts';
import { markdown, megabytes } from './markdown.ts';
import type { User, World } from './world.ts';
import { until } from '../../support/until.ts';

/** On a Lease of an operator that ended in order. */
const ROUNDS = 3;
const LEAD_MS = 60_000;

/** @returns ms since 1970 at which `user` first held the Lease, from `from` on */
export async function leading({ calls }: World, user: User, from: number): Promise<number> {
  const won = () =>
    calls.since(from).find((call) => call.user === user && isLease(call) && isWrite(call) && call.code < 300);
  await until(() => won() !== undefined, `${user} to lead`, LEAD_MS);
  return won()?.answeredAt ?? NaN;
}

export async function startUp(world: World): Promise<string> {
  const rows: number[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await using operator = await world.startOperator();
    const live = await operator.alive();
    const led = await leading(world, 'operator-a', operator.startedAt);
    await world.clusters.create([`first-${round}`]);
    const asked = Date.now();
    await world.clusters.settled(1);
    rows.push([live - operator.startedAt, led - operator.startedAt, firstWork(world, asked), operator.rss()]);
    await world.clusters.deleteAll();
    await world.clusters.gone();
  }
  const middle = (column: number) => rows.map((row) => row[column] ?? NaN).sort((a, b) => a - b)[1] ?? NaN;
  return markdown(
    ['start-up, nothing to do yet (median of 3)', ''],
    [
      ['process start to /healthz', `${Math.round(middle(0))} ms`],
      ['process start to leading', `${Math.round(middle(1))} ms`],
      ['the first OcppCluster made to the last of its objects made', `${Math.round(middle(2))} ms`],
      ['resident memory with this one', megabytes(middle(3))],
    ],
  );
}

/** ms until the last object was made */
function firstWork({ calls }: World, asked: number): number {
  const made = calls
    .since(asked - 1000)
    .filter(({ code, resource }) => code === 201 && resource !== 'events');
  return Math.max(...made.map(({ answeredAt }) => answeredAt)) - asked;
}

/** One is killed while it leads; a second one, of the user operator-b, waits. */
export async function failOver(
  world: World,
  leader: OperatorProcess,
  second: OperatorProcess,
): Promise<string> {
  await second.alive();
  await until(
    () => world.calls.since(second.startedAt).some((call) => call.user === 'operator-b' && isLease(call)),
    'the second to look at the Lease',
  );
  const killed = Date.now();
  await leader.kill('SIGKILL');
  const repair = world.clusters.timeToRepair(`${world.clusters.all[0]?.metadata.name}-processor`);
  const led = await leading(world, 'operator-b', killed);
  return markdown(
    ['fail-over: `kill -9` of the leader, a second operator waits', ''],
    [
      ['until the other leads', `${((led - killed) / 1000).toFixed(1)} s`],
      ['until a Deployment that was deleted meanwhile is back', `${((await repair) / 1000).toFixed(1)} s`],
    ],
  );
}
