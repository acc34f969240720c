/** Event webhooks: their state, a test, and their dead letters. */
import { done, ok, operation } from '../operation.ts';
import { badRequest } from '../problems.ts';
import { paging, parameters, text } from '../schemas/schema.ts';
import * as schemas from '../schemas/webhooks.ts';
import type { Parts } from './parts.ts';

const name = text('Name of the webhook.', { minLength: 1, maxLength: 63 });
const id = text('Id of the event.', { pattern: '^[-0-9a-z]{1,100}$' });
const tag = 'webhooks';

export const webhookOperations = (parts: Parts) => [...stateOperations(parts), ...letterOperations(parts)];

const stateOperations = ({ webhooks }: Parts) => [
  operation({
    id: 'listWebhooks',
    method: 'GET',
    url: '/v1/webhooks',
    summary: 'All webhooks and how far they are.',
    tag,
    scope: 'read',
    takes: {},
    answers: { 200: schemas.WebhookList },
    handle: async () => ok({ items: await webhooks.list() }),
  }),
  operation({
    id: 'getWebhook',
    method: 'GET',
    url: '/v1/webhooks/{name}',
    summary: 'One webhook.',
    tag,
    scope: 'read',
    takes: { path: parameters({ name }) },
    answers: { 200: schemas.Webhook },
    problems: ['no-such-webhook'],
    handle: async ({ path }) => ok(await webhooks.get(path.name)),
  }),
  operation({
    id: 'forgetWebhook',
    method: 'DELETE',
    url: '/v1/webhooks/{name}',
    summary: 'Removes state, parked events and dead letters of a webhook that is no longer configured.',
    tag,
    scope: 'admin',
    takes: { path: parameters({ name }) },
    answers: { 204: null },
    problems: ['no-such-webhook', 'webhook-configured'],
    async handle({ path }) {
      await webhooks.forget(path.name);
      return done;
    },
  }),
  operation({
    id: 'testWebhook',
    method: 'POST',
    url: '/v1/webhooks/{name}/test',
    summary: 'Sends an event of the type `ocpp.test` now, and answers how that ended.',
    tag,
    scope: 'admin',
    takes: { path: parameters({ name }) },
    answers: { 200: schemas.WebhookTest },
    problems: ['no-such-webhook'],
    handle: async ({ path }) => ok(await webhooks.test(path.name)),
  }),
];

const letterOperations = ({ webhooks }: Parts) => [
  operation({
    id: 'listWebhookDeadLetters',
    method: 'GET',
    url: '/v1/webhooks/{name}/dead-letters',
    summary: 'Events that are not sent again by themselves, the oldest first: the last 1000.',
    tag,
    scope: 'read',
    takes: { path: parameters({ name }), query: parameters(paging) },
    answers: { 200: schemas.WebhookDeadLetterPage },
    problems: ['no-such-webhook'],
    async handle({ path, query: { after, limit = 100 } }) {
      const letters = await webhooks.letters(path.name);
      const begin = after === undefined ? 0 : letters.findIndex((one) => one.id === after) + 1;
      if (after !== undefined && begin === 0)
        throw badRequest([{ path: 'query/after', message: 'is no cursor of this list, or was dropped' }]);
      const items = letters.slice(begin, begin + limit);
      const last = items.at(-1)?.id;
      return ok({ items, ...(begin + limit < letters.length && last !== undefined && { next: last }) });
    },
  }),
  operation({
    id: 'replayWebhookDeadLetter',
    method: 'POST',
    url: '/v1/webhooks/{name}/dead-letters/{id}/replay',
    summary: 'Sends a dead letter now, and drops it if the endpoint takes it.',
    tag,
    scope: 'admin',
    takes: { path: parameters({ name, id }) },
    answers: { 204: null },
    problems: ['no-such-webhook', 'no-such-entry', 'not-delivered'],
    async handle({ path }) {
      await webhooks.replay(path.name, path.id);
      return done;
    },
  }),
  operation({
    id: 'deleteWebhookDeadLetter',
    method: 'DELETE',
    url: '/v1/webhooks/{name}/dead-letters/{id}',
    summary: 'Drops a dead letter.',
    tag,
    scope: 'admin',
    takes: { path: parameters({ name, id }) },
    answers: { 204: null },
    problems: ['no-such-webhook', 'no-such-entry'],
    async handle({ path }) {
      await webhooks.drop(path.name, path.id);
      return done;
    },
  }),
];
