/** Who may charge. */
import { done, ok, operation } from '../operation.ts';
import { Problem } from '../problems.ts';
import { paging, parameters, text } from '../schemas/schema.ts';
import * as schemas from '../schemas/register.ts';
import { importTokens } from '../token-import.ts';
import type { Parts } from './parts.ts';

const path = parameters({ token: text('The token; case is ignored.', { minLength: 1, maxLength: 255 }) });
const url = '/v1/tokens/{token}';
const unknown = (token: string) => new Problem('no-such-token', `the token ${token} is not listed`);

/** About 100 000 lines. */
const MAX_CSV = 8 * 2 ** 20;

export const tokenOperations = ({ client: { tokens } }: Parts) => [
  operation({
    id: 'listTokens',
    method: 'GET',
    url: '/v1/tokens',
    summary: 'The tokens, in no order.',
    tag: 'tokens',
    scope: 'read',
    takes: { query: parameters(paging) },
    answers: { 200: schemas.TokenPage },
    handle: async ({ query }) => ok(await tokens.list().page(query)),
  }),
  operation({
    id: 'getToken',
    method: 'GET',
    url,
    summary: 'One token.',
    tag: 'tokens',
    scope: 'read',
    takes: { path },
    answers: { 200: schemas.Token },
    problems: ['no-such-token'],
    async handle({ path: { token } }) {
      const found = await tokens.get(token);
      if (found === undefined) throw unknown(token);
      return ok(found);
    },
  }),
  operation({
    id: 'setToken',
    method: 'PUT',
    url,
    summary: 'Stores a token, in place of what is stored of it.',
    tag: 'tokens',
    scope: 'admin',
    takes: { path, body: schemas.TokenRequest },
    answers: { 200: schemas.Token },
    problems: ['bad-entry'],
    async handle({ path: { token }, body }) {
      await tokens.set({ token, ...body });
      return ok((await tokens.get(token)) ?? { token: token.toUpperCase(), ...body });
    },
  }),
  operation({
    id: 'deleteToken',
    method: 'DELETE',
    url,
    summary: 'Removes a token.',
    tag: 'tokens',
    scope: 'admin',
    takes: { path },
    answers: { 204: null },
    problems: ['no-such-token'],
    async handle({ path: { token } }) {
      if (!(await tokens.remove(token))) throw unknown(token);
      return done;
    },
  }),
  operation({
    id: 'eraseTokenHistory',
    method: 'DELETE',
    url: '/v1/tokens/{token}/history',
    summary:
      'Erases a token from bills, marks of closed transactions and events, a part at a time: repeat with `next` until there is none.',
    tag: 'tokens',
    scope: 'admin',
    takes: { path, query: parameters({ after: paging.after }) },
    answers: { 200: schemas.ErasedHistory },
    problems: ['token-charging'],
    audit: () => ({ path: '/v1/tokens/ERASED/history' }),
    handle: async ({ path: { token }, query: { after } }) => ok(await tokens.eraseHistory(token, after)),
  }),
  operation({
    id: 'importTokens',
    method: 'POST',
    url: '/v1/tokens/import',
    summary:
      'Stores many tokens. The header line of the CSV names its columns: token,status,expiry,parent,type,concurrent,maxEnergyWh,maxDurationSeconds.',
    tag: 'tokens',
    scope: 'admin',
    takes: { body: text('CSV with a header line.') },
    consumes: { type: 'text/csv', bytes: MAX_CSV },
    answers: { 200: schemas.TokenImport },
    handle: async ({ body, over }) => ok(await importTokens(tokens, body, over)),
  }),
];
