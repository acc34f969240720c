/** Commands to one station. Without --queue none of them waits for a station that is offline. */
import { pathOf } from '../api-client.ts';
import { type CommandView, reportCommand, sendCommand } from '../command-outcome.ts';
import type { Command, Run } from '../command.ts';
import { usageError } from '../exit.ts';
import { CALL_OPTIONS, NOW_OPTIONS } from '../options.ts';
import { writeJson } from '../output.ts';
import { printable } from '../table.ts';

const group = 'Commands to stations';
const scope = 'command';
const STATION = { name: 'STATION' };
const NUMBER = [0, 2 ** 31 - 1] as const;
const CONNECTOR = { name: 'connector', value: 'N', whole: NUMBER, doc: 'number of the connector' };
const EVSE = { name: 'evse', value: 'N', whole: NUMBER, doc: 'number of the EVSE (2.x)' };

/** A JSON object of the command line, or of standard input for `-`. @throws ExitError */
export async function payloadOf(
  { terminal }: Run,
  text: string | undefined,
  command: string,
): Promise<object> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text === '-' ? await terminal.input() : text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw usageError(`the payload is not JSON (${printable(error.message)})`, command);
  }
  throw usageError('the payload must be a JSON object', command);
}

const given = (fields: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
const place = ({ options }: Run) =>
  given({ connector: options.number('connector'), evse: options.number('evse') });

/** A short form: its body from the command line. */
const shortForm = (
  name: string,
  summary: string,
  parts: Pick<Command, 'args' | 'options'> & Partial<Pick<Command, 'details'>>,
  bodyOf: (run: Run) => object,
): Command => ({
  name,
  group,
  summary,
  scope,
  ...parts,
  options: [...parts.options, ...NOW_OPTIONS],
  run: (run) => sendCommand(run, run.args[0] ?? '', name, bodyOf(run)),
});

export const SENDING: readonly Command[] = [
  {
    name: 'call',
    group,
    args: [STATION, { name: 'ACTION' }, { name: 'JSON', optional: true }],
    options: CALL_OPTIONS,
    summary: 'Send any action of OCPP; the payload is JSON, or - for standard input',
    details: ['The payload is checked against the schema of the version of the station before it is sent.'],
    scope,
    async run(run) {
      const [station = '', action = '', text] = run.args;
      const payload = await payloadOf(run, text, 'call');
      await sendCommand(run, station, 'commands', { action, payload, queueable: run.options.flag('queue') });
    },
  },
  shortForm(
    'start',
    'Start a transaction',
    {
      args: [STATION],
      options: [
        { name: 'token', value: 'T', doc: 'token that pays (RFID card or account)' },
        { name: 'token-type', value: 'T', doc: 'type of the token (2.x), such as ISO14443' },
        CONNECTOR,
        EVSE,
      ],
    },
    (run) => {
      const token = run.options.text('token');
      if (token === undefined || token === '') throw usageError('"start" needs --token', 'start');
      return { token, ...given({ tokenType: run.options.text('token-type') }), ...place(run) };
    },
  ),
  shortForm(
    'stop',
    'Stop a transaction',
    { args: [STATION, { name: 'TRANSACTION' }], options: [] },
    ({ args }) => ({ transaction: args[1] }),
  ),
  shortForm('unlock', 'Unlock a connector', { args: [STATION], options: [CONNECTOR, EVSE] }, (run) => {
    if (run.options.number('connector') === undefined)
      throw usageError('"unlock" needs --connector', 'unlock');
    return place(run);
  }),
  shortForm(
    'reset',
    'Reset a station',
    {
      args: [STATION],
      options: [
        {
          name: 'type',
          value: 'T',
          oneOf: ['soft', 'hard', 'idle', 'immediate'],
          doc: 'soft and hard of 1.6, idle and immediate of 2.x',
        },
        EVSE,
      ],
    },
    (run) => ({ ...given({ type: run.options.text('type') }), ...place(run) }),
  ),
  shortForm(
    'trigger',
    'Request a message of the station, such as StatusNotification',
    { args: [STATION, { name: 'MESSAGE' }], options: [CONNECTOR, EVSE] },
    (run) => ({ message: run.args[1], ...place(run) }),
  ),
  {
    name: 'command',
    group,
    args: [STATION, { name: 'KEY' }],
    options: [{ name: 'cancel', doc: 'end it as not sent, if it is still queued' }],
    summary: 'Show or cancel a command by its key, until an hour after its end',
    details: ['--cancel needs the scope command.'],
    scope: 'read',
    async run(run) {
      const [station = '', id = ''] = run.args;
      const path = pathOf('stations', station, 'commands', id);
      if (!run.options.flag('cancel')) return reportCommand(run, await run.api.get<CommandView>(path), true);
      const view = await run.api.send<CommandView>('DELETE', path);
      if (view.reason !== 'cancelled') return reportCommand(run, view, false);
      if (run.isJson) return writeJson(run, view);
      run.terminal.write('cancelled');
    },
  },
];
