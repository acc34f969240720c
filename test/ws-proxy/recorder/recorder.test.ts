/** The recorder of a proxy: which stations, what an entry has, and what becomes of frames that the store does not take. */
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import type { RecordedEntry } from '../../../services/transport/recorder/recorded-frames.ts';
import {
  readRecorded,
  RECORDED_KEPT,
  RECORDED_TEXT,
  RecordedBound,
  recordedFields,
} from '../../../services/transport/recorder/recorded-frames.ts';
import { RECORDER, RECORDINGS } from '../../../services/transport/recorder/recordings.ts';
import { MemoryState } from '../../../services/transport/memory/state.ts';
import type { FrameEvent, RecordedSocket } from '../../../services/station-server/frame-recorder.ts';
import { isInShare, RecordedStations } from '../../../services/ws-proxy/recorder/recorded-stations.ts';
import type { Lost } from '../../../services/ws-proxy/metrics.ts';
import { Recorder } from '../../../services/ws-proxy/recorder/recorder.ts';

const socketOf = (stationId: string): RecordedSocket => ({
  session: { stationId, protocol: 'ocpp1.6', remoteAddress: '' },
  epoch: 7,
});
const frame = (direction: 'in' | 'out', text: string, more: Partial<FrameEvent> = {}): FrameEvent => {
  const [type, messageId] = JSON.parse(text) as [number, string];
  return { kind: 'frame', direction, type, messageId, text, bytes: text.length, ...more };
};

/** Without what is absent. */
const factsOf = ({ type, action, latencyMs, problem, reason }: RecordedEntry): unknown =>
  JSON.parse(JSON.stringify({ type, action, latencyMs, problem, reason }));

/** A recorder with a clock and a store of the test. */
async function world({
  share = 0,
  recorded = ['CP-1'],
}: { share?: number; recorded?: readonly string[] } = {}) {
  const clock = { ms: 1_000_000, now: () => clock.ms };
  const state = new MemoryState(clock);
  const settings = { share };
  const store = {
    isFull: false,
    taken: [] as RecordedEntry[],
    /** Entries of each write. */
    writes: [] as number[],
    failure: undefined as Error | undefined,
    wait: Promise.resolve(),
  };
  const lost: (readonly [number, Lost])[] = [];
  const errors: Error[] = [];
  const until = clock.ms + 60_000;
  if (recorded.length > 0) {
    const recordings = recorded.map((name) => [name, JSON.stringify({ since: 0, until, by: 'x' })]);
    state.apply({
      kind: 'set',
      key: RECORDINGS,
      fields: Object.fromEntries(recordings) as Record<string, string>,
    });
    state.apply({ kind: 'set', key: RECORDER, fields: { revision: '1', key: 'k' } });
  }
  const reads = { failure: undefined as Error | undefined };
  const stations = new RecordedStations({
    state: {
      record: (key) => state.record(key),
      fields: (...key) => (reads.failure ? Promise.reject(reads.failure) : state.fields(...key)),
      amend: (amendment) => state.amend(amendment),
    },
    share: () => settings.share,
    clock,
    onError: (error) => errors.push(error),
  });
  const gateway = {
    isFull: () => store.isFull,
    events: {
      emit: () => undefined,
      keepUnreadable: () => undefined,
      noteRefused: () => undefined,
      async recordFrames(entries: readonly RecordedEntry[]) {
        await store.wait;
        if (store.failure !== undefined) throw store.failure;
        store.taken.push(...entries);
        store.writes.push(entries.length);
      },
    },
  };
  const observer = {
    recorded: () => undefined,
    lost: (frames: number, why: Lost) => void lost.push([frames, why]),
  };
  const recorder = new Recorder({ stations, gateway, clock, observer });
  await stations.read();
  const settle = async () => {
    for (let turns = 0; turns < 50; turns++) await turn();
  };
  return { clock, state, settings, store, lost, errors, stations, recorder, reads, settle };
}

