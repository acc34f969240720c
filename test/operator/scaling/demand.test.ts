/** What the load asks for, what one processor can do, and the window. */
import test from 'ava';
import { array, assert, integer, property, record } from 'fast-check';
import { CAPACITY_PRIOR, smoothCapacity } from '../../../operator/scaling/capacity.ts';
import { demandOf, type Load, type Work } from '../../../operator/scaling/demand.ts';
import { highest, recommend } from '../../../operator/scaling/window.ts';
import { IDLE, NOW } from './situations.ts';

test('the recommendation follows the arrivals, and lets no waiting frame grow old', (t) => {
  const ready = 4;
  const at = (arrivalRate: number, queue: object = {}, recentArrivalRate = arrivalRate): Load => ({
    arrivalRate,
    recentArrivalRate,
    queue: { ...IDLE, ...queue },
  });
  const cases: readonly (readonly [string, Load, number])[] = [
    ['nothing', at(0), 0],
    ['arrivals, with processors busy for 90 % at most', at(250), 3],
    ['the same at the limit', at(360), 4],
    ['a little more', at(361), 5],
    ['a backlog of 1000 in 10 s', at(0, { depth: 1000 }), 1],
    ['a backlog of 5001 in 10 s', at(0, { depth: 5001 }), 6],
    ['arrivals and frames that just pass', at(250, { depth: 900, oldestSeconds: 0.9 }), 3],
    ['arrivals and a backlog: one more', at(250, { depth: 900, oldestSeconds: 4 }), 4],
    ['arrivals and a small backlog that the spare time drains', at(250, { depth: 20, oldestSeconds: 4 }), 3],
    ['work in flight is not waiting', at(250, { inFlight: 1000 }), 3],
    ['old frames: more than there are', at(0, { depth: 50, oldestSeconds: 15 }), 6],
    ['very old: twice as many', at(0, { depth: 50, oldestSeconds: 500 }), 8],
    ['one stuck frame is no load', at(0, { depth: 3, oldestSeconds: 500 }), 1],
    ['a burst that nothing waits for', at(80, {}, 400), 1],
    ['a step, which the mean does not show yet', at(80, { depth: 50, oldestSeconds: 1 }, 400), 5],
    ['a step between two readings, which only the queue shows', at(80, { depth: 800, oldestSeconds: 2 }), 6],
    ['a short burst', at(80, { depth: 800, oldestSeconds: 1.9 }), 2],
  ];
  for (const [name, load, replicas] of cases)
    t.is(demandOf(load, { capacity: 100, ready }, 10).replicas, replicas, name);
  const hung = demandOf(at(0, { depth: 50, oldestSeconds: 500 }), { capacity: 100, ready: 0 }, 10);
  t.is(hung.replicas, 2, 'none is ready and frames grow old: another processor may help');
  const draining = { capacity: 100, ready, activity: { completedPerSecond: 120, busyShare: 1 } };
  const fewer = demandOf(at(100, { depth: 50, oldestSeconds: 500 }), draining, 10);
  t.is(fewer.replicas, 2, 'old frames become fewer');
  const one = { capacity: 45, ready: 1, activity: { completedPerSecond: 45, busyShare: 1 } };

  const asked = { ...at(42, { depth: 343, oldestSeconds: 6.2 }, 46), sessions: 400 };
  t.is(demandOf(asked, one, 10).replicas, 4, '400 stations that wait for answers would send 160/s');
  const rising = at(80, {}, 180);
  t.is(
    demandOf(rising, { capacity: 45, ready: 4, activity: { completedPerSecond: 160, busyShare: 0.8 } }, 10)
      .replicas,
    2,
  );
  t.is(
    demandOf(rising, { capacity: 45, ready: 4, activity: { completedPerSecond: 160, busyShare: 1 } }, 10)
      .replicas,
    5,
    'no time for a mean',
  );
  const many = { ...asked, sessions: 40_000 };
  t.is(demandOf(many, one, 10).replicas, 2, '40 000 that send a message in 15 minutes would send no more');
  const { least } = demandOf(at(361), { capacity: 100, ready }, 10);
  t.is(least, 5, 'noise adds and removes no processor in turn');
  t.is(demandOf(at(301), { capacity: 100, ready }, 10).least, 5);
});

test('capacity is completions per busy second of processors that work, smoothed by busy time', (t) => {
  const work = (completed: number, busySeconds: number, seconds = busySeconds): Work => ({
    completed,
    busySeconds,
    seconds,
  });
  t.is(smoothCapacity(undefined, undefined), undefined);
  t.is(smoothCapacity(200, undefined), 200, 'the last good value is kept');
  t.is(smoothCapacity(200, work(0, 3)), 200);
  t.is(smoothCapacity(undefined, work(10, 0.1)), undefined, 'a moment is no first measurement');
  t.is(smoothCapacity(undefined, work(100, 2)), 50, 'the first measurement counts in full');
  t.is(smoothCapacity(200, work(5, 1, 5)), 200, 'an idle process spends its time on other things');
  t.true((smoothCapacity(10, work(50, 1, 5)) ?? 0) > 10, 'which only lowers the figure');
  const little = smoothCapacity(500, work(10, 0.1)) ?? 0;
  t.true(Math.abs(little - 500) < 10, 'a tenth of a second has little weight');
  const much = smoothCapacity(500, work(2000, 20)) ?? 0;
  t.true(Math.abs(much - 100) < 10, '20 s of busy time have full weight');
  t.is(smoothCapacity(Number.NaN, undefined), undefined);
  t.true(CAPACITY_PRIOR > 0);
});

test('the maximum of the window is exact up to its resolution, and its length is bounded', (t) => {
  const step = record({
    replicas: integer({ min: 1, max: 1000 }),
    seconds: integer({ min: 1, max: 40 }),
  });
  assert(
    property(array(step, { maxLength: 300 }), integer({ min: 1, max: 3600 }), (steps, windowSeconds) => {
      const windowMs = windowSeconds * 1000;
      let now = NOW;
      let kept: ReturnType<typeof recommend> = [];
      const all: { at: number; replicas: number }[] = [];
      for (const { replicas, seconds } of steps) {
        now += seconds * 1000;
        all.push({ at: now, replicas });
        kept = recommend(kept, replicas, now, windowMs);
        const within = (ms: number) =>
          Math.max(...all.filter(({ at }) => at >= now - ms).map((one) => one.replicas));
        const value = highest(kept) ?? 0;
        // Entries in the oldest 2 % of the window may be dropped with their bucket.
        if (value < within(windowMs * 0.96) || value > within(windowMs) || kept.length > 52) return false;
      }
      return true;
    }),
  );
  t.pass();
});
