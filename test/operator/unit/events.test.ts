/** Events are a history that continues with the next leader; those that the API server does not accept are retried, within bounds. */
import test from 'ava';
import { createEventRecorder } from '../../../operator/controller/events.ts';
import { type KubeObject, StoreError, type StoreErrorCode } from '../../../operator/kube/object-store.ts';
import { MemoryObjectStore } from '../../../operator/local/api-server/memory-object-store.ts';
import { expireEvents } from '../../../operator/local/event-expiry.ts';
import { EVENTS } from '../../../operator/render/resources.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

const about: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'subject', namespace: 'default', uid: 'uid' },
};

type Event = KubeObject & {
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
};

/** `answer` decides the result of each write by its number, from 1. */
function recorderOn(answer: (attempt: number) => Promise<void>, quietMs = 1) {
  const attempts: string[] = [];
  const written: string[] = [];
  const log = memoryLog();
  const recorder = createEventRecorder({
    store: {
      get: () => Promise.resolve(undefined),
      async apply(object) {
        const { reason, count } = object as Event;
        attempts.push(reason);
        await answer(attempts.length);
        written.push(`${reason} ${count}`);
        return { object, changed: true };
      },
    },
    component: 'ocpp-operator',
    instance: 'pod-1',
    log,
    clock: systemClock,
    quietMs,
    retry: { minMs: 1, maxMs: 4 },
    stopMs: 100,
  });
  return { recorder, attempts, written, log };
}

const failing = (code: StoreErrorCode) => Promise.reject(new StoreError(code, code));

for (const code of ['unavailable', 'throttled', 'unauthenticated'] as const) {
  test(`${code}: an Event is written in the end, with all that happened meanwhile`, async (t) => {
    const { recorder, written } = recorderOn((n) => (n <= 5 ? failing(code) : Promise.resolve()));
    recorder.record(about, 'Warning', 'RedisLost', 'no answer');
    recorder.record(about, 'Warning', 'RedisLost', 'no answer');
    await until(() => written.length > 0, 'it is written');
    t.deepEqual(written, ['RedisLost 2']);
    await recorder.stop();
  });
}

test('a refused Event is not retried; one that keeps failing is tried ten times', async (t) => {
  const refused = recorderOn(() => failing('forbidden'));
  refused.recorder.record(about, 'Normal', 'Refused', '');
  const never = recorderOn(() => failing('unavailable'));
  never.recorder.record(about, 'Normal', 'Never', '');
  await until(() => never.attempts.length >= 10, 'ten attempts');
  await Promise.all([refused.recorder.stop(), never.recorder.stop()]);
  t.is(refused.attempts.length, 1);
  t.is(never.attempts.length, 10);
  t.is(never.log.lines.filter(({ level }) => level === 'warn').length, 10, 'each failure is logged');
});

test('an API server that hangs does not delay the shutdown', async (t) => {
  const { recorder, attempts, written } = recorderOn(() => new Promise(() => {}));
  recorder.record(about, 'Normal', 'Hanging', '');
  await until(() => attempts.length > 0, 'it is tried');
  await recorder.stop();
  t.deepEqual(written, []);
});

test('an Event does not wait because another one was just written', async (t) => {
  const { recorder, written } = recorderOn(() => Promise.resolve(), 60_000);
  recorder.record(about, 'Warning', 'RedisLost', '');
  await until(() => written.length === 1, 'the first is written');
  recorder.record(about, 'Normal', 'RedisReady', '');
  await until(() => written.length === 2, 'the second is written');
  t.deepEqual(written, ['RedisLost 1', 'RedisReady 1']);
  await recorder.stop();
});

/** Operators one after another on one API server, with a clock that the test moves. */
function history() {
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead };
  const store = new MemoryObjectStore({ clock, newUid: () => 'uid' });
  const found = async () => (await store.list(EVENTS)).items as readonly Event[];
  return {
    store,
    clock,
    recorder: () =>
      createEventRecorder({
        store,
        component: 'ocpp-operator',
        instance: 'pod',
        log: memoryLog(),
        clock,
        quietMs: 1,
      }),
    later: (ms: number) => (ahead += ms),
    found,
    /** `message ×count`, oldest first. */
    told: async () => {
      const events = await found();
      return events.map(({ message, count }) => `${message} ×${count}`).sort();
    },
  };
}

test('another message is another Event, the same message counts up', async (t) => {
  const { recorder, told } = history();
  const one = recorder();
  for (const message of ['scaled from 2 to 4', 'scaled from 4 to 6', 'scaled from 4 to 6'])
    one.record(about, 'Normal', 'ScaledProxies', message);
  await until(async () => (await told()).length === 2, 'two Events');
  await one.stop();
  t.deepEqual(await told(), ['scaled from 2 to 4 ×1', 'scaled from 4 to 6 ×2']);
});

test('a new leader continues the count and keeps the first time', async (t) => {
  const { recorder, told, found, later } = history();
  for (const count of [1, 2, 3]) {
    const leader = recorder();
    leader.record(about, 'Warning', 'RedisLost', 'no answer');
    await until(async () => (await told())[0] === `no answer ×${count}`, `count ${count}`);
    await leader.stop();
    later(60_000);
  }
  const [event] = await found();
  const apart = Date.parse(event?.lastTimestamp ?? '') - Date.parse(event?.firstTimestamp ?? '');
  t.true(apart >= 119_000 && apart <= 125_000, `${apart} ms between the first and the last`);
});

test('a flapping object gets 25 Events, then one for each reason, and more with time', async (t) => {
  const { recorder, told, later } = history();
  const one = recorder();
  for (let n = 0; n < 40; n += 1) one.record(about, 'Normal', 'Flaps', `state ${n}`);
  const other = { ...about, metadata: { ...about.metadata, name: 'other', uid: 'other' } };
  one.record(other, 'Normal', 'Flaps', 'of another object');
  const combined = '(combined from similar events): state 39 ×15';
  await until(async () => (await told()).length === 27, 'the Events');
  t.true((await told()).includes(combined));
  t.true((await told()).includes('of another object ×1'));
  later(300_000);
  one.record(about, 'Normal', 'Flaps', 'state 40');
  one.record(about, 'Normal', 'Flaps', 'state 41');
  await until(async () => (await told()).length === 28, 'one more');
  await one.stop();
  t.true((await told()).includes('state 40 ×1'));
});

test('npm start forgets Events after an hour', async (t) => {
  const { recorder, told, later, store, clock } = history();
  const one = recorder();
  one.record(about, 'Normal', 'Old', 'old');
  later(3_000_000);
  one.record(about, 'Normal', 'Young', 'young');
  await until(async () => (await told()).length === 2, 'two Events');
  await one.stop();
  await expireEvents(store, clock.now());
  t.is((await told()).length, 2);
  later(700_000);
  await expireEvents(store, clock.now());
  t.deepEqual(await told(), ['young ×1']);
});