test('an answer has the action and the latency of its CALL, in both directions', async (t) => {
  const { clock, recorder, store, settle } = await world();
  const socket = socketOf('CP-1');
  recorder.opened(socket);
  recorder.record(
    socket,
    frame('in', '[2,"1","Authorize",{"idTag":"AB12"}]', { repairs: ['message-id', 'payload'] }),
  );
  recorder.record(socket, frame('out', '[2,"c","Reset",{"type":"Soft"}]'));
  clock.ms += 30;
  recorder.record(socket, frame('out', '[3,"1",{"idTagInfo":{"status":"Accepted"}}]'));
  clock.ms += 10;
  recorder.record(socket, frame('in', '[4,"c","NotSupported","no",{}]'));
  recorder.record(socket, frame('in', '[3,"c",{}]', { problem: 'late-answer' }));
  recorder.record(socket, { kind: 'unreadable', problem: 'not-json', bytes: 9 });
  recorder.record(socket, { kind: 'unanswered', messageId: 'x' });
  recorder.closed(socket, 'silent');
  await settle();
  const about = { station: 'CP-1', connection: 7, protocol: 'ocpp1.6' };
  t.like(store.taken[1], { ...about, type: 'call', action: 'Authorize', repairs: ['message-id', 'payload'] });
  t.regex(store.taken[1]?.text ?? '', /^\[2,"1","Authorize",\{"idTag":"TAG-[0-9A-F]{16}"\}\]$/);
  t.deepEqual(store.taken.map(factsOf), [
    { type: 'connected' },
    { type: 'call', action: 'Authorize' },
    { type: 'call', action: 'Reset' },
    { type: 'result', action: 'Authorize', latencyMs: 30 },
    { type: 'error', action: 'Reset', latencyMs: 40 },
    { type: 'result', problem: 'late-answer' },
    { type: 'unreadable', problem: 'not-json' },
    { type: 'unanswered' },
    { type: 'disconnected', reason: 'silent' },
  ]);
  t.deepEqual(
    store.taken.map((entry) => readRecorded(recordedFields(entry))),
    store.taken,
    'what is stored is what is read',
  );
});

test('a long text is cut after its redaction', async (t) => {
  const { recorder, store, settle } = await world();
  recorder.record(
    socketOf('CP-1'),
    frame('in', `[2,"1","StatusNotification",{"info":"${'x'.repeat(20_000)}"}]`),
  );
  await settle();
  t.like(store.taken[0], { truncated: true, bytes: 20_040 });
  t.is(store.taken[0]?.text?.length, RECORDED_TEXT);
});

test('a store that fails, hangs or is full loses frames: they are counted, and a gap says how many', async (t) => {
  const { recorder, store, lost, settle } = await world();
  const socket = socketOf('CP-1');
  const add = (count: number) => {
    for (let i = 0; i < count; i++) recorder.record(socket, frame('in', `[2,"${i}","Heartbeat",{}]`));
  };
  store.failure = new Error('away');
  add(3);
  await settle();
  store.failure = undefined;
  store.isFull = true;
  add(2);
  await settle();
  store.isFull = false;
  t.deepEqual(lost, [
    [3, 'store'],
    [2, 'memory'],
  ]);
  add(1);
  await settle();
  t.like(store.taken, [{ type: 'gap', lost: 5, station: 'CP-1' }, { type: 'call' }]);

  const { promise, resolve } = Promise.withResolvers<void>();
  store.wait = promise;
  store.taken.length = 0;
  add(1);
  await settle();
  add(2500);
  t.is(
    lost.slice(2).reduce((sum, [frames]) => sum + frames, 0),
    500,
  );
  t.deepEqual(lost.at(-1), [1, 'buffer']);
  resolve();
  await settle();
  t.is(store.taken.filter(({ type }) => type === 'call').length, 2001);
  t.is(store.taken.find(({ type }) => type === 'gap')?.lost, 500);
});

test('texts that wait are bounded too', async (t) => {
  const { recorder, lost } = await world();
  const long = 'x'.repeat(1_000_000);
  for (let i = 0; i < 6; i++)
    recorder.record(socketOf('CP-1'), frame('in', `[2,"${i}","X",{"info":"${long}"}]`));
  t.deepEqual(lost, [
    [1, 'buffer'],
    [1, 'buffer'],
  ]);
});

