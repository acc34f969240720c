/** Short forms of frequent commands: one body for every version of OCPP. */
import type { Static, TSchema } from 'typebox';
import type { ClusterClient } from '../../client/cluster-client.ts';
import { shortForm, type ShortFormName, type ShortForms } from '../../csms/commands/short-forms.ts';
import type { Protocol } from '../../ocpp/frame.ts';
import { checkStation, runCommand } from '../command-run.ts';
import { operation } from '../operation.ts';
import { Problem } from '../problems.ts';
import * as schemas from '../schemas/commands.ts';
import { parameters, station } from '../schemas/schema.ts';
import { COMMAND_PROBLEMS, type CommandOptions, optionsIn } from './commands.ts';
import type { Parts } from './parts.ts';

interface Form<N extends ShortFormName, S extends TSchema> {
  readonly name: N;
  readonly id: string;
  readonly summary: string;
  readonly body: S;
  /** Splits a body into the input of the form and the options of the command. */
  readonly split: (body: Static<S>) => readonly [ShortForms[N], CommandOptions];
}

export const shortFormOperations = ({ client }: Parts) => [
  formOperation(client, {
    name: 'start',
    id: 'startTransaction',
    summary: 'Starts a transaction: RemoteStartTransaction or RequestStartTransaction.',
    body: schemas.StartRequest,
    split: ({ token, tokenType, connector, evse, chargingProfile, ...options }) => [
      { token, ...given({ tokenType, connector, evse, chargingProfile }) },
      options,
    ],
  }),
  formOperation(client, {
    name: 'stop',
    id: 'stopTransaction',
    summary: 'Stops a transaction: RemoteStopTransaction or RequestStopTransaction.',
    body: schemas.StopRequest,
    split: ({ transaction, ...options }) => [{ transaction }, options],
  }),
  formOperation(client, {
    name: 'unlock',
    id: 'unlockConnector',
    summary: 'Unlocks a connector: UnlockConnector.',
    body: schemas.UnlockRequest,
    split: ({ connector, evse, ...options }) => [{ connector, ...given({ evse }) }, options],
  }),
  formOperation(client, {
    name: 'reset',
    id: 'resetStation',
    summary: 'Resets a station: Reset. `soft` by default.',
    body: schemas.ResetRequest,
    split: ({ type = 'soft', evse, ...options }) => [{ type, ...given({ evse }) }, options],
  }),
  formOperation(client, {
    name: 'trigger',
    id: 'triggerMessage',
    summary: 'Requests a message of the station: TriggerMessage.',
    body: schemas.TriggerRequest,
    split: ({ message, connector, evse, ...options }) => [
      { message, ...given({ connector, evse }) },
      options,
    ],
  }),
];

function formOperation<N extends ShortFormName, S extends TSchema>(client: ClusterClient, form: Form<N, S>) {
  return operation({
    id: form.id,
    method: 'POST',
    url: `/v1/stations/{station}/${form.name}`,
    summary: form.summary,
    tag: 'commands',
    scope: 'command',
    takes: { path: parameters({ station }), body: form.body, key: true },
    answers: { 200: schemas.Command, 202: schemas.Command },
    problems: COMMAND_PROBLEMS,
    audit: ({ key }) => ({ action: form.name, command: key }),
    async handle({ path, body, key, over }) {
      const [input, rest] = form.split(body as Static<S>);
      const { options, waitMs } = optionsIn(rest);
      const protocol = options.protocol ?? (await versionOf(client, path.station, key));
      const found = shortForm(protocol, form.name, input, { seed: key });
      if ('problem' in found) throw new Problem('bad-call', found.problem);
      const command = { ...options, ...found, protocol, stationId: path.station, idempotencyKey: key };
      return runCommand(client, { command, waitMs, over });
    },
  });
}

/** The version of a station; rejects for one that never connected, or never said its version. */
async function versionOf(client: ClusterClient, stationId: string, key: string): Promise<Protocol> {
  const connected = await client.protocolOf(stationId);
  if (connected !== undefined) return connected;
  await checkStation(client, stationId);
  const booted = (await client.station(stationId))?.protocol;
  if (booted !== undefined) return booted;
  const command = { id: key, station: stationId, state: 'not-sent' as const, reason: 'offline' };
  const detail = `station ${stationId} is not connected, and its version is unknown: set \`protocol\``;
  throw new Problem('station-offline', detail, { command });
}

/** Without the properties that are undefined. */
function given<T extends object>(properties: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(properties).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
