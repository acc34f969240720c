/** What Redis loses, repeats and keeps: each entry is moved once, and only moved ones are trimmed. */
import test from 'ava';
import { connect } from '../../services/client/connect.ts';
import { ENV } from '../../services/contract.ts';
import { boundedFor } from '../../services/csms/transactions/bill-sink.ts';
import { correct } from '../../services/csms/transactions/correction.ts';
import { startProgram } from '../support/program.ts';
import { SettingsFolder } from '../support/settings-folder.ts';
import { until } from '../support/until.ts';
import { hasPostgres } from './postgres-server.ts';
import { bill, type Fields, startWorld, type World } from './world.ts';

const isThere = hasPostgres();
const run = isThere ? test : test.skip;
let world: World;
test.before(async () => {
  if (isThere) world = await startWorld();
});
test.after.always(() => world?.[Symbol.asyncDispose]());

run(
  'other data in Redis are read from their beginning, and what stations repeat is stored once',
  async (t) => {
    const place = await world.place();
    await using sink = await place.sink();
    await place.append('transactions', bill(1), bill(2));
    await place.append('meter-values', { stationId: 'CP-7', values: '[]' });
    await place.filled('bills', 2);
    await place.filled('meter_values', 1);
    await world.look.del(...(await world.look.keys(`${place.name}:*`)));
    // Its clock is behind: the ids are lower than the cursor.
    await world.look.xadd(`${place.name}:transactions`, '5-0', ...Object.entries(bill(2)).flat());
    await world.look.xadd(`${place.name}:transactions`, '6-0', ...Object.entries(bill(3)).flat());
    await world.look.xadd(`${place.name}:meter-values`, '5-0', 'stationId', 'CP-7', 'values', '[]');
    await place.mark('second');
    await place.filled('bills', 3);
    await until(
      async () => /repeated_total\{stream="meter-values"\} 1\n/.test((await sink.ask('/metrics')).text),
      'a repeated entry',
    );
    t.is(await place.count('meter_values'), 1);
    t.deepEqual(await place.rows('SELECT bill_id, data_id FROM ocpp.bills ORDER BY 1'), [
      { bill_id: 'bill-1', data_id: 'first' },
      { bill_id: 'bill-2', data_id: 'first' },
      { bill_id: 'bill-3', data_id: 'second' },
    ]);
    t.deepEqual(
      await place.rows(
        "SELECT data_id, stored, repeated FROM ocpp.cursors WHERE stream = 'transactions' ORDER BY 1",
      ),
      [
        { data_id: 'first', stored: '2', repeated: '0' },
        { data_id: 'second', stored: '1', repeated: '1' },
      ],
    );
  },
);

run(
  'the history of a token is erased: a moved bill stays one row, another one is moved without it',
  async (t) => {
    const place = await world.place();
    const sink = await place.sink();
    await place.append('transactions', bill(1, { idTag: 'OTHER' }), bill(2));
    await place.filled('bills', 2);
    t.is(await sink.kill(), 0);
    await place.append('transactions', bill(3));
    const client = await connect(`redis://${world.redis.addr}`, { channelPrefix: place.name });
    t.like(await client.tokens.eraseHistory('ABC123'), { bills: 2 });
    await client.close();
    await using again = await place.sink();
    await place.filled('bills', 3);
    // The entry at the cursor was replaced.
    await until(() => /"stream":"transactions".*the stream is read again/.test(again.log), 'a warning');
    t.deepEqual(await place.rows('SELECT bill_id, id_tag FROM ocpp.bills ORDER BY 1'), [
      { bill_id: 'bill-1', id_tag: 'OTHER' },
      { bill_id: 'bill-2', id_tag: 'ABC123' },
      { bill_id: 'bill-3', id_tag: 'ERASED' },
    ]);
    t.is(await again.kill(), 0);
  },
);

run('Redis lost its newest entries in a fail-over: what came in their place is moved, too', async (t) => {
  const place = await world.place();
  await using sink = await place.sink();
  const stream = `${place.name}:transactions`;
  const add = (id: string, fields: Fields) => world.look.xadd(stream, id, ...Object.entries(fields).flat());
  await add('100-0', bill(1));
  await add('200-0', bill(2));
  await place.filled('bills', 2);
  // The promoted replica lacks the second one, and its clock is behind.
  await world.look
    .multi()
    .del(stream)
    .xadd(stream, '100-0', ...Object.entries(bill(1)).flat())
    .xadd(stream, '150-0', ...Object.entries(bill(3)).flat())
    .exec();
  await place.filled('bills', 3);
  await add('200-0', bill(4));
  await place.filled('bills', 4);
  await until(() => /"stream":"transactions".*the stream is read again/.test(sink.log), 'a warning');
  t.deepEqual(await place.rows("SELECT entry_id, stored FROM ocpp.cursors WHERE stream = 'transactions'"), [
    { entry_id: '200-0', stored: '4' },
  ]);
});

