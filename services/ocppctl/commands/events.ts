/** Events as they happen. Where a lost connection cannot be resumed, it says that events may be missing. */
import type { NetworkEvent } from '../../client/cluster-client.ts';
import type { Command, Run } from '../command.ts';
import type { StreamEvent } from '../event-stream.ts';
import { followStream } from '../followed-stream.ts';
import { parsedOr, timeOf } from '../output.ts';
import { printable, safeJson } from '../table.ts';

const events = (run: Run) =>
  followStream(run, {
    path: '/v1/events/stream',
    query: { station: run.args[0], type: run.options.text('type') },
    after: run.options.text('after'),
    what: 'events',
    show: (event) => show(run, event),
  });

function show({ terminal, isJson }: Run, { type, data }: StreamEvent): void {
  if (type === 'events-lost') {
    terminal.note(
      'events were lost here: more happened than are kept; ocppctl stations and transactions show the current state',
    );
    return;
  }
  const event = parsedOr(terminal, 'an event', data) as NetworkEvent | undefined;
  if (event === undefined) return;
  if (isJson) return terminal.write(safeJson(event));
  const fields = Object.entries(event.fields).map(([name, value]) => `${name}=${value}`);
  terminal.write(printable([timeOf(event.at), event.station, event.type, ...fields].join('  ')));
}

export const EVENTS: Command = {
  name: 'events',
  group: 'Overview',
  args: [{ name: 'STATION', optional: true }],
  options: [
    { name: 'type', value: 'T', doc: 'only events of this type' },
    { name: 'after', value: 'CURSOR', doc: 'begin after this event: the id of one' },
  ],
  summary: 'Show events as they happen, until Ctrl-C; with -o json one document a line',
  scope: 'read',
  run: events,
};
