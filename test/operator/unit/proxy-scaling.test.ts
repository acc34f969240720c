/** The rules of ws-proxy autoscaling one by one, and together over simulated hours. */
import test from 'ava';
import { array, assert, boolean, integer, option, property, record } from 'fast-check';
import type { DefaultedProxy, ProxyAutoscalingStatus } from '../../../operator/api/ocpp-cluster.ts';
import {
  DELETION_COST,
  processorDeletionCosts,
  proxyDeletionCosts,
} from '../../../operator/reconcile/pod-deletion-costs.ts';
import { decideProxies, type ProxyScaleInput } from '../../../operator/scaling/proxies.ts';

const NOW = Date.parse('2026-11-23T12:00:00Z');
const AUTOSCALING = {
  minReplicas: 2,
  maxReplicas: 10,
  targetSessionsPerPod: 100,
  scaleDownStabilizationSeconds: 600,
};
const SPEC = { replicas: 3, maxSessionsPerPod: 200, autoscaling: AUTOSCALING };
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

/** `replicas` ready proxies, no rollout. */
function input(replicas: number, sessions: number | undefined, more: Partial<ProxyScaleInput> = {}) {
  return {
    spec: SPEC,
    deployment: { replicas, readyReplicas: replicas, rolling: false },
    draining: 0,
    ...(sessions !== undefined && { sessions }),
    now: NOW,
    ...more,
    previous: { desiredReplicas: replicas, ...more.previous },
  } satisfies ProxyScaleInput;
}
/** The window recommends `replicas`, and there was no recent scaling. */
const calm = (replicas: number): ProxyAutoscalingStatus => ({
  recommendations: [{ at: ago(500), replicas }],
});
const settled = (replicas: number, more: object) => ({
  previous: calm(2),
  deployment: { replicas, readyReplicas: replicas, rolling: false, ...more },
});

interface Rule {
  readonly name: string;
  readonly given: ProxyScaleInput;
  readonly replicas: number;
  readonly says?: RegExp;
}
const RULES: readonly Rule[] = [
  {
    name: 'scale-out is immediate and unlimited',
    given: input(2, 701),
    replicas: 8,
    says: /701 stations, 100 per Pod: 8 recommended/,
  },
  {
    name: 'never above the maximum',
    given: input(2, 5000),
    replicas: 10,
    says: /at most maxReplicas \(10\)/,
  },
  { name: 'never below the minimum', given: input(2, 0), replicas: 2, says: /at least minReplicas \(2\)/ },
  {
    name: 'the target is at most 80 % of maxSessionsPerPod',
    given: input(2, 320, { spec: { ...SPEC, maxSessionsPerPod: 50 } }),
    replicas: 8,
    says: /40 per Pod/,
  },
  {
    name: 'scale-out happens also while Pods are not ready and others drain',
    given: input(2, 300, { deployment: { replicas: 2, readyReplicas: 1, rolling: true }, draining: 1 }),
    replicas: 3,
  },
  { name: 'scale-in removes one Pod', given: input(6, 0, { previous: calm(2) }), replicas: 5 },
  {
    name: 'the next scale-in waits five minutes',
    given: input(6, 0, { previous: { ...calm(2), lastScaleTime: ago(299) } }),
    replicas: 6,
    says: /next step within 300 s/,
  },
  {
    name: 'after five minutes it continues',
    given: input(6, 0, { previous: { ...calm(2), lastScaleTime: ago(300) } }),
    replicas: 5,
  },
  {
    name: 'no scale-in below the recommendations in the window',
    given: input(6, 0, { previous: calm(6) }),
    replicas: 6,
    says: /held by the 600 s stabilization window/,
  },
  { name: 'without history it waits for the whole window', given: input(6, 0), replicas: 6, says: /window/ },
  { name: 'scale-in needs headroom', given: input(3, 185, { previous: calm(2) }), replicas: 3 },
  { name: 'the headroom is a tenth', given: input(3, 180, { previous: calm(2) }), replicas: 2 },
  {
    name: 'no scale-in during a rollout',
    given: input(6, 0, settled(6, { rolling: true })),
    replicas: 6,
    says: /no scale-in to 2 during a rollout/,
  },
  {
    name: 'no scale-in while a Pod is not ready',
    given: input(6, 0, settled(6, { readyReplicas: 5 })),
    replicas: 6,
    says: /no scale-in to 2 while Pods are not ready/,
  },
  {
    name: 'no scale-in while a Pod drains',
    given: input(6, 0, { previous: calm(2), draining: 1 }),
    replicas: 6,
    says: /no scale-in to 2 while Pods drain \(1\)/,
  },
  {
    name: 'no scale-in while it is paused',
    given: input(6, 0, { previous: calm(2), holdScaleIn: true }),
    replicas: 6,
    says: /pause-scale-in/,
  },
  {
    name: 'unknown sessions hold',
    given: input(6, undefined, { previous: calm(2) }),
    replicas: 6,
    says: /holding 6/,
  },
  { name: 'NaN holds', given: input(6, Number.NaN, { previous: calm(2) }), replicas: 6, says: /holding 6/ },
  {
    name: 'a higher minimum applies at once, even without readings',
    given: input(2, undefined, { spec: { ...SPEC, autoscaling: { ...AUTOSCALING, minReplicas: 4 } } }),
    replicas: 4,
  },
  {
    name: 'a lower maximum is reached Pod by Pod',
    given: input(30, 2900, { previous: { recommendations: [{ at: ago(10), replicas: 30 }] } }),
    replicas: 29,
  },
  {
    name: 'autoscaling starts from the current number',
    given: { ...input(7, 100), previous: {} },
    replicas: 7,
  },
  {
    name: 'a new cluster starts with the minimum',
    given: { spec: SPEC, draining: 0, now: NOW },
    replicas: 2,
  },
  {
    name: 'an edited Deployment is reverted',
    given: input(3, 250, { deployment: { replicas: 9, readyReplicas: 3, rolling: false } }),
    replicas: 3,
  },
];

