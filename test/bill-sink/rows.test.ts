/** What arrives in PostgreSQL: the rows of all kinds of entries, and what the views make of them. */
import { constantFrom, date, dictionary, double, json, oneof, sample, string } from 'fast-check';
import test from 'ava';
import { type End, makeBill } from '../../services/csms/transactions/bill.ts';
import { fieldsOf, type TransactionFacts } from '../../services/csms/transactions/record.ts';
import { readDecimal } from '../../services/ocpp/decimal.ts';
import { hasPostgres } from './postgres-server.ts';
import { bill, type Fields, startWorld, type World } from './world.ts';

const isThere = hasPostgres();
const run = isThere ? test : test.skip;
let world: World;
test.before(async () => {
  if (isThere) world = await startWorld();
});
test.after.always(() => world?.[Symbol.asyncDispose]());

const LONG = '123456789012345678901234567890';
const KNOWN: TransactionFacts = {
  stationId: 'CP-7',
  transactionId: 'tx-1',
  protocol: 'ocpp2.1',
  evseId: 2,
  connectorId: 1,
  idTag: 'ABC123',
  authorization: 'Accepted',
  meterStart: '0.5',
  startedAt: '2026-11-23T10:00:00+01:00',
  startedAtUtc: '2026-11-23T09:00:00.000Z',
  gaps: '0-1,3',
  remoteStartId: 5,
};
const END: End = {
  kind: 'final',
  meter: { said: 'register', energy: readDecimal(`${LONG}.75`) ?? { digits: 0n, exponent: 0 }, phases: '' },
  stoppedAt: '2026-11-23 11:00',
  stoppedAtUtc: '2026-11-23T11:00:00.000Z',
  reason: 'EVDisconnected',
};
const entryOf = (known: TransactionFacts, end: End): Fields => fieldsOf(makeBill(known, end).entry);

run('a final bill, an abandoned one, a correction and one without energy have their rows', async (t) => {
  const place = await world.place();
  await using sink = await place.sink();
  await sink.waitReady();
  const final = entryOf(KNOWN, END);
  const abandoned = entryOf(
    { ...KNOWN, transactionId: 'tx-2', lastMeter: '10.5' },
    { ...END, kind: 'abandoned', meter: { said: 'nothing' }, reason: 'silent' },
  );
  const correction = entryOf(
    { ...KNOWN, transactionId: 'tx-2' },
    { ...END, kind: 'correction', supersedes: abandoned['billId'] },
  );
  const unknown = entryOf(
    { ...KNOWN, transactionId: 'tx-3' },
    { ...END, meter: { said: 'unit-unknown' }, notes: ['linked', 'time-unreadable'] },
  );
  const ids = await place.append('transactions', final, abandoned, correction, unknown);
  await place.filled('bills', 4);
  const [one, two, three, four] = await place.rows('SELECT * FROM ocpp.bills ORDER BY entry_id');
  t.like(one, {
    cluster: place.name,
    bill_id: final['billId'],
    kind: 'final',
    supersedes: null,
    station_id: 'CP-7',
    transaction_id: 'tx-1',
    protocol: 'ocpp2.1',
    connector_id: '1',
    evse_id: '2',
    id_tag: 'ABC123',
    authorization_status: 'Accepted',
    energy_wh: `${LONG}.25`,
    meter_start_wh: '0.5',
    meter_stop_wh: `${LONG}.75`,
    started_at: '2026-11-23T10:00:00+01:00',
    started_at_utc: new Date('2026-11-23T09:00:00Z'),
    stopped_at: '2026-11-23 11:00',
    stopped_at_utc: new Date('2026-11-23T11:00:00Z'),
    reason: 'EVDisconnected',
    remote_start_id: '5',
    reservation_id: null,
    gaps: '0-1,3',
    notes: [],
    incomplete: [],
    entry: final,
    data_id: 'first',
    entry_id: ids[0],
    recorded_at: new Date(Number(ids[0]?.split('-')[0])),
  });
  t.like(two, { kind: 'abandoned', energy_wh: '10', reason: 'silent' });
  t.like(three, { kind: 'correction', supersedes: abandoned['billId'], energy_wh: `${LONG}.25` });
  t.like(four, {
    energy_wh: null,
    meter_stop_wh: null,
    notes: ['linked', 'time-unreadable', 'unit-unknown'],
  });
  t.is(await sink.kill(), 0);
});

