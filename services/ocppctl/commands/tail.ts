/** The flight recorder at a terminal: frames of one station as they come (docs/recorder.md). */
import type { RecordedFrame, Recording } from '../../client/cluster-client.ts';
import { pathOf } from '../api-client.ts';
import type { Command, Run } from '../command.ts';
import type { StreamEvent } from '../event-stream.ts';
import { usageError } from '../exit.ts';
import { followStream } from '../followed-stream.ts';
import { frameLine } from '../frame-line.ts';
import { parsedOr, writeRows } from '../output.ts';
import { safeJson, span } from '../table.ts';

const LIST = '/v1/recordings';

interface Recordings {
  readonly items: readonly Recording[];
}

async function tail(run: Run): Promise<void> {
  const { options, terminal, args } = run;
  const station = args[0] ?? '';
  if (options.flag('no-record') && options.number('minutes') !== undefined)
    throw usageError('--minutes starts a recording, and --no-record starts none: leave out one of them');
  const recording = options.flag('no-record') ? undefined : await startRecording(run, station);
  const ended = new AbortController();
  const left = recording && Date.parse(recording.until) - terminal.now() + LAST_FRAMES;
  const timer = left === undefined ? undefined : setTimeout(() => ended.abort(), Math.max(0, left));
  try {
    await followStream(run, {
      path: `${pathOf('recordings', station)}/frames/stream`,
      after: options.text('after'),
      what: 'frames',
      until: ended.signal,
      show: (event) => show(run, event),
    });
    if (ended.signal.aborted) terminal.note('the recording has ended');
  } finally {
    clearTimeout(timer);
    if (recording?.isOurs === true && !ended.signal.aborted) await endRecording(run, station);
  }
}

/** What a ws-proxy has when a recording ends is on its way for so long; ms. */
const LAST_FRAMES = 2000;

/** A recording of another program stays as it is, unless its end is named. @returns what this program has started or changed */
async function startRecording(run: Run, station: string) {
  const { api, options, terminal } = run;
  const { items } = await api.get<Recordings>(LIST);
  const isRunning = items.some((one) => one.station === station);
  const minutes = options.number('minutes');
  if (isRunning && minutes === undefined) return undefined;
  const body = minutes === undefined ? {} : { minutes };
  const started = await api.send<Recording>('PUT', pathOf('recordings', station), body);
  const lasts = span((Date.parse(started.until) - terminal.now()) / 1000);
  terminal.note(
    `recording ${station} for ${lasts}; ${isRunning ? 'it goes on after Ctrl-C' : 'Ctrl-C ends it'}`,
  );
  return { ...started, isOurs: !isRunning };
}

/** It ends by itself if this fails. */
async function endRecording({ afterStop, terminal }: Run, station: string): Promise<void> {
  try {
    await afterStop.send('DELETE', pathOf('recordings', station));
    terminal.note('the recording is ended');
  } catch (error) {
    terminal.note(`the recording was not ended, and ends by itself: ${(error as Error).message}`);
  }
}

function show({ terminal, isJson, options }: Run, { type, data }: StreamEvent): void {
  if (type === 'events-lost') {
    terminal.note('frames were lost here: more were recorded than are kept');
    return;
  }
  const frame = parsedOr(terminal, 'a frame', data) as RecordedFrame | undefined;
  if (frame === undefined) return;
  terminal.write(isJson || options.flag('json') ? safeJson(frame) : frameLine(frame));
}

const group = 'Overview';

export const TAIL: readonly Command[] = [
  {
    name: 'tail',
    group,
    args: [{ name: 'STATION' }],
    options: [
      {
        name: 'minutes',
        value: 'N',
        whole: [1, 1440],
        doc: 'how long to record at most (15); for a recording that runs, its new end',
      },
      { name: 'json', doc: 'one JSON document a line, as -o json' },
      { name: 'no-record', doc: 'start no recording: show what is recorded anyway' },
      {
        name: 'after',
        value: 'CURSOR',
        doc: 'begin after this frame: the id of one; 0-0 shows all that are kept',
      },
    ],
    summary: 'Show the frames of a station as they come, until Ctrl-C, without its tags and credentials',
    details: [
      'It starts a recording if there is none, and ends the recording that it started. → comes from the station, ← goes to it.',
      'A token of scope read needs --no-record.',
    ],
    scope: 'command',
    run: tail,
  },
  {
    name: 'recordings',
    group,
    args: [],
    options: [],
    summary: 'List the stations whose frames are recorded',
    scope: 'read',
    async run(run) {
      const { items } = await run.api.get<Recordings>(LIST);
      const left = (until: string) => span((Date.parse(until) - run.terminal.now()) / 1000);
      const columns = [
        { head: 'STATION', of: ({ station }: Recording) => station },
        { head: 'ENDS IN', of: ({ until }: Recording) => left(until) },
        { head: 'BY', of: ({ by }: Recording) => by },
      ];
      writeRows(run, items, columns, 'no station is recorded');
    },
  },
];
