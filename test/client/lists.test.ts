/** What a client reads and edits, on Redis and in memory: the same class on the ports of both transports. */
import type { Listing } from '../../services/client/connect.ts';
import type { StateStore, StateWrite } from '../../services/transport/stored-state.ts';
import { everywhere, type World } from './worlds.ts';

const apply = (state: StateStore, ...writes: StateWrite[]) => state.amend({ writes, events: [] });
const set = (key: string, fields: Record<string, string>): StateWrite => ({ kind: 'set', key, fields });
const append = (key: string, fields: Record<string, string>, maxLength = 1000): StateWrite => ({
  kind: 'append',
  key,
  fields,
  maxLength,
});

async function pagesOf<T>(listing: Listing<T>, limit: number): Promise<T[][]> {
  const pages: T[][] = [];
  let after: string | undefined;
  do {
    const { items, next } = await listing.page({ limit, ...(after !== undefined && { after }) });
    pages.push([...items]);
    after = next;
  } while (after !== undefined && pages.length < 50);
  return pages;
}

everywhere('stations are listed in the order of their identities', async (t, { client, state, connect }) => {
  t.deepEqual(await client.stations().page(), { items: [] });
  const [b] = [
    await connect('B-2', 'ocpp2.1'),
    await connect('A/1', 'ocpp1.6'),
    await connect('B 1', 'ocpp1.6'),
  ];
  const about = {
    protocol: 'ocpp1.6',
    boot: 'Accepted',
    bootedAt: '2026-11-30T00:00:00.000Z',
    vendor: 'Acme',
  };
  const fault = { connector: '1', status: 'Faulted', at: '2026-11-30T01:00:00Z', errorCode: 'GroundFailure' };
  const free = { connector: '0', status: 'Available', at: '2026-11-30T02:00:00Z' };
  const statuses = { 'status:1': JSON.stringify(fault), 'status:0': JSON.stringify(free), 'status:x': '{}' };
  await apply(
    state,
    set('station:A/1', { ...about, ...statuses, firmwareStatus: '{"status":"Installed"}' }),
    set('registrations', { 'B 1': 'Pending' }),
  );

  const [all = []] = await pagesOf(client.stations(), 10);
  t.deepEqual(
    all.map(({ id }) => id),
    ['A/1', 'B 1', 'B-2'],
  );
  t.like(all[0], {
    connected: true,
    protocol: 'ocpp1.6',
    registration: 'Accepted',
    boot: { at: '2026-11-30T00:00:00.000Z', status: 'Accepted', vendor: 'Acme' },
    reported: { firmware: { status: 'Installed' } },
    connectors: [
      { connector: 0, status: 'Available', at: '2026-11-30T02:00:00Z' },
      { connector: 1, status: 'Faulted', at: '2026-11-30T01:00:00Z', errorCode: 'GroundFailure' },
    ],
    lastFault: { connector: 1, status: 'Faulted', at: '2026-11-30T01:00:00Z', errorCode: 'GroundFailure' },
  });
  t.is(all[1]?.registration, 'Pending');
  t.is(all[2]?.boot, undefined);
  t.deepEqual(
    (await pagesOf(client.stations(), 1)).flat().map(({ id }) => id),
    ['A/1', 'B 1', 'B-2'],
  );

  await b.stop();
  const offline = await client.station('B-2');
  t.false(offline?.connected);
  t.true(Date.now() - Date.parse(offline?.disconnectedAt ?? '') < 60_000);
  const idsWith = async (filter: object) =>
    (await pagesOf(client.stations(filter), 2)).flat().map(({ id }) => id);
  t.deepEqual(await idsWith({ connected: true }), ['A/1', 'B 1']);
  t.deepEqual(await idsWith({ connected: false }), ['B-2']);
  t.deepEqual(await idsWith({ prefix: 'B' }), ['B 1', 'B-2']);
  t.deepEqual(await idsWith({ status: 'Faulted' }), ['A/1']);
  t.deepEqual(await idsWith({ contains: 'B' }), ['B 1', 'B-2']);
  t.deepEqual(await idsWith({ contains: 'a/' }), ['A/1']);
  t.deepEqual(await idsWith({ vendor: 'aC' }), ['A/1']);
  t.deepEqual(await idsWith({ vendor: 'cme' }), []);
  await apply(state, ...open('transaction:7', 'B 1', 1, {}), ...open('transaction:8', 'B 1', 2, {}));
  t.deepEqual(
    (await client.stations().page()).items.map(({ openTransactions }) => openTransactions),
    [0, 2, 0],
  );
  t.is((await client.station('B 1'))?.openTransactions, 2);
  t.deepEqual(await idsWith({ charging: true }), ['B 1']);
  t.deepEqual(await idsWith({ charging: false }), ['A/1', 'B-2']);
  t.deepEqual(await idsWith({ charging: false, connected: true, contains: '1' }), ['A/1']);
  t.is(await client.station('never'), undefined);
  t.like(await client.figures(), {
    stationsKnown: 3,
    stationsConnected: 2,
    openTransactions: 2,
    queueDepth: 0,
  });
});

