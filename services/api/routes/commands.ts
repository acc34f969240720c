/** Commands to single stations: any action, their state, and cancellation. */
import type { Static } from 'typebox';
import type { Command } from '../../csms/commands/commands.ts';
import { runCommand, viewOf } from '../command-run.ts';
import { ok, operation } from '../operation.ts';
import { Problem, type ProblemCode } from '../problems.ts';
import { parameters, station } from '../schemas/schema.ts';
import * as schemas from '../schemas/commands.ts';
import type { Parts } from './parts.ts';

/** How a command may end without an answer of the station, and why it may be refused. */
export const COMMAND_PROBLEMS: readonly ProblemCode[] = [
  'no-such-station',
  'station-offline',
  'queue-full',
  'command-expired',
  'command-cancelled',
  'command-uncertain',
  'key-conflict',
  'bad-call',
  'too-many-requests',
];

const DEFAULT_WAIT = 30;

export type CommandOptions = Omit<Static<typeof schemas.CommandRequest>, 'action' | 'payload'>;

/** Options of a body as the client takes them; `wait` is of the response. */
export function optionsIn({ wait = DEFAULT_WAIT, timeToLive, timeout, ...options }: CommandOptions): {
  readonly options: Omit<Command, 'stationId' | 'action' | 'payload'>;
  readonly waitMs: number;
} {
  const ttl = timeToLive !== undefined && { ttlMs: timeToLive * 1000 };
  return {
    options: { ...options, ...ttl, ...(timeout !== undefined && { timeoutMs: timeout * 1000 }) },
    waitMs: wait * 1000,
  };
}

const url = '/v1/stations/{station}/commands/{command}';

export const commandOperations = ({ client }: Parts) => [
  operation({
    id: 'sendCommand',
    method: 'POST',
    url: '/v1/stations/{station}/commands',
    summary: 'Sends any action of OCPP. The response waits for its end for a while.',
    tag: 'commands',
    scope: 'command',
    takes: { path: parameters({ station }), body: schemas.CommandRequest, key: true },
    answers: { 200: schemas.Command, 202: schemas.Command },
    problems: COMMAND_PROBLEMS,
    audit: ({ body, key }) => ({ action: body.action, command: key }),
    async handle({ path, body: { action, payload, ...rest }, key, over }) {
      const { options, waitMs } = optionsIn(rest);
      const command = { ...options, stationId: path.station, action, payload, idempotencyKey: key };
      return runCommand(client, { command, waitMs, over });
    },
  }),
  operation({
    id: 'getCommand',
    method: 'GET',
    url,
    summary: 'The state of a command, until an hour after its end.',
    tag: 'commands',
    scope: 'read',
    takes: { path: schemas.commandPath },
    answers: { 200: schemas.Command },
    problems: ['no-such-command'],
    async handle({ path }) {
      const found = await client.findCall(path.station, path.command);
      if (found === undefined) throw noSuchCommand(path);
      return ok(viewOf({ id: path.command, station: path.station, action: found.action }, found.state));
    },
  }),
  operation({
    id: 'cancelCommand',
    method: 'DELETE',
    url,
    summary: 'Cancels a command that is queued. One that was sent goes on; the response has its state.',
    tag: 'commands',
    scope: 'command',
    takes: { path: schemas.commandPath },
    answers: { 200: schemas.Command },
    problems: ['no-such-command'],
    audit: ({ path }) => ({ command: path.command }),
    async handle({ path }) {
      const found = await client.findCall(path.station, path.command);
      if (found === undefined) throw noSuchCommand(path);
      const state = (await client.cancel(path.station, path.command)) ?? found.state;
      return ok(viewOf({ id: path.command, station: path.station, action: found.action }, state));
    },
  }),
];

function noSuchCommand({
  station,
  command,
}: {
  readonly station: string;
  readonly command: string;
}): Problem {
  const detail = `station ${station} has no command ${command}, or its end was more than an hour ago`;
  return new Problem('no-such-command', detail);
}
