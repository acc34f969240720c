/** Refused handshakes: why a station does not get in. */
import { sharedReading } from '../cluster/shared-reading.ts';
import { ok, operation } from '../operation.ts';
import { RefusalList } from '../schemas/refusals.ts';
import { maybe, parameters, text, whole } from '../schemas/schema.ts';
import type { Parts } from './parts.ts';

/** Proxies write once a second; ms. */
const SHARED = 1000;

export const refusalOperations = ({ client }: Pick<Parts, 'client'>) => {
  const read = sharedReading(SHARED, () => client.refusals());
  return [
    operation({
      id: 'listRefusals',
      method: 'GET',
      url: '/v1/refusals',
      summary: 'Refused handshakes of the last day, the newest first: the last of each identity and reason.',
      tag: 'stations',
      scope: 'read',
      takes: {
        query: parameters({
          identity: maybe(text('Only those of this identity.', { minLength: 1, maxLength: 255 })),
          limit: maybe(whole('Most items; 1000 by default, which are all.', 1, 1000)),
        }),
      },
      answers: { 200: RefusalList },
      async handle({ query: { identity, limit } }) {
        const all = await read();
        const wanted = identity === undefined ? all : all.filter((one) => one.identity === identity);
        return ok({ items: wanted.slice(0, limit) });
      },
    }),
  ];
};
