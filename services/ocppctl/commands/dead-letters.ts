/** Commands for messages that could not be handled, and texts that could not be understood (docs/dead-letters.md). */
import type { DeadLetterView, UnreadableView } from '../../client/cluster-client.ts';
import { pathOf } from '../api-client.ts';
import type { Command, Run } from '../command.ts';
import { failure, usageError } from '../exit.ts';
import { LIMIT, STATION_FILTER } from '../options.ts';
import { writeList, writeObject } from '../output.ts';
import { ApiError } from '../problem.ts';
import { age, type Column, cut, printable } from '../table.ts';

const group = 'Dead letters';
const ID = { name: 'ID' };
/** Older ones are replayed by id only. */
const A_DAY = 86_400_000;
const MOST = 1_000_000;
const LONGEST_TEXT = 200;

const columns = (now: number): readonly Column<DeadLetterView>[] => [
  { head: 'ID', of: ({ id }) => id },
  { head: 'AGE', of: ({ at }) => age(at, now) },
  { head: 'STATION', of: ({ station }) => station },
  { head: 'ACTION', of: ({ action }) => action },
  { head: 'DELIVERIES', right: true, of: ({ deliveries }) => String(deliveries) },
  { head: 'MAY REPEAT', of: ({ mayRepeat }) => (mayRepeat ? 'yes' : 'no') },
  { head: 'REASON', of: ({ reason }) => reason },
];

const unreadableColumns = (now: number): readonly Column<UnreadableView>[] => [
  { head: 'ID', of: ({ id }) => id },
  { head: 'AGE', of: ({ at }) => age(at, now) },
  { head: 'STATION', of: ({ station }) => station },
  { head: 'REASON', of: ({ reason }) => reason },
  { head: 'TEXT', of: ({ text }) => cut(text, LONGEST_TEXT) },
];

async function replay(run: Run): Promise<void> {
  const { args, options, api, terminal } = run;
  const [id] = args;
  if (options.flag('all') === (id !== undefined))
    throw usageError('"dead-letters replay" needs an ID or --all', 'dead-letters replay');
  if (id !== undefined) {
    await api.send('POST', pathOf('dead-letters', id, 'replay'));
    if (!run.isJson) terminal.write(`${printable(id)} is enqueued`);
    return;
  }
  const { items } = await api.list<DeadLetterView>('/v1/dead-letters', {}, MOST);
  const young = items.filter(({ at, mayRepeat }) => !mayRepeat && terminal.now() - Date.parse(at) < A_DAY);
  let count = 0;
  const refused: string[] = [];
  for (const letter of young) {
    try {
      await api.send('POST', pathOf('dead-letters', letter.id, 'replay'));
      count += 1;
    } catch (error) {
      // Another operator may have replayed or dropped it meanwhile.
      if (!(error instanceof ApiError) || ![404, 422].includes(error.problem.status)) throw error;
      refused.push(`${letter.id}: ${error.message}`);
    }
  }
  const older = items.length - young.length;
  if (!run.isJson)
    terminal.write(
      `${count} are enqueued${older > 0 ? `; ${older} are older than a day: replay those by ID` : ''}`,
    );
  for (const line of refused) terminal.note(line);
  if (refused.length > 0) throw failure(`${refused.length} could not be replayed`);
}

const drop = (kind: string) => async (run: Run) => {
  await run.api.send('DELETE', pathOf(kind, ...run.args));
  if (!run.isJson) run.terminal.write('deleted');
};

export const DEAD_LETTERS: readonly Command[] = [
  {
    name: 'dead-letters list',
    group,
    args: [],
    options: [LIMIT],
    summary: 'List messages that no processor could handle, the oldest first',
    scope: 'read',
    run: (run) =>
      writeList(run, {
        path: '/v1/dead-letters',
        columns: columns(run.terminal.now()),
        none: 'no dead letters',
      }),
  },
  {
    name: 'dead-letters show',
    group,
    args: [ID],
    options: [],
    summary: 'Show one with its message',
    scope: 'read',
    run: async (run) =>
      writeObject(run, await run.api.get<DeadLetterView>(pathOf('dead-letters', ...run.args))),
  },
  {
    name: 'dead-letters replay',
    group,
    args: [{ ...ID, optional: true }],
    options: [{ name: 'all', doc: 'all that are younger than a day' }],
    summary: 'Enqueue it: its effect happens, and no station gets a response',
    scope: 'admin',
    run: replay,
  },
  {
    name: 'dead-letters drop',
    group,
    args: [ID],
    options: [],
    summary: 'Delete it',
    scope: 'admin',
    run: drop('dead-letters'),
  },
  {
    name: 'dead-letters unreadable list',
    group,
    args: [],
    options: [STATION_FILTER, LIMIT],
    summary: 'List texts of stations that could not be understood',
    scope: 'read',
    run(run) {
      const query = { station: run.options.text('station') };
      const shown = unreadableColumns(run.terminal.now());
      return writeList(run, { path: '/v1/unreadable', query, columns: shown, none: 'no unreadable texts' });
    },
  },
  {
    name: 'dead-letters unreadable drop',
    group,
    args: [ID],
    options: [],
    summary: 'Delete one of them',
    scope: 'admin',
    run: drop('unreadable'),
  },
];