run('settlements, reports and meter values have their rows', async (t) => {
  const place = await world.place();
  await using sink = await place.sink();
  await sink.waitReady();
  const about = { stationId: 'CP-7', transactionId: 'tx-1' };
  const settlement = {
    ...about,
    pspRef: 'psp-1',
    status: 'Settled',
    amount: '12.50',
    settledAt: '2026-11-23T10:00:00+01:00',
  };
  const report = { type: 'bill-doubtful', ...about, billId: 'b1', notes: 'phases-differ meter-below-start' };
  const values = `[{"timestamp":"2026-11-23T10:00:00Z","sampledValue":[{"value":${LONG}.10}]}]`;
  await place.append('settlements', settlement);
  await place.append('reports', report);
  await place.append(
    'meter-values',
    { ...about, evseId: '1', values },
    { stationId: 'CP-7', connectorId: '1', values: 'no JSON' },
  );
  await place.filled('meter_values', 2);
  await place.filled('settlements', 1);
  await place.filled('reports', 1);
  const [paid] = await place.rows('SELECT * FROM ocpp.settlements');
  t.like(paid, {
    station_id: 'CP-7',
    psp_ref: 'psp-1',
    amount: '12.50',
    settled_at_utc: new Date('2026-11-23T09:00:00Z'),
    entry: settlement,
  });
  const [reported] = await place.rows('SELECT * FROM ocpp.reports');
  t.like(reported, {
    type: 'bill-doubtful',
    bill_id: 'b1',
    notes: ['phases-differ', 'meter-below-start'],
    entry: report,
  });
  const measured = await place.rows<{ value: string | null; incomplete: string[]; evse_id: string | null }>(
    "SELECT samples #>> '{0,sampledValue,0,value}' AS value, incomplete, evse_id FROM ocpp.meter_values ORDER BY entry_id",
  );
  t.deepEqual(measured, [
    { value: `${LONG}.10`, incomplete: [], evse_id: '1' },
    { value: null, incomplete: ['values'], evse_id: null },
  ]);
});

run('PostgreSQL refuses no entry, whatever is in it', async (t) => {
  const place = await world.place();
  await using sink = await place.sink();
  const NAMES = [
    'stationId',
    'transactionId',
    'billId',
    'energy',
    'stoppedAtUtc',
    'notes',
    'idTag',
    'amount',
    'settledAt',
    'values',
    'x\0y',
  ];
  const texts = oneof(
    string({ unit: 'binary' }),
    string({ unit: 'binary', minLength: 260, maxLength: 3000 }),
    string({ unit: constantFrom('\0', '😀', 'ä'), minLength: 250, maxLength: 300 }),
    constantFrom(
      '0000-01-01T00:00:00Z',
      '2026-02-30T00:00:00Z',
      '9999-12-31T24:00:00Z',
      'infinity',
      'NaN',
      '1e30',
      '-',
      '+5',
      '9'.repeat(1001),
    ),
    json({ stringUnit: 'binary' }),
    double().map(String),
    date({ noInvalidDate: true }).map((one) => one.toISOString()),
  );
  const entries = sample(dictionary(constantFrom(...NAMES), texts, { minKeys: 1 }), {
    numRuns: 300,
    seed: 1,
  });
  const numbered = entries.map((fields, n) => ({ ...fields, n: String(n) }));
  for (const stream of ['transactions', 'settlements', 'meter-values', 'reports'])
    await place.append(stream, ...numbered);
  for (const table of ['settlements', 'meter_values', 'reports']) await place.filled(table, 300);
  await place.filled(
    'bills',
    new Set(entries.map(({ billId }, n) => (/^[\w-]{1,64}$/.test(billId ?? '') ? billId : n))).size,
  );
  const rows = await place.rows<{ entry: Fields }>(
    "SELECT entry FROM ocpp.reports ORDER BY (entry->>'n')::int",
  );
  const written = (text: string) => Buffer.from(text).toString().replaceAll('\0', '\uFFFD');
  t.deepEqual(
    rows.map(({ entry }) => entry),
    numbered.map((fields) =>
      Object.fromEntries(Object.entries(fields).map(([name, value]) => [written(name), written(value)])),
    ),
  );
  await place.rows('SELECT * FROM ocpp.bills_to_check');
  t.notRegex(sink.log, /away or refuses/);
});

