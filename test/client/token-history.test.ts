/** Erasing a token from what is stored of the past, on Redis and in memory. */
import { lastKnownField, rememberAnswer } from '../../services/csms/decisions/last-known.ts';
import { makeBill, recordBill } from '../../services/csms/transactions/bill.ts';
import { closeRecord, openRecord, type TransactionFacts } from '../../services/csms/transactions/record.ts';
import type { DomainEvent, StateWrite } from '../../services/transport/stored-state.ts';
import { everywhere } from './worlds.ts';

const AT = '2026-01-01T10:00:00.000Z';
const facts = (transactionId: string, idTag: string): TransactionFacts => ({
  stationId: 'CP-1',
  transactionId,
  protocol: 'ocpp2.0.1',
  idTag,
  meterStart: '1000',
  startedAt: AT,
  startedAtUtc: AT,
});

/** A bill, and the mark that keeps its facts. */
function closed(id: string, idTag: string): StateWrite[] {
  const known = facts(id, idTag);
  const meter = { said: 'register', energy: { digits: 5000n, exponent: 0 }, phases: '' } as const;
  const end = { kind: 'final', meter, stoppedAt: AT, stoppedAtUtc: AT, reason: 'Local' } as const;
  const bill = makeBill(known, end);
  const { billId } = bill.entry;
  const mark = { ...end, billId, meterStop: '5000', stopPhases: '', stopSaid: undefined };
  return [...closeRecord(`transaction:CP-1:${id}`, known, mark, 3600), recordBill(bill)];
}

const quoting = (payload: object): DomainEvent => ({
  type: 'message-repaired',
  stationId: 'CP-1',
  fields: { action: 'Authorize', payload: JSON.stringify(payload) },
});

const naming = (fields: Readonly<Record<string, string>>): DomainEvent => ({
  type: 'token-refused',
  stationId: 'CP-1',
  fields,
});

everywhere(
  'bills stay under another token, marks too, and events with the token are removed',
  async (t, world) => {
    const { client, state } = world;
    await state.amend({
      writes: [...closed('one', '04a1'), ...closed('two', '04B2'), ...closed('three', '04A1')],
      events: [
        quoting({ idTag: '04a1' }),
        quoting({ idTag: '04a12' }),
        quoting({ idToken: '04B2' }),
        quoting({ idTag: 12_345_678 }),
        naming({ idTag: '04a1' }),
        naming({ token: '04A1' }),
        naming({ token: '04A12' }),
      ],
    });
    await client.tokens.set({ token: '04A1', status: 'Blocked' });
    const before = (await client.bills().page()).items;
    t.deepEqual(await client.tokens.eraseHistory('04A1'), { bills: 2, marks: 2, events: 3 });

    const { items } = await client.bills().page();
    t.deepEqual(items.map(({ transaction, token }) => `${transaction} ${token}`).toSorted(), [
      'one ERASED',
      'three ERASED',
      'two 04B2',
    ]);
    const known = before.map((bill) =>
      Object.assign({}, bill, bill.token === '04B2' ? {} : { token: 'ERASED' }),
    );
    const byId = (one: { readonly billId: string }, other: { readonly billId: string }) =>
      one.billId.localeCompare(other.billId);
    t.deepEqual(items.toSorted(byId), known.toSorted(byId), 'nothing else of a bill has changed');
    for (const id of ['one', 'three'])
      t.like(await state.record(`transaction:CP-1:${id}`), { idTag: 'ERASED', closed: AT });
    t.is(await state.field('transaction:CP-1:two', 'idTag'), '04B2');
    t.is((await client.events().page()).items.length, 4);
    t.like(await client.tokens.eraseHistory('12345678'), { events: 1 }, 'sent as a number');
    t.like(await client.tokens.get('04A1'), { status: 'Blocked' }, 'the entry is no history');
    t.deepEqual((await client.bills({ token: '04a1' }).page()).items, []);

    t.deepEqual(await client.tokens.eraseHistory('04A1'), { bills: 0, marks: 0, events: 0 }, 'a repetition');
    t.deepEqual(await client.tokens.eraseHistory('ERASED'), { bills: 0, marks: 0, events: 0 });
    const one = (await client.bills().page()).items.find(({ transaction }) => transaction === 'one');
    const corrected = await client.correctBill({
      station: 'CP-1',
      transaction: 'one',
      billId: one?.billId ?? '',
      energy: '7',
      by: 'A',
      because: 'B',
    });
    t.like(corrected, { token: 'ERASED', energy: '7' });
    t.not(corrected.recordedAt, one?.recordedAt, 'a correction has a time of its own');
  },
);

