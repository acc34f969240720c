/** Stored transactions, and the business keys that recognize duplicates. */
import test from 'ava';
import type { Protocol } from '../../services/ocpp/frame.ts';
import type { StateWrite } from '../../services/transport/stored-state.ts';
import {
  NOW,
  call,
  keyOf,
  resultOf,
  written,
  later,
  start16,
  stop16,
  open16,
  token2,
  energy,
  event2,
  listed,
} from './stations.ts';

const billIdOf = (write: StateWrite | undefined) =>
  write !== undefined && 'fields' in write ? write.fields['billId'] : undefined;

test('1.6: a start with a blocked token gets that status and a transaction, because the station may have started', async (t) => {
  const records = listed('ABC123', { status: 'Blocked' });
  const outcome = await call('ocpp1.6', 'StartTransaction', start16, { records });
  const transactionId = Number(resultOf(outcome)['transactionId']);
  t.true(Number.isInteger(transactionId) && transactionId > 0 && transactionId < 2 ** 31);
  const { lastMeter: _none, lastMeterAt: _at, ...opened } = open16;
  const recordKey = `transaction:${transactionId}`;
  const startKey = outcome.businessKey;
  const facts = {
    ...opened,
    transactionId: `${transactionId}`,
    authorization: 'Blocked',
    openToken: 'AbC123',
  };
  t.deepEqual(written(outcome), [
    ['delete', recordKey],
    ['set', recordKey, { ...facts, startKey, openedAt: `${Date.parse(NOW)}` }],
    ['add', 'open-transactions'],
    ['add', 'open:CP-1'],
    ['add', 'open-token:ABC123'],
  ]);
});

test('1.6: a stop closes the transaction and appends its bill', async (t) => {
  const outcome = await call('ocpp1.6', 'StopTransaction', stop16, { records: { 'transaction:17': open16 } });
  const { lastMeter: _only, lastMeterAt: _at, heardAt: _heard, openToken: _token, ...start } = open16;
  const stop = {
    meterStop: '2750',
    energy: '1250',
    stoppedAt: '2026-11-23T09:59:00Z',
    reason: 'EVDisconnected',
  };
  const [bill, ...rest] = written(outcome);
  const billId = billIdOf(outcome.writes[0]);
  const kind = 'final';
  t.deepEqual(bill, [
    'append',
    'transactions',
    { ...start, ...stop, kind, billId, stoppedAtUtc: '2026-11-23T09:59:00.000Z' },
  ]);
  const mark = { stationId: 'CP-1', startedAt: open16.startedAt, kind, billId, meterStop: '2750' };
  t.deepEqual(rest, [
    ['delete', 'transaction:17'],
    [
      'set',
      'transaction:17',
      { ...mark, closed: stop.stoppedAt, said: '2750 2026-11-23T09:59:00.000Z', silenceReported: 'closed' },
    ],
    ['remove', 'open-transactions'],
    ['remove', 'open:CP-1'],
    ['remove', 'open-token:ABC123'],
  ]);
  t.like(outcome.writes[0], { maxLength: 100_000 });
  t.like(outcome.writes[2], { expireSeconds: 604_800 });
});

test('1.6: a stop without a known start is recorded with its own facts', async (t) => {
  const outcome = await call('ocpp1.6', 'StopTransaction', { ...stop16, idTag: 'AbC123' });
  t.deepEqual(written(outcome), [
    [
      'append',
      'transactions',
      {
        stationId: 'CP-1',
        transactionId: '17',
        protocol: 'ocpp1.6',
        idTag: 'AbC123',
        kind: 'final',
        billId: billIdOf(outcome.writes[0]),
        meterStop: '2750',
        stoppedAt: '2026-11-23T09:59:00Z',
        stoppedAtUtc: '2026-11-23T09:59:00.000Z',
        reason: 'EVDisconnected',
        notes: 'start-unknown',
      },
    ],
  ]);
});

test('1.6: transactions without an id are stopped separately, a repeated stop once', async (t) => {
  for (const transactionId of [-1, 0]) {
    const keyOf = async (more: object = {}) =>
      (await call('ocpp1.6', 'StopTransaction', { ...stop16, transactionId, ...more })).businessKey;
    const one = await keyOf();
    t.is(await keyOf(), one);
    t.not(await keyOf({ timestamp: '2026-11-23T11:00:00Z' }), one);
    t.not(await keyOf({ meterStop: 2751 }), one);
  }
});

test('1.6: a station cannot stop or meter the transaction of another', async (t) => {
  const given = { records: { 'transaction:17': open16 }, stationId: 'CP-2' };
  const stop = await call('ocpp1.6', 'StopTransaction', stop16, given);
  t.deepEqual(
    stop.writes.map(({ kind }) => kind),
    ['append'],
  );
  t.like(stop.writes[0], { fields: { stationId: 'CP-2' } });
  t.false('idTag' in (stop.writes[0] as { fields: object }).fields);
  const meterValue = [{ timestamp: NOW, sampledValue: [{ value: '9999' }] }];
  const meter = await call(
    'ocpp1.6',
    'MeterValues',
    { connectorId: 1, transactionId: 17, meterValue },
    given,
  );
  t.deepEqual(
    meter.writes.map(keyOf),
    ['meter-values'],
    'kept as what this station says, beside the transaction',
  );
});

