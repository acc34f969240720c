/** One command to many stations. The API runs the broadcast: it goes on if ocppctl ends, and its key joins it again. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathOf } from '../api-client.ts';
import { bodyOptions, type CommandView, problemOf } from '../command-outcome.ts';
import type { Command, Run } from '../command.ts';
import { failure, usageError } from '../exit.ts';
import { CALL_OPTIONS } from '../options.ts';
import { writeJson, writeObject } from '../output.ts';
import { type Column, table } from '../table.ts';
import { payloadOf } from './sending.ts';
import { readFile } from './tokens.ts';

const group = 'Commands to stations';
const POLL_MS = 1000;
const MOST = 1_000_000;

interface Broadcast {
  readonly id: string;
  readonly state: 'running' | 'ended' | 'stopped';
  readonly stations: number;
  readonly answered: number;
  readonly notSent: number;
  readonly uncertain: number;
}

/** Which stations are meant; all of them only when that is said. @throws ExitError */
async function targetsOf({ options, terminal }: Run): Promise<object> {
  const [list, prefix, file] = ['stations', 'prefix', 'file'].map(options.text);
  const isAll = options.flag('all');
  const said = [list, prefix, file, isAll ? 'all' : undefined].filter((one) => one !== undefined);
  if (said.length !== 1 || said[0] === '')
    throw usageError('"broadcast" needs one of --stations, --prefix, --file and --all', 'broadcast');
  if (isAll) return {};
  if (prefix !== undefined) return { filter: { prefix } };
  const text = file === '-' ? await terminal.input() : file === undefined ? (list ?? '') : readFile(file);
  const separator = file === undefined ? ',' : '\n';
  const stations = [...new Set(text.split(separator).map((one) => one.trim()))].filter((one) => one !== '');
  if (stations.length === 0) throw usageError('there is no station in the list', 'broadcast');
  return { stations };
}

async function broadcast(run: Run): Promise<void> {
  const { api, args, options, terminal } = run;
  const [action = '', text] = args;
  const perSecond = options.number('per-second');
  const body = {
    action,
    ...(await targetsOf(run)),
    payload: await payloadOf(run, text, 'broadcast'),
    queueable: options.flag('queue'),
    ...(perSecond !== undefined && { perSecond }),
    ...bodyOptions(run),
  };
  const key = options.text('key') ?? randomUUID();
  let state = await api.send<Broadcast>('POST', '/v1/broadcasts', body, { key });
  const wait = options.number('wait') ?? Infinity;
  const deadline = terminal.now() + wait * 1000;
  try {
    while (state.state === 'running' && terminal.now() < deadline) {
      await sleep(POLL_MS, undefined, { signal: terminal.stopped });
      state = await api.get<Broadcast>(pathOf('broadcasts', state.id));
    }
  } catch (error) {
    terminal.note(
      `the broadcast goes on: ocppctl broadcasts show ${state.id}, or ocppctl broadcasts stop ${state.id}`,
    );
    throw error;
  }
  await report(run, state);
}

const columns: readonly Column<CommandView>[] = [
  { head: 'STATION', of: ({ station }) => station },
  { head: 'STATE', of: ({ state }) => state },
  { head: 'PROBLEM', of: (view) => problemOf(view) },
];

/** Writes the outcomes: all as JSON, else those that are no success. @throws ExitError if there are any */
async function report(run: Run, state: Broadcast): Promise<void> {
  const { terminal, isJson } = run;
  if (state.state === 'running') {
    if (isJson) return writeJson(run, state);
    return terminal.write(`running; ocppctl broadcasts show ${state.id} shows it`);
  }
  const { items } = await run.api.list<CommandView>(pathOf('broadcasts', state.id, 'outcomes'), {}, MOST);
  const failed = items.filter((view) => problemOf(view) !== undefined);
  if (isJson) writeJson(run, items);
  else {
    const { stations, answered, notSent, uncertain } = state;
    terminal.write(`${stations} stations: ${answered} answered, ${notSent} not sent, ${uncertain} uncertain`);
    if (failed.length > 0) table(columns, failed).forEach((line) => terminal.write(line));
  }
  if (state.state === 'stopped')
    throw failure('the broadcast was stopped before its end: repeat it with the same --key');
  if (failed.length > 0)
    throw failure(
      `${failed.length} stations refused the command or were not reached: broadcast it to those again`,
    );
}

export const BROADCAST: readonly Command[] = [
  {
    name: 'broadcast',
    group,
    args: [{ name: 'ACTION' }, { name: 'JSON', optional: true }],
    options: [
      { name: 'stations', value: 'A,B', doc: 'to these stations' },
      { name: 'prefix', value: 'P', doc: 'to all whose identity begins with it' },
      { name: 'file', value: 'FILE', doc: 'to those of a file, one a line; - for standard input' },
      { name: 'all', doc: 'to every station' },
      {
        name: 'per-second',
        value: 'N',
        whole: [1, 10_000],
        doc: 'commands started per second (default: 50)',
      },
      ...CALL_OPTIONS,
    ],
    summary: 'Send an action to many stations at a pace, and show who did not accept it',
    details: [
      'Ctrl-C ends the waiting, not the broadcast. Repeated with the same --key, no station gets it twice.',
    ],
    scope: 'command',
    run: broadcast,
  },
  {
    name: 'broadcasts show',
    group,
    args: [{ name: 'ID' }],
    options: [],
    summary: 'Show a broadcast, and after its end who did not accept it',
    scope: 'read',
    run: async (run) => report(run, await run.api.get<Broadcast>(pathOf('broadcasts', ...run.args))),
  },
  {
    name: 'broadcasts stop',
    group,
    args: [{ name: 'ID' }],
    options: [],
    summary: 'Stop a broadcast; commands that were sent go on',
    scope: 'command',
    run: async (run) =>
      writeObject(
        run,
        (await run.api.send<Broadcast | undefined>('DELETE', pathOf('broadcasts', ...run.args))) ?? {},
      ),
  },
];