test('each rule of ws-proxy autoscaling', (t) => {
  for (const { name, given, replicas, says } of RULES) {
    const decision = decideProxies(given);
    t.is(decision.replicas, replicas, `${name}: ${decision.autoscaling?.reason}`);
    t.is(decision.autoscaling?.desiredReplicas, replicas, name);
    if (says !== undefined) t.regex(decision.autoscaling?.reason ?? '', says, name);
  }
});

test('without autoscaling the spec sets the number, and the status has no autoscaling', (t) => {
  const spec = { replicas: 3, maxSessionsPerPod: 200 };
  t.deepEqual(decideProxies({ spec, draining: 0, sessions: 9999, now: NOW }), { replicas: 3 });
  const more = { deployment: { replicas: 5, readyReplicas: 5, rolling: false }, draining: 0, now: NOW };
  t.is(decideProxies({ spec, ...more }).replicas, 3);
  t.is(decideProxies({ spec, ...more, holdScaleIn: true }).replicas, 5);
});

const SPECS = record({
  minReplicas: integer({ min: 1, max: 5 }),
  more: integer({ min: 0, max: 40 }),
  targetSessionsPerPod: integer({ min: 1, max: 20_000 }),
  scaleDownStabilizationSeconds: integer({ min: 0, max: 3600 }),
  maxSessionsPerPod: integer({ min: 1, max: 20_000 }),
}).map(({ more, maxSessionsPerPod, ...rest }) => ({
  replicas: 2,
  maxSessionsPerPod,
  autoscaling: Object.assign(rest, { maxReplicas: rest.minReplicas + more }),
}));

test('before a scale-in each Pod gets its number of stations as its deletion cost', (t) => {
  const workload = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'p' },
    spec: { replicas: 3 },
  };
  const pod = (name: string, more = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: name, labels: { 'app.kubernetes.io/component': 'ws-proxy' }, ...more },
  });
  const pods = [pod('a'), pod('b'), pod('c', { deletionTimestamp: 'now' }), pod('new')];
  const [processor, redis, proxyService] = [undefined, undefined, undefined];
  const observed = { proxy: workload, proxySets: [workload], processor, redis, proxyService, pods };
  const planned = (replicas: number) => [{ name: 'p', replicas, isRendered: true }];
  const sessionsOf = new Map([
    ['a', 7],
    ['b', 0],
    ['c', 3],
  ]);
  const costs = proxyDeletionCosts(observed, { sessionsOf }, planned(2), 999);
  t.deepEqual(
    costs.map(({ metadata: { uid, annotations } }) => [uid, annotations?.[DELETION_COST]]),
    [
      ['a', '7'],
      ['b', '0'],
      ['new', '999'],
    ],
  );
  for (const replicas of [3, 4])
    t.deepEqual(proxyDeletionCosts(observed, { sessionsOf }, planned(replicas), 999), []);
});

test('before a scale-in each processor gets its number of deliveries in flight as its deletion cost', (t) => {
  const processor = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'p' },
    spec: { replicas: 3 },
  };
  const pods = ['busy', 'idle', 'unknown'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: name, labels: { 'app.kubernetes.io/component': 'processor' } },
  }));
  const observed = {
    proxy: undefined,
    proxySets: [],
    processor,
    redis: undefined,
    proxyService: undefined,
    pods,
  };
  const inFlightOf = new Map([
    ['busy', 40],
    ['idle', 0],
  ]);
  const costs = processorDeletionCosts(observed, { inFlightOf }, 2);
  t.deepEqual(
    costs.map(({ metadata }) => [metadata.name, metadata.annotations?.[DELETION_COST]]),
    [
      ['busy', '40'],
      ['idle', '0'],
      ['unknown', '1000000'],
    ],
  );
  for (const replicas of [0, 3, 4])
    t.deepEqual(processorDeletionCosts(observed, { inFlightOf }, replicas), []);
});

