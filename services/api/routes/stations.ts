/** Stations and their connections. */
import type { Station } from '../../client/cluster-client.ts';
import { ok, operation } from '../operation.ts';
import { pageIn } from '../paging.ts';
import { Problem } from '../problems.ts';
import { flag, maybe, paging, parameters, station, text } from '../schemas/schema.ts';
import * as schemas from '../schemas/stations.ts';
import type { Parts } from './parts.ts';

export const stationOperations = ({ client }: Pick<Parts, 'client'>) => [
  operation({
    id: 'listStations',
    method: 'GET',
    url: '/v1/stations',
    summary: 'Every station that ever connected, by identity.',
    tag: 'stations',
    scope: 'read',
    takes: {
      query: parameters({
        ...paging,
        connected: maybe(flag('Only stations that are connected, or that are not.')),
        prefix: maybe(text('Beginning of the identity.', { minLength: 1, maxLength: 255 })),
        status: maybe(
          text('A status that one of its connectors has, such as Faulted.', { minLength: 1, maxLength: 50 }),
        ),
        contains: maybe(text('A part of the identity; case is ignored.', { minLength: 1, maxLength: 255 })),
        vendor: maybe(text('Beginning of the vendor; case is ignored.', { minLength: 1, maxLength: 255 })),
        charging: maybe(flag('Only stations that have an open transaction, or that have none.')),
      }),
    },
    answers: { 200: schemas.StationPage },
    async handle({ query }) {
      const { page, filter } = pageIn(query);
      return ok(await client.stations(filter).page(page));
    },
  }),
  operation({
    id: 'getStation',
    method: 'GET',
    url: '/v1/stations/{station}',
    summary: 'One station.',
    tag: 'stations',
    scope: 'read',
    takes: { path: parameters({ station }) },
    answers: { 200: schemas.Station },
    problems: ['no-such-station'],
    async handle({ path }) {
      const found = await client.station(path.station);
      if (found === undefined)
        throw new Problem('no-such-station', `station ${path.station} never connected to this cluster`);
      return ok(found);
    },
  }),
  operation({
    id: 'listSessions',
    method: 'GET',
    url: '/v1/sessions',
    summary: 'Open connections, by identity of the station.',
    tag: 'stations',
    scope: 'read',
    takes: { query: parameters(paging) },
    answers: { 200: schemas.SessionPage },
    async handle({ query }) {
      const { items, ...page } = await client.stations({ connected: true }).page(query);
      return ok({ items: items.map(sessionOf), ...page });
    },
  }),
];

const sessionOf = ({ id, protocol, connection }: Station) => ({ station: id, protocol, ...connection });
