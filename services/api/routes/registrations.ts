/** Stations that are not accepted. */
import { done, ok, operation } from '../operation.ts';
import { paging, parameters, station } from '../schemas/schema.ts';
import * as schemas from '../schemas/register.ts';
import type { Parts } from './parts.ts';

export const registrationOperations = ({ client }: Parts) => [
  operation({
    id: 'listRegistrations',
    method: 'GET',
    url: '/v1/registrations',
    summary: 'Stations that are not accepted.',
    tag: 'registrations',
    scope: 'read',
    takes: { query: parameters(paging) },
    answers: { 200: schemas.RegistrationPage },
    handle: async ({ query }) => ok(await client.registrations.list().page(query)),
  }),
  operation({
    id: 'setRegistration',
    method: 'PUT',
    url: '/v1/registrations/{station}',
    summary: 'Does not accept a station, from its next boot on.',
    tag: 'registrations',
    scope: 'admin',
    takes: { path: parameters({ station }), body: schemas.RegistrationRequest },
    answers: { 200: schemas.Registration },
    async handle({ path, body: { status } }) {
      await client.registrations.set(path.station, status);
      return ok({ station: path.station, status });
    },
  }),
  operation({
    id: 'deleteRegistration',
    method: 'DELETE',
    url: '/v1/registrations/{station}',
    summary: 'Accepts a station, from its next boot on.',
    tag: 'registrations',
    scope: 'admin',
    takes: { path: parameters({ station }) },
    answers: { 204: null },
    async handle({ path }) {
      await client.registrations.set(path.station, 'Accepted');
      return done;
    },
  }),
];
