/** Readings of a transaction that this processor knows: what they do without a read of its record is what they do with one. */
import test from 'ava';
import { createDispatch } from '../../../services/csms/dispatch.ts';
import { DEFAULT_SETTINGS, type HandlerSettings } from '../../../services/csms/handler.ts';
import { HANDLERS } from '../../../services/csms/handlers/table.ts';
import { createState } from '../../../services/csms/state.ts';
import { MessageType } from '../../../services/ocpp/frame.ts';
import { createLog } from '../../../services/runtime/log.ts';
import { MemoryState } from '../../../services/transport/memory/state.ts';
import type { Delivery } from '../../../services/transport/delivery.ts';
import type { Outcome } from '../../../services/transport/outcome.ts';
import { call, NOW, open16 } from '../stations.ts';

type Facts = Readonly<Record<string, string>>;

const clock = { now: () => Date.parse(NOW) };
const KEY = 'transaction:17';
const HOUR_AGO = `${clock.now() - 3_600_000}`;

/** A processor that counts its reads of records. */
function processor(stored: Facts) {
  const state = new MemoryState(clock);
  state.apply({ kind: 'set', key: KEY, fields: stored });
  let reads = 0;
  const reader = new Proxy(state, {
    get(target, name) {
      // As a store does that another process holds.
      if (name === 'checksExpectations') return true;
      if (name === 'fields') reads++;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const dispatch = createDispatch({
    handlers: HANDLERS,
    settings: DEFAULT_SETTINGS,
    state: createState(reader, clock, { sessionMetadata: async () => undefined }),
    clock,
    log: createLog('test', 'silent'),
  });
  const say = (meterValue: unknown, more: Partial<Delivery> = {}) => {
    reads = 0;
    const payload = { connectorId: 1, transactionId: 17, meterValue };
    const frame = { type: MessageType.Call, id: 'm-1', action: 'MeterValues', payload } as const;
    const about = {
      stationId: 'CP-1',
      epoch: 7,
      protocol: 'ocpp1.6',
      receivedAt: clock.now(),
      deliveryCount: 1,
    } as const;
    return dispatch({ ...about, frame, ...more });
  };
  const become = (fields: Facts) => {
    state.apply({ kind: 'delete', key: KEY });
    state.apply({ kind: 'set', key: KEY, fields });
  };
  return { state, say, become, reads: () => reads };
}

const at = (timestamp: string | undefined, value: string, more: object = {}) => [
  { ...(timestamp !== undefined && { timestamp }), sampledValue: [{ value, ...more }] },
];

test('the first reading reads the record, the next ones name what it must be like', async (t) => {
  const { state, say, reads } = processor(open16);
  const first = await say(at('2026-11-23T09:10:00Z', '2100'));
  t.is(first.expects, undefined);
  t.is(reads(), 1);
  for (const write of first.writes) state.apply(write);
  const second = await say(at('2026-11-23T09:11:00Z', '2200'));
  t.is(reads(), 0);
  t.deepEqual(second.writes, [
    { kind: 'set', key: KEY, fields: { lastMeter: '2200', lastMeterAt: '2026-11-23T09:11:00Z' } },
  ]);
  t.true(second.expects !== undefined && state.isExpected(second.expects));
  const told = await say(at('2026-11-23T09:11:00Z', '2200'), { unexpected: true });
  t.is(reads(), 1);
  t.is(told.expects, undefined);
});

test('a transaction of another station, an ended one, and evidence are handled with a read', async (t) => {
  const { say, become, reads } = processor(open16);
  await say(at('2026-11-23T09:10:00Z', '2100'));
  await say(at('2026-11-23T09:11:00Z', '2100'), { stationId: 'CP-2' });
  t.is(reads(), 1, 'of another station');
  await say(at('2026-11-23T09:11:00Z', 'beef', { format: 'SignedData' }));
  t.is(reads(), 1, 'signed values');
  const { lastMeter: _meter, ...ended } = { ...open16, closed: '2026-11-23T09:12:00Z', kind: 'final' };
  become(ended);
  const late = at('2026-11-23T09:11:30Z', '2150');
  t.is((await say(late)).writes.length, 1);
  t.is(reads(), 0, 'this processor does not know yet');
  const kept = await say(late, { unexpected: true });
  t.deepEqual(
    kept.writes.map(({ kind }) => kind),
    ['append'],
    'a late reading is kept as it is',
  );
  await say(late);
  t.is(reads(), 1, 'now it does');
});

test('every ten minutes the record is read, and notes that the station was heard', async (t) => {
  const { state, say, reads } = processor({ ...open16, heardAt: HOUR_AGO });
  const apply = ({ writes }: Outcome) => writes.forEach((write) => state.apply(write));
  // Each processor knows what it has read: that the station was heard an hour ago.
  for (let n = 0; n < 10; n++) {
    const noted = await say(at('2026-11-23T09:10:00Z', '2100'));
    t.is(reads(), 1);
    t.like(noted.writes[0], { kind: 'set', key: KEY });
    t.true(JSON.stringify(noted.writes).includes(`"heardAt":"${clock.now()}"`));
  }
  apply(await say(at('2026-11-23T09:10:00Z', '2100')));
  apply(await say(at('2026-11-23T09:11:00Z', '2100')));
  t.is(reads(), 1, 'another one may have noted it');
  const power = [{ timestamp: '2026-11-23T09:12:00Z', sampledValue: [{ value: '9', measurand: 'Voltage' }] }];
  const nothing = await say(power);
  t.is(reads(), 0, 'those reads do not count');
  t.deepEqual(nothing.writes, []);
  t.deepEqual(nothing.expects, { key: KEY, fields: { stationId: 'CP-1', kind: '' } });
});

test('where silence is reported soon, a station is noted as heard more often', async (t) => {
  const heardAt = `${clock.now() - 20_000}`;
  const records = { [KEY]: { ...open16, heardAt } };
  const payload = { connectorId: 1, transactionId: 17, meterValue: at('2026-11-23T09:10:00Z', '2100') };
  const writtenWith = async (settings: Partial<HandlerSettings>) => {
    const { writes } = await call('ocpp1.6', 'MeterValues', payload, { records, settings });
    return writes.some((write) => 'fields' in write && 'heardAt' in write.fields);
  };
  t.false(await writtenWith({}));
  t.true(await writtenWith({ heardEveryMs: 15_000 }));
});

test('a repaired reading reads the record: handled again, its repair would be no news', async (t) => {
  const { say, reads } = processor(open16);
  await say(at('2026-11-23T09:10:00Z', '2100'));
  const repaired = await say([{ timestamp: '2026-11-23T09:11:00Z', sampledValue: [{ value: 2200 }] }]);
  t.is(reads(), 1);
  t.is(repaired.expects, undefined);
  t.deepEqual(
    repaired.events.map(({ type }) => type),
    ['message-repaired'],
  );
});

test('a station whose clock stands still costs no second attempt at each reading', async (t) => {
  const { state, say, reads } = processor(open16);
  const stuck = (value: number) => at('2026-11-23T09:10:00Z', `${value}`);
  const apply = ({ writes }: Outcome) => writes.forEach((write) => state.apply(write));
  apply(await say(stuck(2100)));
  let attempts = 0;
  for (let value = 2101; value < 2120; value++) {
    const first = await say(stuck(value));
    if (first.expects === undefined) {
      t.is(reads(), 1);
      apply(first);
      continue;
    }
    attempts++;
    t.false(state.isExpected(first.expects));
    apply(await say(stuck(value), { unexpected: true }));
  }
  t.is(attempts, 5);
  t.is((await state.record(KEY))?.['lastMeter'], '2119', 'each counts, as the register rises');
});

const TIMES = [
  undefined,
  '2026-11-23T09:10:00Z',
  '2026-11-23T09:10:01Z',
  '2026-11-23T09:10:00.500Z',
  '2026-11-23T10:10:00+01:00',
  '2026-11-23T09:09:59',
  '1999-01-01T00:00:00Z',
  '2027-11-23T09:10:00Z',
  '1795432200',
  '2026-11-23 09:12:00Z',
  'yesterday',
];
const VALUES = ['1400', '2000', '2000.5', '2001', '-1', '', '2.1e3'];
const CHANGES: readonly Facts[] = [
  {},
  { kind: 'abandoned', closed: '2026-11-23T09:30:00Z' },
  { meterTrouble: 'value-unreadable' },
  { meterTrouble: '' },
  { lastPhases: 'L1 L2' },
  { lastPhases: '' },
];
const PHASES = [undefined, ['L1', 'L2'], ['L1', 'L2', 'L3']];

test('whatever the record has become, an outcome that it expects changes it as one that was read', async (t) => {
  let seed = 17;
  const pick = <T>(of: readonly T[]): T => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return of[Math.floor((seed / 2 ** 31) * of.length)] as T;
  };
  const record = (): Facts => {
    const { lastMeter: _meter, lastMeterAt: _at, ...start } = open16;
    const [value, time] = [
      pick([undefined, ...VALUES.slice(0, 4)]),
      pick([...TIMES, ...Array(9).fill(TIMES[1])]),
    ];
    return {
      ...start,
      ...(value !== undefined && { lastMeter: value }),
      ...(time !== undefined && value !== undefined && { lastMeterAt: time }),
      ...pick(CHANGES),
    };
  };
  const counts = { skipped: 0, expected: 0, written: 0 };
  for (let n = 0; n < 6000; n++) {
    const { state, say, become } = processor(record());
    await say(at('2026-11-23T09:00:01Z', '1500'));
    const now = record();
    become(now);
    const phases = pick(PHASES);
    const [timestamp, value] = [pick([...TIMES, ...Array(9).fill(TIMES[2])]), pick(VALUES)];
    const sampledValue = phases === undefined ? [{ value }] : phases.map((phase) => ({ value, phase }));
    const message = [{ ...(timestamp !== undefined && { timestamp }), sampledValue }];
    const quick = await say(message);
    if (quick.expects === undefined) continue;
    counts.skipped++;
    if (!state.isExpected(quick.expects)) continue;
    counts.expected++;
    const outcomes = [quick, await say(message, { unexpected: true })];
    const records = [];
    for (const { writes } of outcomes) {
      become(now);
      for (const write of writes) state.apply(write);
      records.push(await state.record(KEY));
    }
    if (quick.writes.length > 0) counts.written++;
    const [without, withRead] = records;
    t.deepEqual(
      { lastPhases: '', meterTrouble: '', ...without },
      { lastPhases: '', meterTrouble: '', ...withRead },
      JSON.stringify({ now, message }),
    );
  }
  t.log(counts);
  t.true(counts.skipped > 1000 && counts.expected > 200 && counts.written > 200, JSON.stringify(counts));
});
