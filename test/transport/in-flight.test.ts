/** Which entries are in flight in a process, and how its loops retry: without Redis. */
import test from 'ava';
import { untilDone } from '../../services/transport/redis/connection/until-done.ts';
import { type Claimed, InFlight } from '../../services/transport/redis/queue/in-flight.ts';

function added(inFlight: InFlight, tag: string, exclusive = false): Claimed {
  const claimed = inFlight.add(tag, `entry ${tag}`, exclusive);
  if (claimed === undefined) throw new Error(`${tag} is in flight`);
  return claimed;
}

test('an entry takes room until it is settled, once', (t) => {
  const inFlight = new InFlight(2);
  const one = added(inFlight, '1');
  t.is(inFlight.room, 1);
  t.is(inFlight.add('1', 'again', false), undefined, 'handed out again after a lost reply');
  added(inFlight, '2');
  added(inFlight, '3');
  t.deepEqual([inFlight.room, inFlight.size], [0, 3], 'more than was asked for');
  inFlight.settle(one);
  inFlight.settle(one);
  t.is(inFlight.size, 2);
});

test('beside a reclaimed entry there is no room', (t) => {
  const inFlight = new InFlight(10);
  const reclaimed = added(inFlight, '1', true);
  t.is(inFlight.room, 0);
  inFlight.settle(reclaimed);
  t.is(inFlight.room, 10);
  added(inFlight, '2');
  t.is(inFlight.room, 9);
});

test('an entry of a lost registration is not the one that has its tag now', async (t) => {
  const inFlight = new InFlight(10);
  const old = added(inFlight, '7', true);
  const changed = inFlight.whenChanged();
  inFlight.forget();
  await changed;
  t.deepEqual([inFlight.size, inFlight.room, inFlight.generation], [0, 10, 1]);
  const current = added(inFlight, '7');
  inFlight.settle(old);
  t.deepEqual([inFlight.holds(old), inFlight.holds(current)], [false, true]);
});

test('a change is awaited only while something is in flight', async (t) => {
  const inFlight = new InFlight(10);
  await inFlight.whenChanged();
  const one = added(inFlight, '1');
  let changes = 0;
  const changed = inFlight.whenChanged().then(() => changes++);
  await new Promise((resolve) => setImmediate(resolve));
  t.is(changes, 0);
  inFlight.settle(one);
  await changed;
  t.is(changes, 1);
});

/** An action that fails so often, then succeeds, and what untilDone does meanwhile. */
async function retried(failures: number, endedAfter = Infinity) {
  const pauses: number[] = [];
  const reports: unknown[] = [];
  let attempts = 0;
  const result = await untilDone(
    () => (++attempts > failures ? Promise.resolve('done') : Promise.reject(new Error(`${attempts}`))),
    {
      ended: () => attempts >= endedAfter,
      pause: async (count) => void pauses.push(count),
      report: (error) => reports.push((error as Error).message),
    },
  );
  return { result, attempts, pauses, reports };
}

test('an action is retried until it succeeds; the 4th failure is reported, and each 10th after it', async (t) => {
  t.deepEqual(await retried(0), { result: 'done', attempts: 1, pauses: [], reports: [] });
  const { pauses, ...rest } = await retried(25);
  t.deepEqual(pauses, [...Array(25).keys()]);
  t.deepEqual(rest, { result: 'done', attempts: 26, reports: ['4', '14', '24'] });
});

test('a loop that was ended stops after a failure, in silence', async (t) => {
  t.deepEqual(await retried(9, 4), { result: undefined, attempts: 4, pauses: [0, 1, 2], reports: [] });
  t.is((await retried(0, 0)).result, 'done', 'it is tried once');
});
