/** Transaction ids of 1.6 without a store: the arithmetic, blocks, and a store that loses its data. */
import test from 'ava';
import { createTransactionIds, idFloor, idOf } from '../../services/csms/transactions/ids.ts';

/** A counter with the contract of StateReader.reserve. */
function counter() {
  let last = 0;
  let asked = 0;
  let failing = false;
  return {
    reserve: async (_name: string, count: number, floor: number) => {
      asked += 1;
      if (failing) throw new Error('the store is away');
      const first = Math.max(last + 1, floor);
      last = first + count - 1;
      return first;
    },
    asked: () => asked,
    lose: () => {
      last = 0;
    },
    fail: (now: boolean) => {
      failing = now;
    },
  };
}

const at = (date: string) => ({ now: () => Date.parse(date) });
const take = async (ids: { next(): Promise<number> }, count: number) =>
  Promise.all(Array.from({ length: count }, () => ids.next()));

test('the floor rises by four a second from 2025 and stays a positive int32 until 2042', (t) => {
  t.is(idFloor(Date.parse('2020-01-01')), 1);
  t.is(idFloor(Date.parse('2025-01-01T00:00:10Z')), 40);
  t.is(idFloor(Date.parse('2025-01-02')), 345_600);
  t.true(idFloor(Date.parse('2042-01-01')) < 2 ** 31);
});

test('numbers beyond int32 wrap around to 1', (t) => {
  t.deepEqual([1, 2 ** 31 - 1, 2 ** 31, 2 ** 31 + 1].map(idOf), [1, 2 ** 31 - 1, 1, 2]);
});

test('concurrent processors never assign the same id, and rarely read the store', async (t) => {
  const store = counter();
  const clock = at('2026-11-23');
  const processors = [1, 2, 3].map(() => createTransactionIds(store, clock));
  const ids = (await Promise.all(processors.map((one) => take(one, 450)))).flat();
  t.is(new Set(ids).size, 1350);
  t.true(ids.every((id) => id >= idFloor(clock.now())));
  t.true(store.asked() <= 18, `asked ${store.asked()} times for 1350 ids`);
});

test('after the store lost its data, new ids are above the assigned ones', async (t) => {
  const store = counter();
  const before = await take(createTransactionIds(store, at('2026-11-23T00:00:00Z')), 300);
  store.lose();
  // Another processor, two minutes later: 480 numbers further by the clock.
  const after = await take(createTransactionIds(store, at('2026-11-23T00:02:00Z')), 300);
  t.true(Math.min(...after) > Math.max(...before));
});

test('a processor that outlives the data raises the counter above its ids, whatever the clock says', async (t) => {
  const store = counter();
  const clock = at('2026-11-23');
  const ids = createTransactionIds(store, clock);
  const before = await take(ids, 1000);
  store.lose();
  const after = await take(ids, 1000);
  t.is(new Set([...before, ...after]).size, 2000);
});

test('an unavailable store delays an id only when the stock is empty, and is retried', async (t) => {
  const store = counter();
  const ids = createTransactionIds(store, at('2026-11-23'));
  await ids.next();
  store.fail(true);
  t.is(new Set(await take(ids, 99)).size, 99);
  await t.throwsAsync(ids.next(), { message: 'the store is away' });
  store.fail(false);
  t.true(Number.isInteger(await ids.next()));
});
