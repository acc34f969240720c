/** Messages that no processor could handle, and texts that could not be understood. */
import { done, ok, operation } from '../operation.ts';
import { pageIn } from '../paging.ts';
import { Problem } from '../problems.ts';
import { maybe, paging, parameters, station, text } from '../schemas/schema.ts';
import * as schemas from '../schemas/streams.ts';
import type { Parts } from './parts.ts';

const path = parameters({ id: text('Id of the entry.', { pattern: '^[0-9]{1,15}-[0-9]{1,15}$' }) });
const tag = 'dead-letters';

export const deadLetterOperations = (parts: Parts) => [
  ...letterOperations(parts),
  ...unreadableOperations(parts),
];

const letterOperations = ({ client: { deadLetters } }: Parts) => [
  operation({
    id: 'listDeadLetters',
    method: 'GET',
    url: '/v1/dead-letters',
    summary: 'Dead letters, the oldest first.',
    tag,
    scope: 'read',
    takes: { query: parameters(paging) },
    answers: { 200: schemas.DeadLetterPage },
    handle: async ({ query }) => ok(await deadLetters.list().page(query)),
  }),
  operation({
    id: 'getDeadLetter',
    method: 'GET',
    url: '/v1/dead-letters/{id}',
    summary: 'One dead letter, with what was in the queue.',
    tag,
    scope: 'read',
    takes: { path },
    answers: { 200: schemas.DeadLetter },
    problems: ['no-such-entry'],
    async handle({ path: { id } }) {
      const found = await deadLetters.get(id);
      if (found === undefined) throw new Problem('no-such-entry', `there is no dead letter ${id}`);
      return ok(found);
    },
  }),
  operation({
    id: 'replayDeadLetter',
    method: 'POST',
    url: '/v1/dead-letters/{id}/replay',
    summary: 'Enqueues a dead letter again.',
    tag,
    scope: 'admin',
    takes: { path },
    answers: { 204: null },
    problems: ['no-such-entry', 'bad-envelope'],
    async handle({ path: { id } }) {
      await deadLetters.replay(id);
      return done;
    },
  }),
  operation({
    id: 'deleteDeadLetter',
    method: 'DELETE',
    url: '/v1/dead-letters/{id}',
    summary: 'Drops a dead letter.',
    tag,
    scope: 'admin',
    takes: { path },
    answers: { 204: null },
    problems: ['no-such-entry'],
    async handle({ path: { id } }) {
      await deadLetters.drop(id);
      return done;
    },
  }),
];

const unreadableOperations = ({ client: { unreadable } }: Parts) => [
  operation({
    id: 'listUnreadable',
    method: 'GET',
    url: '/v1/unreadable',
    summary: 'Texts of stations that could not be understood.',
    tag,
    scope: 'read',
    takes: { query: parameters({ ...paging, station: maybe(station) }) },
    answers: { 200: schemas.UnreadablePage },
    async handle({ query }) {
      const { page, filter } = pageIn(query);
      return ok(await unreadable.list(filter).page(page));
    },
  }),
  operation({
    id: 'deleteUnreadable',
    method: 'DELETE',
    url: '/v1/unreadable/{id}',
    summary: 'Drops an unreadable text.',
    tag,
    scope: 'admin',
    takes: { path },
    answers: { 204: null },
    problems: ['no-such-entry'],
    async handle({ path: { id } }) {
      await unreadable.drop(id);
      return done;
    },
  }),
];