test('1.6: an older meter value does not overwrite a newer one; signed values have a key, which expires after an hour', async (t) => {
  const at = (lastMeterAt: string) => ({ records: { 'transaction:17': { ...open16, lastMeterAt } } });
  const meterValue = [{ timestamp: '2026-11-23T09:20:00Z', sampledValue: [{ value: '1700' }] }];
  const request = { connectorId: 1, transactionId: 17, meterValue };
  const older = await call('ocpp1.6', 'MeterValues', request, at('2026-11-23T09:20:01Z'));
  t.deepEqual(written(older), []);
  const younger = await call('ocpp1.6', 'MeterValues', request, at('2026-11-23T09:19:59Z'));
  const reading = { lastMeter: '1700', lastMeterAt: '2026-11-23T09:20:00Z' };
  t.deepEqual(written(younger), [['set', 'transaction:17', reading]]);
  // The record recognizes it when it is sent again.
  t.is(younger.businessKey, undefined);
  const signed = {
    timestamp: '2026-11-23T09:20:00Z',
    sampledValue: [{ value: 'beef', format: 'SignedData' }],
  };
  const kept = await call(
    'ocpp1.6',
    'MeterValues',
    { ...request, meterValue: [signed] },
    at('2026-11-23T09:20:01Z'),
  );
  t.deepEqual(kept.writes.map(keyOf), ['meter-values']);
  t.is(kept.businessKeySeconds, 3600);
});

test('1.6: meter values keep the last energy register of the open transaction, in Wh', async (t) => {
  const meterValue = [
    { timestamp: '2026-11-23T09:10:00Z', sampledValue: [{ value: '1600' }] },
    {
      timestamp: '2026-11-23T09:20:00Z',
      sampledValue: [
        { value: '1.7001', unit: 'kWh', measurand: 'Energy.Active.Import.Register' },
        { value: '9', measurand: 'Energy.Active.Import.Register', phase: 'L1' },
        { value: 'deadbeef', format: 'SignedData' },
        { value: '', measurand: 'Energy.Active.Import.Register' },
        { value: '230', measurand: 'Voltage' },
      ],
    },
  ];
  const request = { connectorId: 1, transactionId: 17, meterValue };
  const outcome = await call('ocpp1.6', 'MeterValues', request, { records: { 'transaction:17': open16 } });
  t.deepEqual(written(outcome)[0], [
    'set',
    'transaction:17',
    { lastMeter: '1700.1', lastMeterAt: '2026-11-23T09:20:00Z' },
  ]);
  const late = await call('ocpp1.6', 'MeterValues', request);
  t.deepEqual(late.writes.map(keyOf), ['meter-values'], 'a closed one is not opened again');
});

