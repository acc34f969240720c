/** What the pages of lists compute without a browser: corrections of bills, exact decimals, older events, gaps. */
import test from 'ava';
import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CorrectionError, correct } from '../../services/csms/transactions/correction.ts';
import * as exact from '../../services/ocpp/decimal.ts';
import { isBefore, readOlder } from '../../services/console/events/older.ts';
import { rowsOf } from '../../services/console/events/rows.ts';
import { chainOf, judged, NO_INPUT, warningOf } from '../../services/console/transactions/correction.ts';
import {
  exactEnergy,
  readDecimal,
  subtract,
  writeDecimal,
} from '../../services/console/transactions/decimal.ts';
import { DOUBTFUL } from '../../services/console/transactions/doubtful.ts';

const decimal = fc
  .tuple(
    fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }),
    fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), maxLength: 12 }),
  )
  .map(([whole, fraction]) => (fraction === '' ? `${whole}` : `${whole}.${fraction}`));

test('decimals are those of the bills', (t) => {
  fc.assert(
    fc.property(decimal, decimal, (a, b) => {
      const [left, right, own, other] = [
        exact.readDecimal(a),
        exact.readDecimal(b),
        readDecimal(a),
        readDecimal(b),
      ];
      if (!left || !right || !own || !other) throw new Error(`${a} ${b}`);
      t.is(writeDecimal(own), exact.writeDecimal(left));
      t.is(writeDecimal(subtract(own, other)), exact.writeDecimal(exact.subtract(left, right)));
    }),
  );
  for (const text of ['', '1,5', '1 500', '0x10', '1e3', 'NaN', '.', '+1', '--1', undefined])
    t.is(readDecimal(text), undefined, text);
  t.is(exactEnergy('15230.5'), '15.2305 kWh');
  t.is(exactEnergy('1'), '0.001 kWh');
  t.is(exactEnergy('-3'), '-0.003 kWh');
  t.is(exactEnergy('7 apples'), '7 apples Wh');
  t.is(exactEnergy(undefined), undefined);
});

test('the notes that need a check are those of the bills', (t) => {
  const source = readFileSync(join(import.meta.dirname, '../../services/csms/transactions/bill.ts'), 'utf8');
  const [, list = ''] = /const DOUBTFUL[^[]*\[([^\]]*)\]/.exec(source) ?? [];
  t.deepEqual(
    [...DOUBTFUL].toSorted(),
    [...list.matchAll(/'([^']+)'/g)].map(([, note = '']) => note).toSorted(),
  );
});

test('what a correction shows before it is sent is what is stored', (t) => {
  const registers = fc.option(fc.bigInt({ min: 0n, max: 10n ** 9n }).map(String), { nil: '' });
  const bill = fc.record({ meterStart: registers, meterStop: registers });
  fc.assert(
    fc.property(
      bill,
      registers,
      registers,
      registers,
      fc.boolean(),
      (known, energy, meterStart, meterStop, isDirect) => {
        const by = isDirect ? 'energy' : 'registers';
        const input = { ...NO_INPUT, by, energy, meterStart, meterStop, because: ' why ' } as const;
        const fields = Object.fromEntries(Object.entries(known).filter(([, text]) => text !== ''));
        const found = judged(input, { billId: 'b1', ...fields });
        const given = 'problem' in found ? (isDirect ? { energy } : { meterStart, meterStop }) : found.body;
        const sent = Object.fromEntries(Object.entries(given).filter(([, text]) => text !== ''));
        const store = () =>
          correct('transaction:1', { stationId: 'S', ...fields }, { because: 'why', ...sent, by: 'me' });
        if ('problem' in found) {
          t.throws(store, { instanceOf: CorrectionError });
          return;
        }
        t.is(found.body.because, 'why');
        t.is(found.body.billId, 'b1');
        const entry = store().writes.find(({ kind }) => kind === 'append') as {
          readonly fields: { readonly energy?: string };
        };
        t.is(entry.fields.energy, found.energy);
      },
    ),
  );
});

test('a correction that was probably typed in the other unit is questioned', (t) => {
  const isQuestioned = (energy: string, before?: string) => warningOf(energy, before) !== undefined;
  for (const [energy, before] of [
    ['15.2305', '15230.5'],
    ['15230500', '15230.5'],
    ['100', '1'],
    ['0.5', '50'],
  ] as const)
    t.true(isQuestioned(energy, before), `${before} → ${energy}`);
  for (const [energy, before] of [
    ['14000.25', '15230.5'],
    ['99.99', '1'],
    ['0', '15230.5'],
    ['15230.5', '0'],
    ['1', undefined],
  ] as const)
    t.false(isQuestioned(energy, before), `${before} → ${energy}`);
});

