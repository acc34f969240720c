/** The flight recorder: recordings and their frames. */
import { RECORDED_TYPES } from '../../transport/recorder/recorded-frames.ts';
import { RECORDING_MINUTES } from '../../transport/recorder/recordings.ts';
import { answerOf, bodyOf, flag, listOf, maybe, pageOf, text, time, whole, word } from './schema.ts';

export const RecordingRequest = bodyOf('RecordingRequest', 'How long a station is recorded.', {
  minutes: maybe(
    whole(
      `Minutes until the recording ends by itself; ${RECORDING_MINUTES.default} by default.`,
      1,
      RECORDING_MINUTES.most,
    ),
  ),
});

export const Recording = answerOf('Recording', 'A station whose frames are recorded.', {
  station: text('Identity of the station.'),
  since: time('When it was started.'),
  until: time('When it ends by itself.'),
  by: text('Name of the access token that started it, or set its end.'),
});
export const RecordingPage = pageOf('RecordingPage', Recording, 'Recordings that run: all of them.');

const number = (description: string) => whole(description, 0, Number.MAX_SAFE_INTEGER);

export const RecordedFrame = answerOf(
  'RecordedFrame',
  'A frame of a recorded station, or a marker of what happened to its connection or its recording. What is not known is absent.',
  {
    id: text('Id of the entry; a cursor too.'),
    at: number('When the ws-proxy had it: ms since 1970, by its clock.'),
    station: text('Identity of the station.'),
    connection: number('Session epoch: the same for all frames of one connection.'),
    protocol: text('Subprotocol.'),
    type: word(
      RECORDED_TYPES,
      'The kind of frame, or a marker: `connected`, `disconnected`; `unanswered`, a CALL that timed out; `gap`, frames that could not be recorded.',
    ),
    direction: maybe(word(['in', 'out'], '`in`: from the station; absent for markers.')),
    action: maybe(text('Action of OCPP, also of the CALL that is answered.')),
    messageId: maybe(text('Id of the message.')),
    text: maybe(text('The frame as JSON, redacted.')),
    truncated: maybe(
      flag(
        'The text was too long, and is cut: it is no valid JSON; or the payload of a very long frame is left out.',
      ),
    ),
    bytes: maybe(number('Size of the message on the wire; bytes.')),
    repairs: maybe(listOf(text('Kind of repair.'), { description: 'What the ws-proxy repaired.' })),
    latencyMs: maybe(number('Of an answer: since its CALL on this connection; ms.')),
    problem: maybe(text('Why it was unreadable, or went no further.')),
    reason: maybe(text('Of `disconnected`: why.')),
    lost: maybe(number('Of `gap`: number of frames.')),
  },
);
export const RecordedFramePage = pageOf(
  'RecordedFramePage',
  RecordedFrame,
  'Frames, the oldest first. `next` is always present.',
);