const open = (key: string, station: string, at: number, facts: Record<string, string>): StateWrite[] => [
  set(key, { stationId: station, protocol: 'ocpp1.6', openedAt: `${at}`, heardAt: `${at}`, ...facts }),
  { kind: 'add', key: 'open-transactions', member: JSON.stringify([key, station]), score: at },
  { kind: 'add', key: `open:${station}`, member: key, score: at },
  { kind: 'add', key: `open-token:${facts['idTag']?.toUpperCase()}`, member: key, score: at },
];

everywhere(
  'open transactions are listed, and found as bills when they have ended',
  async (t, { client, state }) => {
    const ten = { idTag: 'Tag-1', connectorId: '1', meterStart: '100', lastMeter: '1100.5' };
    await apply(
      state,
      ...open('transaction:7', 'CP-1', 1000, { transactionId: '7', ...ten }),
      ...open('transaction:8', 'CP-1', 1000, { transactionId: '8', idTag: 'Tag-2' }),
      ...open('transaction:CP-2:x', 'CP-2', 3000, { transactionId: 'x', idTag: 'Tag-1', evseId: '2' }),
    );
    const idsOf = async (filter: object) =>
      (await pagesOf(client.openTransactions(filter), 1)).flat().map(({ transaction }) => transaction);
    t.deepEqual(await idsOf({}), ['7', '8', 'x']);
    t.deepEqual(await idsOf({ station: 'CP-1' }), ['7', '8']);
    t.deepEqual(await idsOf({ token: 'tag-1' }), ['7', 'x']);
    t.deepEqual(await idsOf({ token: 'TAG-1', station: 'CP-2' }), ['x']);
    const found = await client.transaction('CP-1', '7');
    t.like(found, { state: 'open', station: 'CP-1', connector: 1, token: 'Tag-1', energy: '1000.5' });
    t.is(await client.transaction('CP-2', '7'), undefined, 'it is of another station');

    const mark = { stationId: 'CP-1', closed: '2026-11-30T00:00:00Z', billId: 'bill-7', kind: 'final' };
    const bill = { stationId: 'CP-1', transactionId: '7', idTag: 'Tag-1', billId: 'bill-7', kind: 'final' };
    await apply(
      state,
      { kind: 'delete', key: 'transaction:7' },
      set('transaction:7', mark),
      append('transactions', { ...bill, energy: '1000.5', notes: 'linked meter-below-start' }),
      append('transactions', {
        ...bill,
        transactionId: '9',
        billId: 'bill-9',
        stationId: 'CP-9',
        idTag: 'other',
      }),
    );
    t.like(await client.transaction('CP-1', '7'), {
      state: 'closed',
      billId: 'bill-7',
      energy: '1000.5',
      notes: ['linked', 'meter-below-start'],
    });
    const billsOf = async (filter: object) =>
      (await pagesOf(client.bills(filter), 1)).flat().map(({ billId }) => billId);
    t.deepEqual(await billsOf({}), ['bill-9', 'bill-7'], 'the newest first');
    t.deepEqual(await billsOf({ station: 'CP-1' }), ['bill-7']);
    t.deepEqual(await client.bills().page({ after: '0-0' }), { items: [] });
    t.deepEqual(await billsOf({ token: 'TAG-1' }), ['bill-7']);
  },
);