test('a correction names what is missing', (t) => {
  const bill = { billId: 'b', meterStart: '10' };
  const fieldOf = (input: Partial<typeof NO_INPUT>) => {
    const found = judged({ ...NO_INPUT, because: 'x', ...input }, bill);
    return 'problem' in found ? found.field : undefined;
  };
  t.is(fieldOf({}), 'energy');
  t.is(fieldOf({ energy: '1,5' }), 'energy');
  t.is(fieldOf({ energy: '-1' }), 'energy');
  t.is(fieldOf({ energy: '1', because: '  ' }), 'because');
  t.is(fieldOf({ by: 'registers' }), 'meterStop');
  t.is(fieldOf({ by: 'registers', meterStart: '11' }), 'meterStop');
  t.is(fieldOf({ by: 'registers', meterStop: '9' }), 'meterStop');
  t.is(fieldOf({ by: 'registers', meterStop: '10' }), undefined);
});

test('the chain of bills follows what each one replaces, and ends in a circle', (t) => {
  const bill = (billId: string, supersedes?: string) => ({
    state: 'closed' as const,
    station: 'S',
    transaction: '1',
    billId,
    ...(supersedes !== undefined && { supersedes }),
  });
  const [a, b, c, other] = [bill('a'), bill('b', 'a'), bill('c', 'b'), bill('other')];
  t.deepEqual(chainOf([other, c, b, a], c), [c, b, a]);
  t.deepEqual(chainOf([c, a], c), [c]);
  const [x, y] = [bill('x', 'y'), bill('y', 'x')];
  t.deepEqual(chainOf([x, y], x), [x, y]);
});

const eventOf = (id: string) => ({ id, at: '', type: 'x', station: 'S', fields: {} });

/** As the API reads them: 10 at a time, of which it examines 20. */
function storeOf(ids: readonly string[], isWanted = (_id: string) => true) {
  const counts = { requests: 0 };
  const readEvents = async (after = '0-0') => {
    counts.requests++;
    const items = [];
    let next = after;
    for (const id of ids.filter((one) => isBefore(after, one)).slice(0, 20)) {
      if (items.length === 10) break;
      next = id;
      if (isWanted(id)) items.push(eventOf(id));
    }
    return { items, next };
  };
  return { readEvents, counts };
}

test('older events are read backwards, each one once, in quiet and in busy times', async (t) => {
  const spans = fc.array(
    fc.oneof(
      fc.constantFrom(5000, 75_000, 600_000),
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 9e6 }),
    ),
    {
      minLength: 1,
      maxLength: 150,
    },
  );
  await fc.assert(
    fc.asyncProperty(spans, fc.integer({ min: 1, max: 4 }), async (gaps, every) => {
      let ms = 1.7e12;
      let number = 0;
      const ids = gaps.map((gap) => {
        number = gap === 0 ? number + 1 : 0;
        return `${(ms += gap)}-${number}`;
      });
      const isWanted = (id: string) => ids.indexOf(id) % every === 0;
      const { readEvents } = storeOf(ids, isWanted);
      const found: string[] = [];
      let before: string | undefined = `${ms + 600_000}-0`;
      let span = 600_000;
      for (let step = 0; before !== undefined && step < 400; step++) {
        const older = await readOlder(readEvents, before, span, ids[0]);
        found.push(...older.items.map(({ id }) => id));
        ({ from: before, span } = older);
      }
      t.is(before, undefined, 'it ends at the oldest one');
      t.deepEqual(found, ids.filter(isWanted).toReversed());
    }),
    { numRuns: 100 },
  );
});

test('without an event there is none that is older', async (t) => {
  const { readEvents } = storeOf([]);
  t.deepEqual((await readOlder(readEvents, '5-0', 1000, undefined)).items, []);
});

test('a row says where events were lost, whatever the filter', (t) => {
  const live = [{ ...eventOf('3-0'), type: 'b' }, eventOf('2-0')];
  const rows = rowsOf({
    live,
    older: [eventOf('2-0'), eventOf('1-0')],
    filter: { type: 'x', station: '' },
    losses: new Set(['3-0']),
  });
  t.deepEqual(
    rows.map(({ key }) => key),
    ['lost 3-0', '2-0', '1-0'],
  );
});