for (const protocol of later) {
  const recordKey = 'transaction:CP-1:tx:1';

  test(`${protocol}: a transaction is opened, followed and closed by its events`, async (t) => {
    const evse = { id: 2, connectorId: 1 };
    const started = event2('Started', 0, {
      evse,
      idToken: token2,
      meterValue: [energy(1.5, 'Transaction.Begin')],
    });
    const opened = await call(protocol, 'TransactionEvent', started);
    const afterStart = {
      stationId: 'CP-1',
      transactionId: 'tx:1',
      protocol,
      evseId: '2',
      connectorId: '1',
      startedAt: '2026-11-23T09:00:00Z',
      startedAtUtc: '2026-11-23T09:00:00.000Z',
      meterStart: '1500',
      idTag: 'AbC123',
      authorization: 'Accepted',
      seqNo: '0',
      openToken: 'AbC123',
      openedAt: `${Date.parse(NOW)}`,
      heardAt: `${Date.parse(NOW)}`,
    };
    t.deepEqual(written(opened).slice(0, 2), [
      ['delete', recordKey],
      ['set', recordKey, afterStart],
    ]);

    const updated = event2('Updated', 1, { meterValue: [energy(1.8, 'Sample.Periodic')] });
    const given = { records: { [recordKey]: afterStart } };
    const followed = await call(protocol, 'TransactionEvent', updated, given);
    t.like(followed.writes[0], { key: recordKey, fields: { lastMeter: '1800', seqNo: '1' } });

    const ended = event2('Ended', 2, {
      transactionInfo: { transactionId: 'tx:1', stoppedReason: 'EVDisconnected' },
      idToken: { idToken: 'OTHER', type: 'ISO14443' },
      meterValue: [energy(2.75, 'Transaction.End')],
    });
    const closed = await call(protocol, 'TransactionEvent', ended, given);
    const { seqNo: _no, openedAt: _o, heardAt: _h, openToken: _t, ...start } = afterStart;
    const end = {
      meterStop: '2750',
      energy: '1250',
      stoppedAt: '2026-11-23T09:02:00Z',
      reason: 'EVDisconnected',
    };
    const billId = billIdOf(closed.writes[0]);
    const kind = 'final';
    const { energy: _energy, stoppedAt, ...ended2 } = end;
    const mark = {
      ...start,
      ...ended2,
      kind,
      billId,
      seqNo: '2',
      gaps: '1',
      stoppedAtUtc: '2026-11-23T09:02:00.000Z',
    };
    t.deepEqual(written(closed).slice(0, 3), [
      [
        'append',
        'transactions',
        { ...start, ...end, gaps: '1', kind, billId, stoppedAtUtc: '2026-11-23T09:02:00.000Z' },
      ],
      ['delete', recordKey],
      ['set', recordKey, { ...mark, closed: stoppedAt, silenceReported: 'closed' }],
    ]);
    t.like(closed.writes[2], { expireSeconds: 604_800 });
  });

  test(`${protocol}: an end without a known start is recorded with the last known reading`, async (t) => {
    const outcome = await call(protocol, 'TransactionEvent', event2('Ended', 9, { offline: true }), {
      records: { [recordKey]: { lastMeter: '1234', seqNo: '8' } },
    });
    t.like(outcome.writes[0], { key: 'transactions', fields: { transactionId: 'tx:1', meterStop: '1234' } });
  });

  test(`${protocol}: a late event neither reopens a closed transaction nor sets its meter back`, async (t) => {
    const late = event2('Updated', 1, { meterValue: [energy(1.6, 'Sample.Periodic')] });
    const closed = await call(protocol, 'TransactionEvent', late, {
      records: { [recordKey]: { closed: NOW } },
    });
    t.deepEqual(resultOf(closed), {});
    t.deepEqual(closed.writes.map(keyOf), ['meter-values']);
    const open = { lastMeter: '1800', seqNo: '2' };
    const turned = await call(protocol, 'TransactionEvent', late, { records: { [recordKey]: open } });
    const [write] = turned.writes;
    t.is(write?.kind === 'set' ? write.fields['lastMeter'] : '', undefined, 'registers do not fall');
    const dated = { ...open, lastMeterAt: '2026-11-23T09:31:00Z' };
    const kept = await call(protocol, 'TransactionEvent', late, { records: { [recordKey]: dated } });
    const [first] = kept.writes;
    t.is(first?.kind === 'set' ? first.fields['lastMeter'] : '', undefined);
  });
}

test('2.x: identities and transaction ids with colons and percent signs have separate records', async (t) => {
  const pairs = [
    ['CP', 'a:b'],
    ['CP:a', 'b'],
    ['CP%3Aa', 'b'],
    ['CP%253Aa', 'b'],
  ];
  const keys = await Promise.all(
    pairs.map(async ([stationId = '', transactionId]) => {
      const request = event2('Started', 0, { transactionInfo: { transactionId } });
      return (await call('ocpp2.1', 'TransactionEvent', request, { stationId })).writes[0];
    }),
  );
  t.is(new Set(keys).size, pairs.length);
});

test('the same business fact has the same key; other facts and stations have others', async (t) => {
  const meterValues = (value: string) => ({
    connectorId: 1,
    transactionId: 17,
    meterValue: [{ timestamp: NOW, sampledValue: [{ value, format: 'SignedData' }] }],
  });
  const FACTS: readonly [Protocol, string, object, same: object, ...others: object[]][] = [
    [
      'ocpp1.6',
      'StartTransaction',
      start16,
      { ...start16, idTag: 'ABC123', reservationId: 4 },
      { ...start16, connectorId: 2 },
      { ...start16, idTag: 'other' },
      { ...start16, meterStart: 1501 },
      { ...start16, timestamp: '2026-11-23T09:00:01Z' },
    ],
    ['ocpp1.6', 'StopTransaction', stop16, { ...stop16, meterStop: 2751 }, { ...stop16, transactionId: 18 }],
    [
      'ocpp1.6',
      'MeterValues',
      meterValues('1600'),
      meterValues('1600'),
      meterValues('1601'),
      { ...meterValues('1600'), connectorId: 2 },
    ],
    ...later.map((version): [Protocol, string, object, object, ...object[]] => [
      version,
      'TransactionEvent',
      event2('Updated', 1),
      event2('Updated', 1, { offline: true }),
      event2('Updated', 2),
      event2('Updated', 1, { transactionInfo: { transactionId: 'tx' } }),
    ]),
  ];
  for (const [protocol, action, fact, same, ...others] of FACTS) {
    const records = { 'transaction:17': open16 };
    const keyOf = async (request: object, stationId = 'CP-1') => {
      const owned = { 'transaction:17': { ...open16, stationId } };
      const { businessKey } = await call(protocol, action, request, {
        records: { ...records, ...owned },
        stationId,
      });
      return businessKey ?? t.fail(`${action} has no business key`);
    };
    const key = await keyOf(fact);
    t.is(await keyOf(same), key, `${action}: the same fact`);
    const different = await Promise.all([...others.map((other) => keyOf(other)), keyOf(fact, 'CP-2')]);
    t.is(new Set([key, ...different]).size, different.length + 1, `${action}: other facts`);
    t.true([key, ...different].every((one) => one.length < 64));
  }
});
