/** What the status says of a rollout: Events of its phases, and load balancers that leave it too little time. */
import test from 'ava';
import { defaultedSpec } from '../../../operator/api/defaults.ts';
import type { OcppClusterStatus, RolloutStatus } from '../../../operator/api/ocpp-cluster.ts';
import { deregistrationProblems } from '../../../operator/status/deregistration.ts';
import { eventsBetween } from '../../../operator/status/events.ts';

const AT = '2026-11-29T01:00:00Z';
const rollout = (phase: RolloutStatus['phase'], more: Partial<RolloutStatus> = {}): OcppClusterStatus => ({
  rollout: { id: 'r1', phase, toSet: 'city-ws-proxy-b', startedTime: AT, phaseTime: AT, ...more },
});
const named = (before: OcppClusterStatus | undefined, after: OcppClusterStatus) =>
  eventsBetween(before, after).map(({ type, reason }) => `${type} ${reason}`);

const STEPS: readonly (readonly [RolloutStatus['phase'], RolloutStatus['phase'], readonly string[]])[] = [
  ['Preparing', 'Switching', ['Normal RolloutSwitched']],
  ['Switching', 'FirstPortion', []],
  ['FirstPortion', 'Moving', ['Normal RolloutMoving']],
  ['Moving', 'Moving', []],
  ['Moving', 'Completed', ['Normal RolloutCompleted']],
  ['Moving', 'GoingBack', ['Warning RolloutGoingBack']],
  ['GoingBack', 'Aborted', ['Warning RolloutAborted']],
];
for (const [from, to, events] of STEPS)
  test(`a rollout from ${from} to ${to}: ${events.join() || 'no Event'}`, (t) => {
    t.deepEqual(named(rollout(from), rollout(to)), events);
  });

test('a new leader repeats no Event, and the next rollout has its own', (t) => {
  t.deepEqual(named(rollout('Completed'), rollout('Completed')), []);
  t.deepEqual(named(rollout('Completed'), rollout('Completed', { id: 'r2' })), ['Normal RolloutCompleted']);
});

test('the Event of its end has the figures', (t) => {
  const figures = {
    moved: 400,
    returned: 399,
    gapSeconds: { p50: 6, p99: 13 },
    message: 'all stations have moved',
  };
  const [event] = eventsBetween(rollout('Moving'), rollout('Completed', figures));
  t.is(
    event?.message,
    'city-ws-proxy-b: all stations have moved; 400 stations moved, 399 returned, half of them within 6 s, 99 % within 13 s',
  );
});

test('a load balancer that cuts connections before a rollout can end is named, with both remedies', (t) => {
  const of = (service: object, sessions: number | undefined) => {
    const metadata = { name: 'city' };
    const spec = { proxy: { service, drain: { ratePerSecond: 100 } } };
    const cluster = { apiVersion: 'ocpp.dev/v1alpha1', kind: 'OcppCluster', metadata, spec };
    return deregistrationProblems(defaultedSpec(cluster), sessions);
  };
  t.deepEqual(of({}, 50_000), [], 'not given');
  t.deepEqual(of({ deregistrationSeconds: 300 }, undefined), [], 'unknown is not many');
  t.deepEqual(of({ deregistrationSeconds: 300 }, 30_000), []);
  const [problem] = of({ deregistrationSeconds: 300 }, 30_001);
  t.is(problem?.reason, 'DeregistrationTooShort');
  t.regex(
    problem?.message ?? '',
    /takes 301 s .* after 300 s .* Raise the deregistration delay .* or the rate/,
  );
});
