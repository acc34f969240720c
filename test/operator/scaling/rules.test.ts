/** The rules of processor autoscaling one by one. */
import test from 'ava';
import type { ProcessorScaleInput } from '../../../operator/scaling/decision.ts';
import { decideProcessors } from '../../../operator/scaling/processors.ts';
import { ago, calm, IDLE, input, load, NOW, SPEC } from './situations.ts';

interface Rule {
  readonly name: string;
  readonly given: ProcessorScaleInput;
  readonly replicas: number;
  readonly reason?: string;
  readonly says?: RegExp;
}
const HELD = { reason: 'SignalsMissing' };
const RULES: readonly Rule[] = [
  { name: 'scale-out is immediate', given: input(2, load(450)), replicas: 5, reason: 'FollowingQueue' },
  {
    name: 'scale-out from a small number adds at most four',
    given: input(2, load(1800)),
    replicas: 6,
    says: /scale-out to 20 in steps/,
  },
  { name: 'scale-out from a large number at most doubles it', given: input(8, load(1800)), replicas: 16 },
  {
    name: 'the next scale-out step waits 15 s',
    given: input(6, load(1800), { previous: { scaleOut: { since: ago(14), from: 2 } } }),
    replicas: 6,
    says: /within 15 s/,
  },
  {
    name: 'a part of a step leaves the rest for the same 15 s',
    given: input(3, load(1800), { previous: { scaleOut: { since: ago(5), from: 2 } } }),
    replicas: 6,
  },
  {
    name: 'after 15 s it continues',
    given: input(6, load(1800), { previous: { scaleOut: { since: ago(15), from: 2 } } }),
    replicas: 12,
  },
  {
    name: 'a time slightly in the future, by another leader, counts as now',
    given: input(6, load(1800), { previous: { scaleOut: { since: ago(-20), from: 2 } } }),
    replicas: 6,
    says: /within 15 s/,
  },
  {
    name: 'a leader with a clock one hour ahead does not block the next leader for an hour',
    given: input(6, load(1800), { previous: { scaleOut: { since: ago(-3600), from: 2 } } }),
    replicas: 12,
  },
  {
    name: 'a scale-in does not delay a scale-out',
    given: input(6, load(810), { previous: { lastScaleTime: ago(2), lastScaleDirection: 'Down' } }),
    replicas: 9,
  },
  {
    name: 'frames that wait while Pods start ask for no more of them',
    given: input(4, load(260, { depth: 30_000, oldestSeconds: 20 }), {
      deployment: { replicas: 4, readyReplicas: 1, rolling: false },
      previous: { lastScaleTime: ago(10), lastScaleDirection: 'Up' },
    }),
    replicas: 4,
  },
  {
    name: 'arrivals that rise meanwhile do',
    given: input(4, load(500, { depth: 30_000, oldestSeconds: 20 }), {
      deployment: { replicas: 4, readyReplicas: 1, rolling: false },
      previous: { lastScaleTime: ago(10), lastScaleDirection: 'Up' },
    }),
    replicas: 7,
  },
  {
    name: 'Pods that do not become ready hinder nothing for long',
    given: input(4, load(360, { depth: 30_000, oldestSeconds: 20 }), {
      deployment: { replicas: 4, readyReplicas: 1, rolling: false },
      previous: {
        lastScaleTime: ago(120),
        lastScaleDirection: 'Up',
        growth: { replicas: 1, since: ago(130), completedPerSecond: 100 },
      },
    }),
    replicas: 8,
  },
  {
    name: 'no processor is ready and a frame waits: one more at once',
    given: input(1, load(1, { depth: 1, oldestSeconds: 0.1 }), {
      deployment: { replicas: 1, readyReplicas: 0, rolling: false },
    }),
    replicas: 2,
    says: /no processor is ready while frames wait: one more is started/,
  },
  {
    name: 'and not another one in the next pass',
    given: input(2, load(1, { depth: 9, oldestSeconds: 3 }), {
      deployment: { replicas: 2, readyReplicas: 0, rolling: false },
      previous: { outage: { replicas: 1 } },
    }),
    replicas: 2,
  },
  {
    name: 'a processor that has just started is waited for',
    given: input(1, load(1, { depth: 1, oldestSeconds: 0.1 }), {
      deployment: { replicas: 1, readyReplicas: 0, rolling: false, starting: 1 },
    }),
    replicas: 1,
  },
  {
    name: 'work in flight is no backlog, however much it is',
    given: input(4, load(320, { inFlight: 1280 })),
    replicas: 4,
    reason: 'FollowingQueue',
  },
  {
    name: 'a load that was above the maximum a moment ago is still called limited',
    given: input(20, load(1690), { previous: { lastLimitedTime: ago(60) } }),
    replicas: 20,
    reason: 'Limited',
  },
  {
    name: 'and after two minutes no longer',
    given: input(20, load(1690), { previous: { lastLimitedTime: ago(120) } }),
    replicas: 20,
    reason: 'FollowingQueue',
  },
  {
    name: 'a CPU limit that stops the processors is said',
    given: input(2, {
      ...load(100),
      activity: { completedPerSecond: 100, busyShare: 0.5, throttledShare: 0.4 },
    }),
    replicas: 2,
    says: /the CPU limit stops the processors for 40 % of the time/,
  },
  {
    name: 'never above the maximum',
    given: input(18, load(8100)),
    replicas: 20,
    reason: 'Limited',
    says: /90 recommended; at most maxReplicas \(20\)/,
  },
  { name: 'scale-in removes one per minute', given: input(5, load(0), { previous: calm(1) }), replicas: 4 },
  {
    name: 'scale-in from a large number removes a quarter',
    given: input(40, load(0), { spec: { ...SPEC, maxReplicas: 99 }, previous: calm(1) }),
    replicas: 30,
  },
  {
    name: 'no scale-in before the minute is over',
    given: input(5, load(0), { previous: { ...calm(1), lastScaleTime: ago(59) } }),
    replicas: 5,
    says: /next step within 60 s/,
  },
  {
    name: 'a short window shortens the interval',
    given: input(5, load(0), {
      spec: { ...SPEC, scaleDownStabilizationSeconds: 10 },
      previous: { recommendations: [{ at: ago(9), replicas: 1 }], lastScaleTime: ago(11) },
    }),
    replicas: 4,
  },
  {
    name: 'no scale-in below the recommendations in the window',
    given: input(5, load(0), { previous: { recommendations: [{ at: ago(299), replicas: 5 }] } }),
    replicas: 5,
    says: /held by the 300 s stabilization window/,
  },
  {
    name: 'without history it waits for the whole window',
    given: input(5, load(0)),
    replicas: 5,
    says: /window/,
  },
  {
    name: 'a window that is shorter than the time between two decisions scales in, too',
    given: input(5, load(0), {
      spec: { ...SPEC, scaleDownStabilizationSeconds: 0 },
      previous: { recommendedReplicas: 1, recommendations: [{ at: ago(5), replicas: 1 }] },
    }),
    replicas: 4,
  },
  {
    name: 'but not after a time without figures',
    given: input(5, load(0), {
      spec: { ...SPEC, scaleDownStabilizationSeconds: 0 },
      previous: { recommendations: [{ at: ago(5), replicas: 5 }] },
    }),
    replicas: 5,
  },
  {
    name: 'no scale-in during a rollout',
    given: input(5, load(0), {
      previous: calm(1),
      deployment: { replicas: 5, readyReplicas: 5, rolling: true },
    }),
    replicas: 5,
    says: /no scale-in to \d+ during a rollout/,
  },
  {
    name: 'no scale-in while fewer Pods are ready than recommended',
    given: input(5, load(250), {
      previous: calm(3),
      deployment: { replicas: 5, readyReplicas: 2, rolling: false },
    }),
    replicas: 5,
    says: /not ready/,
  },
  {
    name: 'surplus Pods that no node can run are removed, ready ones stay',
    given: input(40, load(0), {
      spec: { ...SPEC, maxReplicas: 40 },
      previous: calm(1),
      deployment: { replicas: 40, readyReplicas: 38, rolling: false },
    }),
    replicas: 38,
  },
  {
    name: 'a missing reading of the queue holds',
    given: input(5, { arrivalRate: 0 }, { previous: calm(1) }),
    replicas: 5,
    ...HELD,
  },
  {
    name: 'a missing arrival rate holds',
    given: input(5, { queue: IDLE }, { previous: calm(1) }),
    replicas: 5,
    ...HELD,
  },
  {
    name: 'a stale reading holds',
    given: input(5, load(0, { ageMs: 15_001 }), { previous: calm(1) }),
    replicas: 5,
    ...HELD,
    says: /15 s old/,
  },
  {
    name: 'NaN holds',
    given: input(5, load(0, { depth: Number.NaN }), { previous: calm(1) }),
    replicas: 5,
    ...HELD,
  },
  {
    name: 'an infinite rate holds',
    given: input(5, load(Infinity), { previous: calm(1) }),
    replicas: 5,
    ...HELD,
  },
  { name: 'a negative rate holds', given: input(5, load(-1), { previous: calm(1) }), replicas: 5, ...HELD },
  {
    name: 'with a proxy not read yet, scale-out follows the known rate',
    given: input(2, { ...load(450), arrivalsIncomplete: true }),
    replicas: 5,
    reason: 'FollowingQueue',
  },
  {
    name: 'with a proxy not read yet there is no scale-in',
    given: input(5, { ...load(0), arrivalsIncomplete: true }, { previous: calm(1) }),
    replicas: 5,
    reason: 'FollowingQueue',
    says: /no scale-in while the metrics of a ws-proxy Pod are missing/,
  },
  {
    name: 'a new maximum applies at once, even without readings',
    given: input(5, {}, { spec: { ...SPEC, maxReplicas: 3 } }),
    replicas: 3,
    ...HELD,
  },
  {
    name: 'a new minimum applies at once',
    given: input(1, {}, { spec: { ...SPEC, minReplicas: 3 } }),
    replicas: 3,
    ...HELD,
  },
  {
    name: 'an edited Deployment is reverted',
    given: input(2, load(150), { deployment: { replicas: 9, readyReplicas: 2, rolling: false } }),
    replicas: 2,
  },
  {
    name: 'a new cluster starts with the minimum',
    given: { spec: { ...SPEC, minReplicas: 2 }, signals: {}, previous: {}, now: NOW },
    replicas: 2,
    ...HELD,
  },
  {
    name: 'the message shows the minimum',
    given: input(2, load(0), { spec: { ...SPEC, minReplicas: 2 } }),
    replicas: 2,
    says: /0 recommended; at least minReplicas \(2\)/,
  },
  {
    name: 'mode Off uses spec.processor.replicas',
    given: input(5, load(900), { spec: { ...SPEC, mode: 'Off' }, fixedReplicas: 2 }),
    replicas: 2,
    reason: 'Off',
  },
  {
    name: 'mode Off without it keeps the current number',
    given: input(5, load(900), { spec: { ...SPEC, mode: 'Off' } }),
    replicas: 5,
  },
  {
    name: 'mode Internal ignores spec.processor.replicas and says so',
    given: input(2, load(150), { fixedReplicas: 9 }),
    replicas: 2,
    says: /spec\.processor\.replicas is ignored/,
  },
  {
    name: 'a Prometheus that does not answer holds, and its words are repeated',
    given: input(
      5,
      { ...load(0), problem: 'http://prometheus:9090 did not answer within 3 s' },
      { previous: calm(1) },
    ),
    replicas: 5,
    ...HELD,
    says: /^holding 5: http:\/\/prometheus:9090 did not answer within 3 s$/,
  },
  {
    name: 'mode HPA follows spec.processor.replicas',
    given: input(5, load(810), { spec: { ...SPEC, mode: 'HPA' }, fixedReplicas: 7 }),
    replicas: 7,
    reason: 'FollowingQueue',
    says: /the HorizontalPodAutoscaler decides \(7\); .* 9 recommended/,
  },
  {
    name: 'mode KEDA says that the load is unknown, as KEDA then holds, too',
    given: input(5, {}, { spec: { ...SPEC, mode: 'KEDA' }, fixedReplicas: 5 }),
    replicas: 5,
    ...HELD,
    says: /KEDA decides \(5\); holding 5/,
  },
];

test('each rule of processor autoscaling', (t) => {
  for (const { name, given, replicas, reason, says } of RULES) {
    const decision = decideProcessors(given);
    t.is(decision.replicas, replicas, `${name}: ${decision.condition.message}`);
    t.is(decision.autoscaling.desiredReplicas, replicas, name);
    if (reason !== undefined) t.is(decision.condition.reason, reason, name);
    if (says !== undefined) t.regex(decision.condition.message, says, name);
    const active = decision.condition.status === 'True';
    t.is(active, !['SignalsMissing', 'Off'].includes(decision.condition.reason), name);
  }
});
