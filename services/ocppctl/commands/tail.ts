/**
 * Events as they happen. A connection that breaks, or is silent for longer than the API ever is, is made again after a growing
 * pause, and resumes after the last event. Where that is not possible, it says that events may be missing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NetworkEvent } from '../../client/cluster-client.ts';
import type { Command, Run } from '../command.ts';
import { readEvents, type StreamEvent, type StreamState } from '../event-stream.ts';
import { EXIT, ExitError } from '../exit.ts';
import { ApiError } from '../problem.ts';
import { printable, safeJson } from '../table.ts';

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
/** The API sends a comment every 15 s. */
const LONGEST_SILENCE = 40_000;
const TIME = 'HH:MM:SS'.length;

async function tail(run: Run): Promise<void> {
  const { options, terminal } = run;
  const { stopped } = terminal;
  const after = options.text('after');
  const state: StreamState = after === undefined ? {} : { lastId: after };
  let pause = FIRST_PAUSE;
  for (let isFirst = true; !stopped.aborted; isFirst = false) {
    try {
      const connected = () => {
        if (!isFirst)
          terminal.note(
            `connected again${state.lastId === undefined ? '; events in between are not shown' : ''}`,
          );
        pause = FIRST_PAUSE;
      };
      await follow(run, state, connected);
      if (!stopped.aborted) terminal.note('the connection ended');
    } catch (error) {
      if (stopped.aborted) return;
      if (isFirst || !isPassing(error)) throw error;
      terminal.note(`${(error as Error).message}; the next attempt is in ${pause / 1000} s`);
    }
    // Also after a connection that was accepted: an API that ends them at once is not asked without a pause.
    await sleep(pause, undefined, { signal: stopped }).catch(() => undefined);
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  }
}

/** Whether a later attempt may succeed. A restarted Redis may have lost the cursor, which the API reports in the stream. */
const isPassing = (error: unknown) =>
  !(error instanceof ExitError) ||
  (error instanceof ApiError
    ? [429, 503].includes(error.problem.status)
    : error.status === EXIT.away || error.status === EXIT.failed);

async function follow(run: Run, state: StreamState, connected: () => void): Promise<void> {
  const { api, args, options, terminal } = run;
  const query = { station: args[0], type: options.text('type') };
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, terminal.stopped]);
  const silence = setTimeout(() => over.abort(new Error('the connection is silent')), LONGEST_SILENCE);
  try {
    const source = await api.stream('/v1/events/stream', query, state.lastId, signal);
    connected();
    for await (const event of readEvents(source, state)) {
      silence.refresh();
      if (event !== undefined) show(run, event);
    }
  } finally {
    clearTimeout(silence);
    over.abort();
  }
}

function show({ terminal, isJson }: Run, { type, data }: StreamEvent): void {
  if (type === 'events-lost') {
    terminal.note(
      'events were lost here: more happened than are kept; ocppctl stations and transactions show the current state',
    );
    return;
  }
  const event = parsed(data);
  if (event === undefined)
    return terminal.note(`an event that is not JSON: ${printable(data.slice(0, 200))}`);
  if (isJson) return terminal.write(safeJson(event));
  const time = new Date(event.at).toTimeString().slice(0, TIME);
  const fields = Object.entries(event.fields).map(([name, value]) => `${name}=${value}`);
  terminal.write(printable([time, event.station, event.type, ...fields].join('  ')));
}

function parsed(data: string): NetworkEvent | undefined {
  try {
    return JSON.parse(data) as NetworkEvent;
  } catch {
    return undefined;
  }
}

export const TAIL: Command = {
  name: 'tail',
  group: 'Overview',
  args: [{ name: 'STATION', optional: true }],
  options: [
    { name: 'type', value: 'T', doc: 'only events of this type' },
    { name: 'after', value: 'CURSOR', doc: 'begin after this event: the id of one' },
  ],
  summary: 'Show events as they happen, until Ctrl-C; with -o json one document a line',
  scope: 'read',
  run: tail,
};
