/** The trial is a judge: a good rollout passes, and each way to be bad fails in its own line. */
import test from 'ava';
import { NO_MOVES, OBSERVATION } from './observation.ts';
import {
  completed,
  type Expectation,
  movedOnce,
  nothingLost,
  type Observation,
  paced,
  portionOf,
  reportAgrees,
  spread,
  table,
  wentBack,
} from './expectations.ts';
import { isOfRedis } from './sampler.ts';

const rollout = (seen: Observation): Expectation[] => [
  ...completed(seen),
  ...movedOnce(seen),
  ...reportAgrees(seen),
  ...paced(seen),
  spread(seen, 0.1),
  ...nothingLost(seen),
];
const failures = (expectations: readonly Expectation[]) =>
  expectations.filter(({ ok }) => !ok).map(({ what }) => what);

test('a clean rollout passes', (t) => {
  t.deepEqual(failures(rollout(OBSERVATION)), []);
});

const { moves, summary, stream, rollout: report } = OBSERVATION;
const BAD: readonly (readonly [what: string, seen: Partial<Observation>])[] = [
  ['CALLs lost', { summary: { ...summary, lost: 1 } }],
  ['CALLs never sent', { summary: { ...summary, unsent: 1 } }],
  ['CALLs answered twice', { summary: { ...summary, duplicated: 1 } }],
  ['CALLs answered wrongly', { summary: { ...summary, wrong: 1 } }],
  ['transactions missing, doubled or wrong in the bills', { stream: { ...stream, doubled: 1 } }],
  ['stations connected at the end', { onlineAtEnd: 99 }],
  ['moves per station', { moves: { ...moves, moves: 101 } }],
  ['stations moved more than once', { moves: { ...moves, movedAgain: 1 } }],
  ['connections that ended otherwise', { moves: { ...moves, drops: 1 } }],
  ['closes in any second', { moves: { ...moves, peakClosesPerSecond: 23 } }],
  ['returns in any second (rate and chance)', { moves: { ...moves, peakReturnsPerSecond: 40 } }],
  ['stations of a new Pod differ from the average by', { sessionsOfNewPods: [60, 40] }],
  ['phase of the rollout', { rollout: report && { ...report, phase: 'Aborted' } }],
  ['closes with an open CALL', { rollout: report && { ...report, forced: 1 } }],
  ['gap p99 in seconds, by the report', { moves: { ...moves, gapSeconds: { p50: 5, p99: 20 } } }],
  ['moved, by the report', { rollout: report && { ...report, moved: 98 } }],
];
for (const [what, seen] of BAD) {
  test(`a failure: ${what}`, (t) => {
    t.true(failures(rollout({ ...OBSERVATION, ...seen })).includes(what));
  });
}

test('without a report nothing that it should say passes', (t) => {
  const seen = { ...OBSERVATION, rollout: undefined };
  t.true([...completed(seen), ...reportAgrees(seen)].every(({ ok }) => !ok));
});

test('a spread that leaves stations on old Pods fails', (t) => {
  t.false(spread({ ...OBSERVATION, sessionsOfNewPods: [49, 49] }, 0.1).ok);
  t.false(spread({ ...OBSERVATION, sessionsOfNewPods: [] }, 0.1).ok);
});

test('a release that refuses may move its first portion, and all have to be back', (t) => {
  const back: Observation = {
    ...OBSERVATION,
    rollout: report && { ...report, phase: 'Aborted' },
    degraded: 'RolloutAborted',
    moves: { ...NO_MOVES, moves: 12, moved: 10 },
    sessionsOfOldPods: [50, 50],
    sessionsOfNewPods: [],
  };
  t.deepEqual(failures(wentBack(back)), []);
  t.deepEqual(failures(wentBack({ ...back, moves: { ...back.moves, moved: 11 } })), ['stations moved']);
  t.deepEqual(failures(wentBack({ ...back, sessionsOfOldPods: [50, 49] })), ['stations on the old Pods']);
  t.deepEqual(failures(wentBack({ ...back, degraded: '' })), ['Degraded because of']);
  t.is(portionOf(100), 10);
  t.is(portionOf(2050), 21);
});

test('the table has a line for each expectation, which says what failed', (t) => {
  const lines = table('clean', [
    { what: 'moves per station', measured: '1.00', wanted: '1.00', ok: true },
    { what: 'CALLs lost', measured: '2', wanted: '0', ok: false },
  ]).split('\n');
  t.is(lines.length, 3);
  t.regex(lines[0] ?? '', /^clean +moves per station +1\.00 +1\.00 +ok$/);
  t.regex(lines[1] ?? '', /^clean +CALLs lost +2 +0 +FAILED$/);
});

test('only the Pod of Redis may fail to start while Redis is replaced', (t) => {
  const redis = 'Pod city-redis-0 does not start: FailedMount: volumes [data]';
  t.true(isOfRedis(redis, 'city'));
  t.false(isOfRedis(`${redis}; Pod city-ws-proxy-5f-kr does not start: ErrImagePull`, 'city'));
  t.false(isOfRedis('', 'city'));
});