run(
  'of a chain of corrections the last bill counts, and doubtful bills are listed with the reason',
  async (t) => {
    const place = await world.place();
    await using _sink = await place.sink();
    const { energy: _, ...unmeasured } = bill('u');
    await place.append(
      'transactions',
      bill('a', { kind: 'abandoned', energy: '1' }),
      bill('a', { kind: 'correction', billId: 'a2', supersedes: 'bill-a', energy: '2' }),
      bill('a', { kind: 'correction', billId: 'a3', supersedes: 'a2', energy: '3.5' }),
      bill('b', { energy: '10', stoppedAtUtc: '2026-11-30T23:59:59.999Z', idTag: 'abc123' }),
      bill('c', { energy: '20', stoppedAtUtc: '2026-12-01T00:00:00.000Z', notes: 'linked phases-differ' }),
      bill('d', { kind: 'abandoned' }),
      unmeasured,
      bill('t', { stoppedAtUtc: 'never', idTag: 'OTHER' }),
      bill('r'),
      bill('r', { billId: 'r2', notes: 'start-unknown' }),
      bill('i'),
      bill('i', { billId: 'i2', notes: 'id-reused' }),
      bill('w'),
      bill('w', { billId: 'w2', kind: 'correction', supersedes: 'bill-w' }),
      bill('w', { billId: 'w3', kind: 'correction', supersedes: 'bill-w' }),
    );
    await place.filled('bills', 15);
    const current = await place.rows<{ bill_id: string }>('SELECT bill_id FROM ocpp.current_bills');
    t.deepEqual(
      current.map(({ bill_id: id }) => id).sort(),
      [
        'a3',
        'bill-b',
        'bill-c',
        'bill-d',
        'bill-i',
        'bill-r',
        'bill-t',
        'bill-u',
        'i2',
        'r2',
        'w2',
        'w3',
      ].sort(),
    );
    const checks = await place.rows<{ bill_id: string; checks: string[] }>(
      'SELECT bill_id, checks FROM ocpp.bills_to_check',
    );
    t.deepEqual(Object.fromEntries(checks.map((one) => [one.bill_id, one.checks])), {
      'bill-c': ['phases-differ'],
      'bill-d': ['abandoned'],
      'bill-u': ['no-energy'],
      'bill-t': ['incomplete', 'no-time'],
      'bill-r': ['same-transaction'],
      'bill-i': ['same-transaction'],
      r2: ['same-transaction'],
      w2: ['corrected-twice', 'same-transaction'],
      w3: ['corrected-twice', 'same-transaction'],
    });
    const energy = await place.rows(
      "SELECT token, month::text, energy_wh, bills, bills_without_energy FROM ocpp.energy_per_token_and_month WHERE token = 'ABC123' ORDER BY month",
    );
    // 3.5 + 10 + d, r, r2, i, i2, w2, w3 with 7500.5 each.
    t.deepEqual(energy, [
      { token: 'ABC123', month: '2026-11-01', energy_wh: '52517.0', bills: '10', bills_without_energy: '1' },
      { token: 'ABC123', month: '2026-12-01', energy_wh: '20', bills: '1', bills_without_energy: '0' },
    ]);
  },
);
