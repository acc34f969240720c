/** Payloads are cut before they are repaired: one message must not block a processor. */
import test from 'ava';
import { bounded } from '../../services/ocpp/bounded.ts';
import type { Protocol } from '../../services/ocpp/frame.ts';
import { repair } from '../../services/ocpp/repair.ts';

const NOW = '2026-11-28T10:00:00.000Z';
const many = (count: number, make: (n: number) => unknown) =>
  Array.from({ length: count }, (_, n) => make(n));

test('a payload within the limits is unchanged', (t) => {
  const payload = { a: [1, { b: null, c: [] }], d: 'x', e: many(300, (n) => n) };
  t.deepEqual(bounded(payload), { payload, isCut: false });
});

test('a long list keeps its first and newest elements, many lists the newest', (t) => {
  const { payload, isCut } = bounded({ list: many(5000, (n) => n) });
  const { list } = payload as { list: number[] };
  t.true(isCut);
  t.deepEqual([list.length, list[0], list[19], list[20], list.at(-1)], [300, 0, 19, 4720, 4999]);
  const lists = bounded({ lists: many(100, () => many(100, (n) => n)) }).payload as { lists: number[][] };
  t.is(lists.lists.at(-1)?.length, 100);
  t.true(lists.lists.flat().length <= 1000);
});

test('parts that nest deeper than any schema are dropped', (t) => {
  let deep: unknown = 1;
  for (let n = 0; n < 100_000; n++) deep = [deep];
  const { payload, isCut } = bounded({ deep, kept: 1 });
  t.true(isCut);
  t.like(payload, { kept: 1 });
  t.true(JSON.stringify(payload).length < 200);
});

const event = (meterValue: unknown) => ({
  eventType: 'Ended',
  timestamp: NOW,
  triggerReason: 'StopAuthorized',
  seqNo: 1,
  transactionInfo: { transactionId: '1' },
  meterValue,
});
const HUGE: readonly [what: string, Protocol, string, object][] = [
  ['80 000 empty meter values', 'ocpp2.0.1', 'TransactionEvent', event(many(80_000, () => ({})))],
  [
    'samples of which each part is wrong',
    'ocpp2.1',
    'TransactionEvent',
    event([{ timestamp: NOW, sampledValue: many(10_000, () => ({ value: {}, context: 1, phase: 2 })) }]),
  ],
  [
    '12 000 empty events',
    'ocpp2.0.1',
    'NotifyEvent',
    { generatedAt: NOW, seqNo: 0, eventData: many(12_000, () => ({})) },
  ],
  [
    '20 000 meter values of 1.6',
    'ocpp1.6',
    'StopTransaction',
    { transactionId: 1, meterStop: 5, timestamp: NOW, transactionData: many(20_000, () => ({})) },
  ],
];

for (const [what, protocol, action, payload] of HUGE) {
  test(`${what}: repaired, and the cut is reported`, (t) => {
    const repaired = repair(protocol, action, payload, NOW);
    t.true(repaired.ok && repaired.kinds.has('removed'));
    t.true(repaired.ok && repaired.faults.length <= 20);
  });
}
