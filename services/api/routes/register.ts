/** The register of stations: who may connect. */
import { endOf, viewOf } from '../command-run.ts';
import { done, ok, operation } from '../operation.ts';
import { Problem } from '../problems.ts';
import { paging, parameters, station } from '../schemas/schema.ts';
import * as schemas from '../schemas/register.ts';
import { COMMAND_PROBLEMS } from './commands.ts';
import type { Parts } from './parts.ts';

const path = parameters({ station });
const url = '/v1/register/{station}';
const unknown = (stationId: string) =>
  new Problem('no-such-entry', `station ${stationId} is not in the register`);

export const registerOperations = (parts: Parts) => [...entryOperations(parts), ...passwordOperations(parts)];

const entryOperations = ({ client: { register } }: Parts) => [
  operation({
    id: 'listRegister',
    method: 'GET',
    url: '/v1/register',
    summary: 'The register, in no order.',
    tag: 'register',
    scope: 'read',
    takes: { query: parameters(paging) },
    answers: { 200: schemas.RegisteredStationPage },
    handle: async ({ query }) => ok(await register.list().page(query)),
  }),
  operation({
    id: 'getRegistered',
    method: 'GET',
    url,
    summary: 'One station of the register.',
    tag: 'register',
    scope: 'read',
    takes: { path },
    answers: { 200: schemas.RegisteredStation },
    problems: ['no-such-entry'],
    async handle({ path: { station } }) {
      const found = await register.get(station);
      if (found === undefined) throw unknown(station);
      return ok(found);
    },
  }),
  operation({
    id: 'changeRegistered',
    method: 'PATCH',
    url,
    summary: 'Sets the given fields of a station and leaves the others; adds a station that is not listed.',
    tag: 'register',
    scope: 'admin',
    takes: { path, body: schemas.RegisterChanges },
    answers: { 200: schemas.RegisteredStation },
    problems: ['bad-entry'],
    handle: async ({ path: { station }, body }) => ok(await register.set(station, body)),
  }),
  operation({
    id: 'deleteRegistered',
    method: 'DELETE',
    url,
    summary: 'Removes a station from the register.',
    tag: 'register',
    scope: 'admin',
    takes: { path },
    answers: { 204: null },
    problems: ['no-such-entry'],
    async handle({ path: { station } }) {
      if (!(await register.remove(station))) throw unknown(station);
      return done;
    },
  }),
  operation({
    id: 'resetProfile',
    method: 'POST',
    url: `${url}/reset-profile`,
    summary:
      'Forgets the highest security profile that the station has used, so that it may connect with a lower one.',
    tag: 'register',
    scope: 'admin',
    takes: { path },
    answers: { 204: null },
    async handle({ path: { station } }) {
      await register.resetProfile(station);
      return done;
    },
  }),
];

const passwordOperations = ({ client }: Parts) => [
  operation({
    id: 'setPassword',
    method: 'POST',
    url: `${url}/password`,
    summary: 'Stores a new random password, which the response shows once. The station does not get it.',
    tag: 'register',
    scope: 'admin',
    takes: { path },
    answers: { 200: schemas.NewPassword },
    problems: ['bad-entry', 'bad-call'],
    handle: async ({ path: { station } }) => ok({ password: await client.register.newPassword(station) }),
  }),
  operation({
    id: 'changePassword',
    method: 'POST',
    url: `${url}/change-password`,
    summary: 'Gives a connected station a new random password, which is shown to no one.',
    tag: 'register',
    scope: 'admin',
    takes: { path, body: schemas.PasswordChangeRequest, key: true },
    answers: { 200: schemas.PasswordChange },
    problems: COMMAND_PROBLEMS,
    audit: ({ key }) => ({ command: key }),
    async handle({ path, body, key }) {
      const options = { stationId: path.station, idempotencyKey: key, ...body };
      const { result, outcome } = await client.changePassword(options);
      const { body: command } = endOf(viewOf({ id: key, station: path.station }, outcome), outcome);
      return ok({ result, command });
    },
  }),
];
