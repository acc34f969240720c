/** Figures of the last hour, for small charts. */
import { LONGEST_MINUTES } from '../history/history.ts';
import { ok, operation } from '../operation.ts';
import { History } from '../schemas/history.ts';
import { maybe, parameters, whole } from '../schemas/schema.ts';
import type { Parts } from './parts.ts';

const MINUTES = 60;

export const historyOperations = ({ readHistory }: Pick<Parts, 'readHistory'>) => [
  operation({
    id: 'getHistory',
    method: 'GET',
    url: '/v1/history',
    summary: 'Figures of the last hour from Prometheus, where the API has one.',
    tag: 'status',
    scope: 'read',
    takes: {
      query: parameters({
        minutes: maybe(
          whole('Minutes that are wanted; some more may come. 60 by default.', 1, LONGEST_MINUTES),
        ),
      }),
    },
    answers: { 200: History },
    handle: async ({ query: { minutes = MINUTES } }) => ok(await readHistory(minutes)),
  }),
];
