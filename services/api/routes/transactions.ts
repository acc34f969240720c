/** Open transactions and bills. */
import { ok, operation } from '../operation.ts';
import { pageIn } from '../paging.ts';
import { Problem } from '../problems.ts';
import { maybe, paging, parameters, station, text, word } from '../schemas/schema.ts';
import * as schemas from '../schemas/transactions.ts';
import type { Parts } from './parts.ts';

const transaction = text('Id of the transaction.', { minLength: 1, maxLength: 255 });

export const transactionOperations = ({ client }: Parts) => [
  operation({
    id: 'listTransactions',
    method: 'GET',
    url: '/v1/transactions',
    summary: 'Open transactions, the longest running first; or bills of closed ones, the newest first.',
    tag: 'transactions',
    scope: 'read',
    takes: {
      query: parameters({
        ...paging,
        state: maybe(word(['open', 'closed'], 'open by default; closed: about the last 100 000 bills.')),
        station: maybe(station),
        token: maybe(text('Token that started it; case is ignored.', { minLength: 1, maxLength: 255 })),
      }),
    },
    answers: { 200: schemas.TransactionPage },
    async handle({ query: { state, ...query } }) {
      const { page, filter } = pageIn(query);
      const listing = state === 'closed' ? client.bills(filter) : client.openTransactions(filter);
      return ok(await listing.page(page));
    },
  }),
  operation({
    id: 'getTransaction',
    method: 'GET',
    url: '/v1/stations/{station}/transactions/{transaction}',
    summary: 'One transaction, or its bill.',
    tag: 'transactions',
    scope: 'read',
    takes: { path: parameters({ station, transaction }) },
    answers: { 200: schemas.Transaction },
    problems: ['no-such-transaction'],
    async handle({ path }) {
      const found = await client.transaction(path.station, path.transaction);
      if (found !== undefined) return ok(found);
      const detail = `station ${path.station} has no transaction ${path.transaction}, or it ended long ago`;
      throw new Problem('no-such-transaction', detail);
    },
  }),
  operation({
    id: 'correctBill',
    method: 'POST',
    url: '/v1/stations/{station}/transactions/{transaction}/corrections',
    summary:
      'Replaces the bill of a closed transaction by a correction, which names the author and the reason.',
    tag: 'transactions',
    scope: 'admin',
    takes: { path: parameters({ station, transaction }), body: schemas.BillCorrection },
    answers: { 200: schemas.Transaction },
    problems: ['bad-entry', 'key-conflict'],
    handle: async ({ path, body, caller }) =>
      ok(await client.correctBill({ ...path, ...body, by: caller.name })),
  }),
];
