/**
 * The flight recorder: which stations are recorded, and their frames. A recording is a command, as it costs the proxies work; frames
 * are redacted, and show less than other reads do.
 */
import type { RecordedFrame } from '../../client/cluster-client.ts';
import { done, ok, operation } from '../operation.ts';
import { pageIn } from '../paging.ts';
import { paging, parameters, station } from '../schemas/schema.ts';
import * as schemas from '../schemas/recordings.ts';
import { followedPage, followedStream, waiting } from './followed.ts';
import type { Parts } from './parts.ts';

const path = parameters({ station });
const tag = 'recordings';

export const recordingOperations = (parts: Parts) => [...recordings(parts), ...frames(parts)];

const recordings = ({ client }: Parts) => [
  operation({
    id: 'listRecordings',
    method: 'GET',
    url: '/v1/recordings',
    summary: 'Recordings that run: all of them, on one page.',
    tag,
    scope: 'read',
    takes: {},
    answers: { 200: schemas.RecordingPage },
    handle: async () => ok({ items: await client.recordings.list() }),
  }),
  operation({
    id: 'startRecording',
    method: 'PUT',
    url: '/v1/recordings/{station}',
    summary:
      'Records the frames of a station until the recording ends by itself. For a running recording it sets a new end. The station need not be connected.',
    tag,
    scope: 'command',
    takes: { path, body: schemas.RecordingRequest },
    answers: { 200: schemas.Recording },
    problems: ['too-many-requests'],
    handle: async ({ path: { station: id }, body, caller }) =>
      ok(await client.recordings.start(id, { ...body, by: caller.name })),
  }),
  operation({
    id: 'endRecording',
    method: 'DELETE',
    url: '/v1/recordings/{station}',
    summary: 'Ends a recording. Its frames stay until newer ones replace them.',
    tag,
    scope: 'command',
    takes: { path },
    answers: { 204: null },
    problems: ['no-such-entry'],
    async handle({ path: { station: id } }) {
      await client.recordings.end(id);
      return done;
    },
  }),
];

const frames = ({ client, streams }: Parts) => [
  operation({
    id: 'listRecordedFrames',
    method: 'GET',
    url: '/v1/recordings/{station}/frames',
    summary:
      'Frames of a station, the oldest first, as long as they are kept. With `wait` it waits for a first one.',
    tag,
    scope: 'read',
    takes: { path, query: parameters({ ...paging, wait: waiting }) },
    answers: { 200: schemas.RecordedFramePage },
    problems: ['events-lost'],
    async handle({ path: { station: id }, query: { wait = 0, ...query }, over }) {
      return ok(await followedPage(client.recordings.frames(id), pageIn(query).page, wait, over));
    },
  }),
  operation({
    id: 'streamRecordedFrames',
    method: 'GET',
    url: '/v1/recordings/{station}/frames/stream',
    summary:
      'Frames of a station as they come, as server-sent events of type `frame`. The header Last-Event-ID, or `after`, resumes a stream. `events-lost` says that some were dropped before they were read.',
    tag,
    scope: 'read',
    takes: { path, query: parameters({ after: paging.after }), lastEventId: true },
    answers: { 200: 'events' },
    problems: ['too-many-requests'],
    handle: ({ path: { station: id }, query: { after }, lastEventId, caller, over }) =>
      followedStream(client.recordings.frames(id), {
        after: lastEventId ?? after,
        streams,
        caller,
        over,
        form: (frame: RecordedFrame) => ({ event: 'frame', data: frame }),
      }),
  }),
];
