/** Events that the API server does not accept are retried, within bounds. */
import test from 'ava';
import { createEventRecorder } from '../../../operator/controller/events.ts';
import { type KubeObject, StoreError, type StoreErrorCode } from '../../../operator/kube/object-store.ts';
import { systemClock } from '../../../services/runtime/clock.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

const about: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'subject', namespace: 'default', uid: 'uid' },
};

type Event = KubeObject & { readonly reason: string; readonly count: number };

/** `answer` decides the result of each write by its number, from 1. */
function recorderOn(answer: (attempt: number) => Promise<void>, quietMs = 1) {
  const attempts: string[] = [];
  const written: string[] = [];
  const log = memoryLog();
  const recorder = createEventRecorder({
    store: {
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