test('property: within the bounds, scale-in by one Pod at most, and only in a stable state', (t) => {
  const moment = record({
    sessions: option(integer({ min: 0, max: 400_000 }), { nil: undefined }),
    unready: integer({ min: 0, max: 2 }),
    rolling: boolean(),
    draining: integer({ min: 0, max: 1 }),
    holdScaleIn: boolean(),
    seconds: integer({ min: 1, max: 400 }),
  });
  assert(
    property(SPECS, array(moment, { minLength: 1, maxLength: 60 }), (spec, moments) => {
      let memory: ProxyAutoscalingStatus | undefined;
      let replicas = spec.autoscaling.minReplicas;
      let now = NOW;
      for (const { sessions, unready, rolling, draining, holdScaleIn, seconds } of moments) {
        now += seconds * 1000;
        const decision = decideProxies({
          spec,
          deployment: { replicas, readyReplicas: replicas - unready, rolling },
          draining,
          ...(sessions !== undefined && { sessions }),
          ...(memory !== undefined && { previous: memory }),
          holdScaleIn,
          now,
        });
        const { minReplicas, maxReplicas } = spec.autoscaling;
        if (decision.replicas < minReplicas || decision.replicas > maxReplicas) return false;
        const unwell = sessions === undefined || unready > 0 || rolling || draining > 0 || holdScaleIn;
        if (decision.replicas < replicas - (unwell ? 0 : 1)) return false;
        if (sessions === undefined && decision.replicas !== replicas) return false;
        // All stations fit, unless the maximum is too low.
        const room = decision.replicas * Math.max(1, spec.maxSessionsPerPod * 0.8);
        if (sessions !== undefined && sessions > room && decision.replicas < maxReplicas) return false;
        if ((decision.autoscaling?.recommendations?.length ?? 0) > 100) return false;
        // A new leader each time: only the status survives.
        memory = JSON.parse(JSON.stringify(decision.autoscaling)) as ProxyAutoscalingStatus;
        replicas = decision.replicas;
      }
      return true;
    }),
  );
  t.pass();
});

/** Hours with stable Pods, one decision every 5 s. @returns the number of Pods after each decision */
function watch(
  spec: ProxyScaleInput['spec'],
  start: number,
  sessionsAt: (seconds: number) => number,
  hours: number,
) {
  const seen: number[] = [];
  let memory: ProxyAutoscalingStatus = { desiredReplicas: start };
  let replicas = start;
  for (let seconds = 0; seconds < hours * 3600; seconds += 5) {
    const decision = decideProxies({
      spec,
      deployment: { replicas, readyReplicas: replicas, rolling: false },
      draining: 0,
      sessions: sessionsAt(seconds),
      previous: memory,
      now: NOW + seconds * 1000,
    });
    memory = decision.autoscaling ?? {};
    replicas = decision.replicas;
    seen.push(replicas);
  }
  return seen;
}

const AUTO = SPECS.map(
  (spec) => spec as ProxyScaleInput['spec'] & { autoscaling: NonNullable<DefaultedProxy['autoscaling']> },
);

test('a number of stations that fluctuates by a twelfth does not make the number of Pods oscillate', (t) => {
  assert(
    property(
      AUTO,
      integer({ min: 1, max: 100_000 }),
      array(integer({ min: -40, max: 40 }), { minLength: 5, maxLength: 40 }),
      (spec, mean, noise) => {
        const sessionsAt = (seconds: number) =>
          mean * (1 + (noise[(seconds / 5) % noise.length] ?? 0) / 1000);
        const seen = watch(spec, spec.autoscaling.minReplicas, sessionsAt, 3);
        return seen.every((replicas, index) => index === 0 || replicas >= (seen[index - 1] ?? 0));
      },
    ),
    { numRuns: 50 },
  );
  t.pass();
});

test('without stations the Pods are removed one by one down to the minimum; scale-out is immediate when stations return', (t) => {
  const spec = { ...SPEC, autoscaling: { ...AUTOSCALING, scaleDownStabilizationSeconds: 300 } };
  const seen = watch(spec, 2, (seconds) => (seconds < 600 || seconds > 7000 ? 950 : 40), 2);
  t.is(seen[0], 10);
  t.is(seen[600 / 5 + 59], 10, 'the window');
  t.is(seen[6900 / 5], 2);
  t.is(seen[7005 / 5], 10);
  const descent = seen.slice(600 / 5, 6900 / 5);
  const steps = descent.filter((replicas, index) => index > 0 && replicas < (descent[index - 1] ?? 0));
  t.deepEqual(steps, [9, 8, 7, 6, 5, 4, 3, 2]);
});
