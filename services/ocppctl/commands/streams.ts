/** Commands that list streams of the network, the oldest entry first. */
import type { StreamEntry } from '../../client/cluster-client.ts';
import type { Command, Option } from '../command.ts';
import { LIMIT, STATION_FILTER } from '../options.ts';
import { writeList } from '../output.ts';
import { age, type Column } from '../table.ts';

const AFTER: Option = { name: 'after', value: 'ID', doc: 'only entries after this one' };

const columns = (now: number): readonly Column<StreamEntry>[] => [
  { head: 'ID', of: ({ id }) => id },
  { head: 'AGE', of: ({ at }) => age(at, now) },
  { head: 'STATION', of: ({ station }) => station },
  {
    head: 'FIELDS',
    of: ({ fields }) =>
      Object.entries(fields)
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
  },
];

const LISTS = [
  ['meter-values', 'List meter values outside of transactions, the oldest first'],
  ['reports', 'List reports of unusual transactions, the oldest first'],
  ['settlements', 'List payments that terminals at stations settled, the oldest first'],
] as const;

export const STREAMS: readonly Command[] = LISTS.map(([name, summary]) => ({
  name,
  group: 'Stations and transactions',
  args: [],
  options: [STATION_FILTER, AFTER, LIMIT],
  summary,
  scope: 'read',
  run(run) {
    const query = { station: run.options.text('station'), after: run.options.text('after') };
    const none = `no ${name.replace('-', ' ')}`;
    return writeList(run, { path: `/v1/${name}`, query, columns: columns(run.terminal.now()), none });
  },
}));