test('a recording ends by itself, by a change, and not because the store is away', async (t) => {
  const { clock, state, stations, reads, errors } = await world({ recorded: ['CP-1', 'CP-2'] });
  t.deepEqual([stations.has('CP-1'), stations.has('CP-3'), stations.size], [true, false, 2]);
  reads.failure = new Error('away');
  await stations.read();
  t.true(stations.has('CP-1'));
  t.is(errors.length, 1);
  reads.failure = undefined;
  state.apply({ kind: 'unset', key: RECORDINGS, names: ['CP-2'] });
  await stations.read();
  t.true(stations.has('CP-2'), 'the recordings are read when their revision changes');
  state.apply({ kind: 'set', key: RECORDER, fields: { revision: '2' } });
  await stations.read();
  t.false(stations.has('CP-2'));
  clock.ms += 60_001;
  reads.failure = new Error('away');
  await stations.read();
  t.false(stations.has('CP-1'));
});

test('a share of all stations is recorded: the same ones everywhere, and it changes while the proxy runs', async (t) => {
  const names = Array.from({ length: 10_000 }, (_, i) => `CP-${i}`);
  const chosen = names.filter((name) => isInShare(name, 0.01));
  t.true(chosen.length > 60 && chosen.length < 140, String(chosen.length));
  t.true(
    chosen.every((name) => isInShare(name, 0.02)),
    'a greater share adds stations',
  );
  t.deepEqual([names.filter((name) => isInShare(name, 0)).length, isInShare('x', 1)], [0, true]);

  const { settings, stations, recorder, state, store, settle } = await world({ recorded: [] });
  t.is(stations.size, 0);
  const [first = '', second = ''] = chosen;
  recorder.opened(socketOf(first));
  recorder.opened(socketOf('CP-9999'));
  settings.share = 0.01;
  await stations.read();
  t.truthy(await state.field(RECORDER, 'key'), 'a key of pseudonyms is made');
  t.deepEqual([stations.has(first), stations.has(second)], [true, false]);
  recorder.opened(socketOf(second));
  t.true(stations.has(second));
  recorder.closed(socketOf(second), 'station');
  t.false(stations.has(second));
  await settle();
  t.deepEqual(
    store.taken.map(({ type }) => type),
    ['connected', 'disconnected'],
  );
  settings.share = 0;
  await stations.read();
  t.is(stations.size, 0);
});

test('a station of the share stays recorded while one of its sockets is open', async (t) => {
  const { settings, stations, recorder } = await world({ recorded: [] });
  settings.share = 1;
  await stations.read();
  recorder.opened(socketOf('CP-1'));
  // It replaces one that is half open, which is closed later.
  recorder.opened(socketOf('CP-1'));
  recorder.closed(socketOf('CP-1'), 'replaced');
  t.true(stations.has('CP-1'));
  settings.share = 0.999_999;
  await stations.read();
  t.true(stations.has('CP-1'), 'chosen among the connected ones again');
  recorder.closed(socketOf('CP-1'), 'station');
  t.false(stations.has('CP-1'));
  settings.share = 1;
  await stations.read();
  t.is(stations.size, 0);
});

test('the stream keeps fewer entries if they are long', (t) => {
  const entry = (text: string): RecordedEntry => ({
    at: 1,
    station: 'x',
    connection: 1,
    protocol: '',
    type: 'call',
    text,
  });
  const bound = new RecordedBound();
  t.is(bound.with([entry('x'.repeat(300))]), RECORDED_KEPT);
  const long = Array.from({ length: 5000 }, () => entry('x'.repeat(RECORDED_TEXT)));
  const kept = bound.with(long);
  t.true(kept > 3900 && kept < 4200, String(kept));
  const wide = Array.from({ length: 5000 }, () => entry('汉'.repeat(RECORDED_TEXT)));
  const keptWide = bound.with(wide);
  t.true(keptWide > 1300 && keptWide < 1400, String(keptWide));
});

test('long frames are redacted a few at a time, and the payload of a very long one is left out', async (t) => {
  const { recorder, store, settle } = await world();
  const socket = socketOf('CP-1');
  const info = (characters: number) =>
    frame('in', `[2,"1","StatusNotification",{"info":"${'x'.repeat(characters)}"}]`);
  for (const characters of [1, 30_000, 30_000, 30_000, 70_000, 1]) recorder.record(socket, info(characters));
  await settle();
  t.deepEqual(store.writes, [3, 1, 1, 1]);
  t.like(store.taken[4], {
    action: 'StatusNotification',
    text: '[2,"1","StatusNotification","[redacted]"]',
    truncated: true,
  });
  t.is(store.taken[5]?.truncated, undefined);
});
