/** The flight recorder, as a client sees it: which stations are recorded, and their frames (docs/recorder.md). */
import { randomBytes, randomUUID } from 'node:crypto';
import { TransportError } from '../transport/errors.ts';
import { readRecorded, RECORDED } from '../transport/recorder/recorded-frames.ts';
import {
  MOST_RECORDINGS,
  RECORDER,
  RECORDING_MINUTES,
  RECORDINGS,
  runningRecordings,
  type StoredRecording,
} from '../transport/recorder/recordings.ts';
import type { StoredEntry, StoredLists } from '../transport/stored-lists.ts';
import type { StateStore, StateWrite } from '../transport/stored-state.ts';
import type { RecordedFrame, Recording, Recordings } from './cluster-client.ts';
import { FollowedStream } from './followed-stream.ts';

const MINUTE = 60_000;
/** The record of recordings ends after the last of them. */
const KEPT_SECONDS = 2 * 86_400;
/** Attempts to change the recordings while others change them too. */
const ATTEMPTS = 20;

interface Ports {
  readonly lists: StoredLists;
  readonly state: StateStore;
}

/** What a change makes of the running recordings; undefined: it changes nothing. */
type Change = (
  running: ReadonlyMap<string, StoredRecording>,
  now: number,
) => Readonly<Record<string, StoredRecording | null>> | undefined;

export function createRecordings({ lists, state }: Ports): Recordings {
  const stream = new FollowedStream(lists, RECORDED);
  // One at a time, so that only other processes can come in between.
  let last: Promise<unknown> = Promise.resolve();
  const change = (of: Change) => {
    const changed = last.then(() => changeRecordings(state, of));
    last = changed.catch(() => undefined);
    return changed;
  };
  return {
    async list() {
      const running = runningRecordings(await state.record(RECORDINGS), Date.now());
      return [...running].map(viewOf).sort((a, b) => (a.until < b.until ? -1 : 1));
    },
    async start(station, { minutes = RECORDING_MINUTES.default, by }) {
      const changed = await change((running, now) => {
        const before = running.get(station);
        if (before === undefined && running.size >= MOST_RECORDINGS) throw tooMany(running.size);
        return { [station]: { since: before?.since ?? now, until: now + minutes * MINUTE, by } };
      });
      const started = changed?.[station];
      if (started === undefined || started === null) throw new Error(`no recording of ${station} was stored`);
      return viewOf([station, started]);
    },
    async end(station) {
      const changed = await change((running) => (running.has(station) ? { [station]: null } : undefined));
      if (changed === undefined) {
        throw new TransportError('no-recording', `station ${station} is not being recorded on request`);
      }
    },
    frames: (station) => stream.listing((entry) => frameOf(entry, station)),
  };
}

/** Applies a change to the recordings as they are at that moment. */
async function changeRecordings(state: StateStore, of: Change): Promise<ReturnType<Change>> {
  for (let left = ATTEMPTS; left > 0; left--) {
    // The revision first: a change that comes in between makes this one fail.
    const { revision, key } = (await state.fields(RECORDER, ['revision', 'key'])) ?? {};
    const stored = (await state.record(RECORDINGS)) ?? {};
    const now = Date.now();
    const running = runningRecordings(stored, now);
    const changed = of(running, now);
    if (changed === undefined) return undefined;
    const names = Object.keys(stored).filter((name) => !running.has(name) || changed[name] === null);
    const writes: StateWrite[] = [
      { kind: 'unset', key: RECORDINGS, names },
      ...Object.entries(changed).flatMap(([name, one]): StateWrite[] =>
        one === null
          ? []
          : [
              {
                kind: 'set',
                key: RECORDINGS,
                fields: { [name]: JSON.stringify(one) },
                expireSeconds: KEPT_SECONDS,
              },
            ],
      ),
      {
        kind: 'set',
        key: RECORDER,
        fields: {
          revision: randomUUID(),
          ...(key === undefined && { key: randomBytes(32).toString('base64url') }),
        },
      },
    ];
    const expected = { key: RECORDER, field: 'revision', value: revision };
    if (await state.amend({ expected, writes, events: [] })) return changed;
  }
  throw new TransportError(
    'store-unavailable',
    'the recordings are being changed by too many others at once',
  );
}

const viewOf = ([station, { since, until, by }]: readonly [string, StoredRecording]): Recording => ({
  station,
  since: new Date(since).toISOString(),
  until: new Date(until).toISOString(),
  by,
});

function tooMany(running: number): TransportError {
  const message = `${running} stations are recorded, the most that are possible: end a recording first`;
  return new TransportError('too-many-recordings', message);
}

function frameOf({ id, fields }: StoredEntry, station: string): RecordedFrame | undefined {
  if (fields['station'] !== station) return undefined;
  const entry = readRecorded(fields);
  return entry && { id, ...entry };
}