everywhere('while a transaction of the token is open, nothing is erased', async (t, { client, state }) => {
  const key = 'transaction:CP-1:open';
  await state.amend({
    writes: [...closed('one', '04A1'), ...openRecord(key, facts('open', '04a1'), 1)],
    events: [],
  });
  await t.throwsAsync(client.tokens.eraseHistory('04A1'), { code: 'token-charging' });
  t.is((await client.bills({ token: '04A1' }).page()).items.length, 1);
  t.is(await state.field('transaction:CP-1:one', 'idTag'), '04A1');
  t.deepEqual(await client.tokens.eraseHistory('04B2'), { bills: 0, marks: 0, events: 0 }, 'of another one');
});

everywhere(
  'the mark of a transaction that began under the same id later stays',
  async (t, { client, state }) => {
    const key = 'transaction:CP-1:one';
    await state.amend({
      writes: [...closed('one', '04A1'), ...openRecord(key, facts('one', '04B2'), 1)],
      events: [],
    });
    t.deepEqual(await client.tokens.eraseHistory('04A1'), { bills: 1, marks: 0, events: 0 });
    t.is(await state.field(key, 'idTag'), '04B2');
  },
);

everywhere('a long stream is erased in parts', async (t, { client, state }) => {
  const all = Array.from({ length: 2600 }, (_, i) => ({
    kind: 'append' as const,
    key: 'transactions',
    fields: {
      billId: `${i}`,
      stationId: 'CP-1',
      transactionId: `${i}`,
      idTag: i % 2 === 0 ? '04A1' : '04B2',
    },
  }));
  for (let begin = 0; begin < all.length; begin += 500)
    await state.amend({ writes: all.slice(begin, begin + 500), events: [] });
  const first = await client.tokens.eraseHistory('04A1');
  t.like(first, { bills: 1000 });
  await t.throwsAsync(client.tokens.eraseHistory('04A1', 'none'), { code: 'bad-cursor' });
  let { next } = first;
  let bills = 1000;
  for (let requests = 0; next !== undefined && requests < 5; requests++) {
    const part = await client.tokens.eraseHistory('04A1', next);
    bills += part.bills;
    ({ next } = part);
  }
  t.is(next, undefined);
  t.is(bills, 1300);
  const tokens: (string | undefined)[] = [];
  const ids = new Set<string>();
  for await (const bill of client.bills()) {
    tokens.push(bill.token);
    ids.add(bill.billId);
  }
  t.is(tokens.length, 2600);
  t.is(ids.size, 2600, 'none is lost, none is there twice');
  t.is(tokens.filter((token) => token === 'ERASED').length, 1300);
});

everywhere('what a decider said of the token is forgotten', async (t, { client, state }) => {
  const kept = (text: string, type?: string) => {
    const field = lastKnownField(
      { action: 'Authorize', token: { text, ...(type !== undefined && { type }) } },
      'CP-1',
    );
    return field ?? '';
  };
  const fields = [kept('abc'), kept('ABC', 'ISO14443'), kept('OTHER')];
  const answer = { status: 'Accepted' } as const;
  const writes = fields.flatMap((field) => rememberAnswer(field, answer, Date.now(), []));
  await state.amend({ writes, events: [] });
  await client.tokens.eraseHistory('ABC');
  t.deepEqual(Object.keys((await state.record('last-decisions')) ?? {}), [kept('OTHER')]);
  t.is(await state.size('last-decision-times'), 1);
});