run(
  'entries that were trimmed before they were moved are reported as lost, and the sink goes on',
  async (t) => {
    const place = await world.place();
    {
      await using sink = await place.sink();
      await place.append('transactions', bill(1));
      await place.filled('bills', 1);
      await sink.kill();
    }
    const [, kept = ''] = await place.append('transactions', bill(2), bill(3));
    await world.look.xtrim(`${place.name}:transactions`, 'MINID', kept);
    await using sink = await place.sink();
    await place.filled('bills', 2);
    await until(
      async () =>
        /ocpp_bill_sink_gaps_total\{stream="transactions"\} 1\n/.test((await sink.ask('/metrics')).text),
      'the metric',
    );
    t.regex(sink.log, /"level":"error".*"stream":"transactions".*they are lost for PostgreSQL/);
    await place.append('transactions', bill(4));
    await place.filled('bills', 3);
  },
);

run('moved entries leave Redis beyond the newest ones that are kept, and only moved ones', async (t) => {
  const place = await world.place();
  const stream = `${place.name}:transactions`;
  const bills = (from: number, count: number) => Array.from({ length: count }, (_, n) => bill(from + n));
  await place.append('transactions', ...bills(0, 700));
  await using sink = await place.sink({ [ENV.billSinkKeep]: '100' });
  await place.filled('bills', 700);
  await until(async () => (await world.look.xlen(stream)) <= 110, 'a trimmed stream');
  t.true((await world.look.xlen(stream)) >= 100);
  t.is(await sink.kill(), 0);
  await place.append('transactions', ...bills(700, 300));
  t.true((await world.look.xlen(stream)) >= 400, 'none leaves while no sink works');
  await using next = await place.sink({ [ENV.billSinkKeep]: '100' });
  await place.filled('bills', 1000);
  await until(async () => (await world.look.xlen(stream)) <= 110, 'a trimmed stream');
  const { text } = await next.ask('/metrics');
  t.regex(text, /ocpp_bill_sink_gaps_total\{stream="transactions"\} 0\n/);
});

run(
  'a processor with a bill sink reports no bound of its bills, from the moment of the setting',
  async (t) => {
    const place = await world.place();
    const folder = await SettingsFolder.make({ [ENV.billSink]: 'false' });
    await using processor = await startProgram('processor', {
      [ENV.redisAddr]: world.redis.addr,
      [ENV.channelPrefix]: place.name,
      [ENV.settingsFolder]: folder.path,
    });
    await place.append('transactions', bill(1));
    const figures = async () => (await processor.ask('/metrics')).text;
    await until(async () => /^ocpp_bills_stored 1$/m.test(await figures()), 'the length of the stream');
    const before = await figures();
    t.regex(before, /^ocpp_bills_bound 100000$/m);
    t.regex(before, /^ocpp_bills_oldest_seconds \d/m);
    await folder.replace({ [ENV.billSink]: 'true' });
    await until(async () => !/^ocpp_bills_bound \d/m.test(await figures()), 'no bound');
    await folder[Symbol.asyncDispose]();
  },
);

test('bills, settlements and reports have no bound with a sink, meter values a large one; without a sink nothing far beyond it is trimmed', (t) => {
  const streams = ['transactions', 'settlements', 'reports', 'meter-values', 'others'];
  const append = (key: string) => ({ kind: 'append', key, fields: { a: '1' }, maxLength: 5 }) as const;
  const limits = (hasSink: boolean) =>
    boundedFor(hasSink, streams.map(append)).map((write) =>
      write.kind === 'append' ? [write.maxLength, write.keepsExcess] : [],
    );
  const [none, kept, plain] = [
    [undefined, undefined],
    [5, true],
    [5, undefined],
  ];
  t.deepEqual(limits(true), [none, none, none, [100_000, undefined], plain]);
  t.deepEqual(limits(false), [kept, kept, kept, plain, plain]);
});

test('a correction through the API drops no bill that waits for a sink', (t) => {
  const { writes } = correct('transaction:1', bill(1), { energy: '100', by: 'a', because: 'b' });
  const appended = writes.filter((write) => write.kind === 'append');
  t.deepEqual(
    appended.map(({ key, keepsExcess }) => [key, keepsExcess]),
    [
      ['transactions', true],
      ['reports', true],
    ],
  );
});
