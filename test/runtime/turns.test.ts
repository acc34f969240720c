/** Turns: how many at once, who is next, and what happens to those that wait too long. */
import test from 'ava';
import { BusyError, Turns } from '../../services/runtime/turns.ts';

/** Work that ends when the test says so. */
function scene(atOnce: number, maxWaitMs = 60_000) {
  const turns = new Turns({ atOnce, maxWaitMs });
  const running: { readonly name: string; readonly end: () => void }[] = [];
  const order: string[] = [];
  const start = (key: string, name = key) =>
    turns.run(key, () => {
      order.push(name);
      return new Promise<string>((resolve) => running.push({ name, end: () => resolve(name) }));
    });
  const endOne = async () => {
    running.shift()?.end();
    await new Promise(setImmediate);
  };
  return { start, endOne, order, running };
}

test('so many run at once, and each that ends lets one in', async (t) => {
  const { start, endOne, running } = scene(2);
  const all = ['a', 'b', 'c', 'd', 'e'].map((key) => start(key));
  for (let left = 5; left > 0; left--) {
    t.is(running.length, Math.min(2, left));
    await endOne();
  }
  t.deepEqual(await Promise.all(all), ['a', 'b', 'c', 'd', 'e']);
});

test('a flood of one key delays another key by one turn', async (t) => {
  const { start, endOne, order } = scene(1);
  const all = Array.from({ length: 50 }, (_, i) => start('flood', `flood-${i}`));
  all.push(start('other'), start('third'));
  for (let i = 0; i < 52; i++) await endOne();
  await Promise.all(all);
  t.deepEqual(order.slice(0, 4), ['flood-0', 'flood-1', 'other', 'third']);
  t.deepEqual(
    order.slice(4),
    Array.from({ length: 48 }, (_, i) => `flood-${i + 2}`),
  );
});

test('without a turn in time the work does not begin; later ones get their turn', async (t) => {
  const { start, endOne, order } = scene(1, 20);
  const first = start('a');
  await t.throwsAsync(start('a', 'late'), { instanceOf: BusyError, message: 'no turn within 0.02 s' });
  await endOne();
  await first;
  const next = start('b');
  await endOne();
  t.is(await next, 'b');
  t.deepEqual(order, ['a', 'b']);
});

test('work that fails ends its turn', async (t) => {
  const turns = new Turns({ atOnce: 1, maxWaitMs: 60_000 });
  await t.throwsAsync(
    turns.run('a', () => Promise.reject(new Error('no'))),
    { message: 'no' },
  );
  t.is(await turns.run('a', async () => 'done'), 'done');
});
