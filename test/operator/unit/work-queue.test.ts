/** The work queue on its own. */
import test from 'ava';
import * as fc from 'fast-check';
import { WorkQueue } from '../../../operator/controller/work-queue.ts';
import { until } from '../../support/until.ts';

test('work queue: each key once, never with two workers, no change missed', async (t) => {
  const step = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    kind: fc.constantFrom('add', 'after', 'turn'),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, workers) => {
        const queue = new WorkQueue();
        const working = new Set<string>();
        /** Number of changes of a key, and how many of them its last reconcile saw. */
        const changed = new Map<string, number>();
        const known = new Map<string, number>();
        const work = async () => {
          for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
            t.false(working.has(key), 'two workers have one key');
            working.add(key);
            const seen = changed.get(key) ?? 0;
            await Promise.resolve();
            await Promise.resolve();
            known.set(key, seen);
            working.delete(key);
            queue.done(key);
          }
        };
        const pool = Array.from({ length: workers }, work);
        for (const { key, kind } of steps) {
          if (kind === 'turn') await Promise.resolve();
          else {
            changed.set(key, (changed.get(key) ?? 0) + 1);
            if (kind === 'add') queue.add(key);
            else queue.addAfter(key, 0);
          }
        }
        await until(
          () => [...changed].every(([key, count]) => known.get(key) === count),
          'all changes known',
        );
        queue.close();
        await Promise.all(pool);
      },
    ),
    { numRuns: 100 },
  );
  t.pass();
});

test('work queue: back-off doubles to its limit, a success resets it, an event cuts it short', async (t) => {
  const queue = new WorkQueue({ random: () => 0.5 });
  const delays = Array.from({ length: 9 }, () => queue.retry('a'));
  t.deepEqual(delays, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  t.is(queue.retry('b', 5000), 5000, 'the server requested a longer delay');
  queue.forget('a');
  t.is(queue.retry('a'), 500);
  t.is(queue.depth, 0);
  queue.add('a');
  t.is(await queue.take(), 'a');
  queue.close();
  t.is(await queue.take(), undefined);
  t.false(queue.add('c'));
});

test('work queue: an event does not enqueue a key before the time that the server requested', async (t) => {
  const waited: number[] = [];
  const queue = new WorkQueue({ random: () => 0, onTaken: (ms) => waited.push(ms) });
  const started = performance.now();
  for (let round = 0; round < 20; round += 1) {
    const from = performance.now();
    queue.retry('a', 20 + round / 7);
    queue.forget('b');
    t.true(queue.add('a'));
    t.true(queue.add('b'));
    t.is(await queue.take(), 'b', 'another key does not wait');
    t.is(await queue.take(), 'a');
    t.true(performance.now() - from >= 20, 'not before its time');
    queue.forget('a');
    for (const key of ['a', 'b']) queue.done(key);
  }
  queue.retry('a', 60_000);
  queue.forget('a');
  queue.add('a');
  t.is(await queue.take(), 'a', 'a success cancels the requested delay');
  t.is(waited.length, 41);
  t.true(waited.every((ms) => ms >= 0 && ms <= performance.now() - started));
  queue.close();
});

test('work queue: more than the limit is refused', (t) => {
  const queue = new WorkQueue({ limit: 2 });
  t.deepEqual(
    ['a', 'b', 'b', 'c'].map((key) => queue.add(key)),
    [true, true, true, false],
  );
  t.is(queue.depth, 2);
  queue.close();
});