everywhere('a person corrects the bill that counts, once', async (t, { client, state }) => {
  const facts = { stationId: 'CP-1', transactionId: '7', kind: 'final', billId: 'one' };
  const meters = {
    meterStart: '100',
    meterStop: '300',
    energy: '200',
    notes: 'meter-stop-from-last-reading',
  };
  await apply(
    state,
    set('transaction:7', { ...facts, closed: '2026-11-30T00:00:00Z', meterStop: '300' }),
    append('transactions', { ...facts, ...meters }),
    ...open('transaction:8', 'CP-1', 1000, { transactionId: '8', idTag: 'Tag' }),
  );
  const base = { station: 'CP-1', transaction: '7', billId: 'one', by: 'billing', because: 'read on site' };
  for (const [change, why] of [
    [{}, /nothing is corrected/],
    [{ energy: '1', meterStop: '2' }, /give either energy, or/],
    [{ energy: '-1' }, /energy must be a decimal number of Wh from 0/],
    [{ meterStop: '99.5' }, /must not be less/],
    [{ energy: '5', because: ' ' }, /because must have 1 to 500/],
    [{ energy: '5', transaction: '8' }, /is open/],
    [{ energy: '5', transaction: '9' }, /is not known/],
  ] as const) {
    const error = await t.throwsAsync(client.correctBill({ ...base, ...change }), { code: 'bad-entry' });
    t.regex(error.message, why);
  }
  const both = await Promise.allSettled([
    client.correctBill({ ...base, meterStop: '350.25' }),
    client.correctBill({ ...base, energy: '1' }),
  ]);
  t.deepEqual(both.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  await t.throwsAsync(client.correctBill({ ...base, energy: '2' }), { code: 'key-conflict' });
  const [newest, first] = (await client.bills().page()).items;
  t.like(newest, {
    kind: 'correction',
    supersedes: 'one',
    correctedBy: 'billing',
    correctedBecause: 'read on site',
    notes: ['meter-stop-from-last-reading', 'corrected-by-hand'],
  });
  t.true(newest?.energy === '250.25' || newest?.energy === '1');
  t.is(first?.billId, 'one');
  t.is((await client.bills().page()).items.length, 2);
  t.deepEqual(await client.transaction('CP-1', '7'), newest);
  t.like((await client.reports({ type: 'bill-corrected' }).page()).items[0], {
    station: 'CP-1',
    fields: { transactionId: '7', supersedes: 'one' },
  });
});

everywhere('tokens and registrations are edited', async (t, { client, state }) => {
  await apply(state, set('tokens', { abc: '{"status":"Blocked"}', BAD: 'no JSON' }));
  const { tokens, registrations } = client;
  t.like(await tokens.get('ABC'), { status: 'Blocked' });
  await tokens.set({ token: 'Abc', status: 'Accepted', expiry: '2027-01-01T00:00:00Z', parent: 'FLEET' });
  t.deepEqual(await tokens.get('aBC'), {
    token: 'ABC',
    status: 'Accepted',
    expiry: '2027-01-01T00:00:00.000Z',
    parent: 'FLEET',
  });
  t.like(await tokens.get('bad'), { status: 'Invalid', problem: 'the entry is not JSON' });
  const all = (await pagesOf(tokens.list(), 1)).flat().map(({ token }) => token);
  t.deepEqual(all.toSorted(), ['ABC', 'BAD'], 'one entry of each token, in whatever case it was stored');
  t.true(await tokens.remove('abc'));
  t.false(await tokens.remove('abc'));
  const limited = { token: 'LIMITED', status: 'Accepted', maxEnergyWh: 0.5, maxDurationSeconds: 60 } as const;
  await tokens.set(limited);
  t.deepEqual(await tokens.get('limited'), limited);
  for (const [entry, why] of [
    [{ token: '', status: 'Accepted' }, /1 to 255 characters/],
    [{ token: 'X', status: 'Sure' }, /status must be one of Accepted,/],
    [{ token: 'X', status: 'Accepted', expiry: 'soon' }, /expiry is not a date/],
    [{ token: 'X', status: 'Accepted', maxEnergyWh: 0 }, /maxEnergyWh is not a number of Wh above 0/],
    [{ token: 'X', status: 'Accepted', maxDurationSeconds: 1.5 }, /maxDurationSeconds is not a whole number/],
    [{ token: 'X', status: 'Accepted', concurrent: 'Yes' }, /concurrent is not one of Accept, Reject/],
  ] as const) {
    // The API and its callers are no compiler.
    const error = await t.throwsAsync(tokens.set(entry as never), { code: 'bad-entry' });
    t.regex(error.message, why);
  }

  await registrations.set('CP-1', 'Rejected');
  t.deepEqual(await registrations.list().page(), { items: [{ station: 'CP-1', status: 'Rejected' }] });
  await registrations.set('CP-1', 'Accepted');
  t.deepEqual(await registrations.list().page(), { items: [] });
});

everywhere('the register shows no password, and changes field by field', async (t, { client, state }) => {
  const { register } = client;
  const stored = { password: `v1.${'A'.repeat(43)}` };
  await apply(state, set('stations', { 'CP-9': 'no JSON' }));
  t.deepEqual(await register.set('CP-1', { profile: 2, labels: { site: 'north' } }), {
    station: 'CP-1',
    profile: 2,
    labels: { site: 'north' },
    hasPassword: false,
    hasNextPassword: false,
  });
  t.like(await register.set('CP-1', { blocked: true, profile: null }), {
    blocked: true,
    labels: { site: 'north' },
  });
  t.is((await register.get('CP-1'))?.profile, undefined);
  t.like(await register.get('CP-9'), { problem: 'the entry is not JSON' });
  await t.throwsAsync(register.set('CP-1', { profile: 7 as never }), {
    code: 'bad-entry',
    message: /profile must be/,
  });
  await t.throwsAsync(register.set('CP 1\n', {}), { code: 'bad-entry', message: /identity/ });
  await t.throwsAsync(register.newPassword('CP-1'), { code: 'bad-entry', message: /no key/ });
  t.false(JSON.stringify(await register.list().page()).includes(stored.password));
  t.true(await register.remove('CP-1'));
  t.false(await register.remove('CP-1'));
});

everywhere('events are followed from a cursor, and a gap is said', async (t, { client, state }) => {
  const emit = (type: string, stationId = 'CP-1') =>
    state.amend({ writes: [], events: [{ type, stationId, fields: { n: type } }] });
  const events = client.events();
  t.deepEqual(await events.page(), { items: [], next: '0-0' });
  await emit('one');
  await emit('two', 'CP-2');
  const { items, next } = await events.page({ limit: 1 });
  t.like(items[0], { type: 'one', station: 'CP-1', fields: { n: 'one' } });
  t.deepEqual(
    (await events.page({ after: next })).items.map(({ type }) => type),
    ['two'],
  );
  t.deepEqual(
    (await client.events({ station: 'CP-2' }).page()).items.map(({ type }) => type),
    ['two'],
  );
  t.is((await client.events({ type: 'none' }).page()).next, await events.end(), 'a filter moves on');

  const aborted = new AbortController();
  const seen: string[] = [];
  const following = (async () => {
    for await (const page of events.follow({ after: next, signal: aborted.signal })) {
      seen.push(...page.items.map(({ type }) => type));
      if (seen.length === 3) aborted.abort();
    }
  })();
  const waiting = client.events({ type: 'four' }).wait({ after: await events.end() }, 10_000);
  await emit('three');
  await emit('four');
  await following;
  t.deepEqual(seen, ['two', 'three', 'four']);
  t.like((await waiting).items[0], { type: 'four' });
  t.deepEqual((await events.wait({ after: await events.end() }, 50)).items, []);
});

everywhere(
  'a command that is announced has one event when it has ended, however it does',
  async (t, { client, connect }) => {
    const clearCache = (idempotencyKey: string, more = {}) =>
      client.call({
        stationId: 'CP-1',
        action: 'ClearCache',
        payload: {},
        protocol: 'ocpp1.6',
        idempotencyKey,
        announce: true,
        ...more,
      });
    t.deepEqual(await clearCache('offline', { queueable: false }), { kind: 'not-sent', reason: 'offline' });
    t.deepEqual(await clearCache('late', { ttlMs: 20 }), { kind: 'not-sent', reason: 'expired' });
    // One after the other, as each is one event behind the last.
    let station: Awaited<ReturnType<World['connect']>> | undefined;
    station = await connect('CP-1', 'ocpp1.6', (text) => {
      const [, id] = JSON.parse(text) as [number, string];
      void station?.write(JSON.stringify([3, id, { status: 'Accepted' }]));
    });
    t.like(await clearCache('answered'), { kind: 'answered' });
    t.like(await clearCache('answered'), { kind: 'answered' }, 'asked again');
    t.like(await clearCache('silent', { announce: false }), { kind: 'answered' });
    const { items } = await client.events({ type: 'command-ended' }).page();
    t.deepEqual(
      items.map(({ station: id, fields }) => [id, fields]),
      ['offline', 'late', 'answered'].map((command) => ['CP-1', { command, action: 'ClearCache' }]),
    );
    await t.throwsAsync(
      client.call({
        stationId: 'CP-1',
        action: 'ClearCache',
        payload: {},
        protocol: 'ocpp1.6',
        announce: true,
      }),
      { code: 'bad-call', message: /needs an idempotency key/ },
    );
  },
);
