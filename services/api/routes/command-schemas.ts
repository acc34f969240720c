/** What may be sent to a station: they change with the program only. */
import { commandActions, commandSchema } from '../../csms/commands/command-actions.ts';
import { PROTOCOLS } from '../../ocpp/frame.ts';
import { type Answer, ok, operation } from '../operation.ts';
import { Problem } from '../problems.ts';
import { action } from '../schemas/commands.ts';
import * as schemas from '../schemas/command-schemas.ts';
import { parameters, word } from '../schemas/schema.ts';

const protocol = word(PROTOCOLS, 'Version of OCPP.');

export const commandSchemaOperations = () => [
  operation({
    id: 'listCommandActions',
    method: 'GET',
    url: '/v1/schemas/{protocol}',
    summary: 'The actions that may be sent to a station of a version.',
    tag: 'commands',
    scope: 'read',
    takes: { path: parameters({ protocol }) },
    answers: { 200: schemas.CommandActions },
    handle: async ({ path }) => kept({ ...path, actions: commandActions(path.protocol) }),
  }),
  operation({
    id: 'getCommandSchema',
    method: 'GET',
    url: '/v1/schemas/{protocol}/{action}',
    summary: 'The JSON schema of a request to a station.',
    tag: 'commands',
    scope: 'read',
    takes: { path: parameters({ protocol, action }) },
    answers: { 200: schemas.CommandSchema },
    problems: ['no-such-action'],
    async handle({ path }) {
      const schema = commandSchema(path.protocol, path.action);
      if (schema !== undefined) return kept({ ...path, schema });
      const detail = `a station of ${path.protocol} takes no ${path.action}`;
      throw new Problem('no-such-action', detail);
    },
  }),
];

const kept = (body: object): Answer => ({
  ...ok(body),
  headers: { 'cache-control': 'private, max-age=3600' },
});
