/** The same command to many stations. */
import { passwordIn } from '../../csms/credentials/password-command.ts';
import { PROTOCOLS } from '../../ocpp/frame.ts';
import { knowsAction } from '../../ocpp/schema.ts';
import { LONGEST_ID } from '../broadcasts/command.ts';
import { ok, operation } from '../operation.ts';
import { pageIn } from '../paging.ts';
import { badRequest, Problem } from '../problems.ts';
import * as schemas from '../schemas/broadcasts.ts';
import { paging, parameters, text } from '../schemas/schema.ts';
import type { Parts } from './parts.ts';

const path = parameters({ broadcast: text('Id of the broadcast.', { minLength: 1, maxLength: 255 }) });
const url = '/v1/broadcasts/{broadcast}';
const unknown = (id: string) =>
  new Problem('no-such-broadcast', `there is no broadcast ${id}, or its end was more than a day ago`);

export const broadcastOperations = ({ client, broadcasts }: Parts) => [
  operation({
    id: 'startBroadcast',
    method: 'POST',
    url: '/v1/broadcasts',
    summary: 'Sends a command to many stations at a pace. It goes on in the cluster.',
    tag: 'broadcasts',
    scope: 'command',
    takes: { body: schemas.BroadcastRequest, key: true },
    answers: { 202: schemas.Broadcast },
    problems: ['bad-call', 'key-conflict', 'too-many-requests'],
    audit: ({ body, key }) => ({ action: body.action, command: key }),
    async handle({ body, key }) {
      if (key.length > LONGEST_ID)
        throw badRequest([
          { path: 'header/Idempotency-Key', message: `must have at most ${LONGEST_ID} characters here` },
        ]);
      const { stations, filter, ...command } = body;
      if ((stations === undefined) === (filter === undefined))
        throw badRequest([{ path: '/stations', message: 'or /filter must be there, and not both' }]);
      checkCommand(command);
      const chosen = stations ?? identities(client.stations(filter));
      const view = await broadcasts.start({ id: key, command, stations: chosen, asked: body });
      return { status: 202, body: view, headers: { location: `/v1/broadcasts/${encodeURIComponent(key)}` } };
    },
  }),
  operation({
    id: 'getBroadcast',
    method: 'GET',
    url,
    summary: 'A broadcast, until a day after its end.',
    tag: 'broadcasts',
    scope: 'read',
    takes: { path },
    answers: { 200: schemas.Broadcast },
    problems: ['no-such-broadcast'],
    async handle({ path: { broadcast } }) {
      const found = await broadcasts.get(broadcast);
      if (found === undefined) throw unknown(broadcast);
      return ok(found);
    },
  }),
  operation({
    id: 'stopBroadcast',
    method: 'DELETE',
    url,
    summary: 'Starts no further commands of a broadcast. Those that are open go on.',
    tag: 'broadcasts',
    scope: 'command',
    takes: { path },
    answers: { 200: schemas.Broadcast },
    problems: ['no-such-broadcast'],
    audit: ({ path: { broadcast } }) => ({ command: broadcast }),
    async handle({ path: { broadcast } }) {
      const found = await broadcasts.stop(broadcast);
      if (found === undefined) throw unknown(broadcast);
      return ok(found);
    },
  }),
  operation({
    id: 'listOutcomes',
    method: 'GET',
    url: `${url}/outcomes`,
    summary: 'Outcomes of the stations of a broadcast so far.',
    tag: 'broadcasts',
    scope: 'read',
    takes: { path, query: parameters(paging) },
    answers: { 200: schemas.OutcomePage },
    problems: ['no-such-broadcast'],
    async handle({ path: { broadcast }, query }) {
      if ((await broadcasts.get(broadcast)) === undefined) throw unknown(broadcast);
      const { after, limit = 100 } = pageIn(query).page;
      return ok(await broadcasts.outcomes(broadcast, after, limit));
    },
  }),
];

async function* identities(
  stations: AsyncIterable<{ readonly id: string }>,
): AsyncGenerator<string, void, undefined> {
  for await (const { id } of stations) yield id;
}

/** @throws Problem for what no station could take, or what must not be stored */
function checkCommand({ action, payload }: { readonly action: string; readonly payload: object }): void {
  if (!PROTOCOLS.some((protocol) => knowsAction(protocol, action)))
    throw new Problem('bad-call', `no version of OCPP has the action ${action}`);
  const call = { stationId: '', action, payload };
  if (PROTOCOLS.some((protocol) => setsPassword(() => passwordIn(protocol, call))))
    throw new Problem(
      'bad-call',
      'a broadcast is stored, so it cannot set a password: change that of each station',
    );
}

function setsPassword(read: () => object | undefined): boolean {
  try {
    return read() !== undefined;
  } catch {
    // The payload is none of this version, or its password breaks a rule.
    return true;
  }
}
