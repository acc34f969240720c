/** Status of drains, of single points of failure, and of pauses. Pure. */
import test from 'ava';
import { defaultedSpec } from '../../../operator/api/defaults.ts';
import type { OcppClusterSpec } from '../../../operator/api/ocpp-cluster.ts';
import { draining, drainsOf } from '../../../operator/status/drains.ts';
import { highlyAvailable } from '../../../operator/status/high-availability.ts';
import type { Observed } from '../../../operator/observe/observe.ts';
import { pausesOf } from '../../../operator/observe/pauses.ts';

const cluster = (spec: OcppClusterSpec, annotations: Readonly<Record<string, string>> = {}) => ({
  apiVersion: 'ocpp.dev/v1alpha1',
  kind: 'OcppCluster',
  metadata: { name: 'city', namespace: 'charging', annotations },
  spec,
});
const sentinel = {
  external: { mode: 'Sentinel', addresses: ['s:26379'], sentinel: { masterName: 'm' } },
} as const;
const two = { processor: { autoscaling: { minReplicas: 2 } } } as const;

const AVAILABILITY: readonly (readonly [string, OcppClusterSpec, string, string, RegExp])[] = [
  [
    'the defaults',
    {},
    'False',
    'SingleRedisPod',
    /external with mode Sentinel or Cluster.*processor\.autoscaling\.minReplicas to 2/,
  ],
  ['Sentinels, two of each', { redis: sentinel, ...two }, 'True', 'NoSinglePod', /no part/],
  [
    'one proxy',
    { redis: sentinel, ...two, proxy: { replicas: 1 } },
    'False',
    'SingleProxy',
    /set proxy\.replicas to 2/,
  ],
  [
    'proxies that may become one',
    { redis: sentinel, ...two, proxy: { autoscaling: { minReplicas: 1 } } },
    'False',
    'SingleProxy',
    /set proxy\.autoscaling\.minReplicas to 2/,
  ],
  ['one processor', { redis: sentinel }, 'False', 'SingleProcessor', /autoscaling\.minReplicas to 2/],
  [
    'one processor by hand',
    { redis: sentinel, processor: { replicas: 1, autoscaling: { mode: 'Off', minReplicas: 3 } } },
    'False',
    'SingleProcessor',
    /set processor\.replicas to 2/,
  ],
  [
    'a single server elsewhere',
    { redis: { external: { addresses: ['r.example.com:6379'] } }, ...two },
    'Unknown',
    'StandaloneRedis',
    /r\.example\.com:6379 survives the loss of a node/,
  ],
];

test('HighlyAvailable names each single point of failure and the field that removes it', (t) => {
  for (const [name, spec, status, reason, says] of AVAILABILITY) {
    const verdict = highlyAvailable(defaultedSpec(cluster(spec)));
    t.like(verdict, { status, reason }, name);
    t.regex(verdict.message, says, name);
  }
});

const pod = (name: string, component: string, deletionTimestamp?: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    uid: `uid-${name}`,
    labels: { 'app.kubernetes.io/component': component },
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
  },
});
const observed = (...pods: readonly ReturnType<typeof pod>[]): Observed => ({
  proxy: undefined,
  proxySets: [],
  processor: undefined,
  redis: undefined,
  proxyService: undefined,
  pods,
});

test('draining proxies are listed by deadline, with the stations that they still hold', (t) => {
  const all = observed(
    pod('later', 'ws-proxy', '2026-11-23T12:10:00Z'),
    pod('first', 'ws-proxy', '2026-11-23T12:05:00Z'),
    pod('staying', 'ws-proxy'),
    pod('other', 'processor', '2026-11-23T12:01:00Z'),
  );
  const drains = drainsOf(all, { sessionsOf: new Map([['uid-first', 812]]) });
  t.deepEqual(drains, [
    { pod: 'first', sessions: 812, deadline: '2026-11-23T12:05:00Z' },
    { pod: 'later', deadline: '2026-11-23T12:10:00Z' },
  ]);
  t.like(draining(drains), { status: 'True', reason: 'GivingUpStations' });
  t.is(
    draining(drains).message,
    '2 ws-proxy Pods drain, 812 or more stations left; the deadline is 2026-11-23T12:10:00Z',
  );
  const pace = { ratePerSecond: 10, now: Date.parse('2026-11-23T12:09:30Z') };
  t.like(draining(drains, pace), { status: 'True', reason: 'DeadlineTooShort' });
  t.regex(
    draining(drains, pace).message,
    /takes 82 s at 10 per second, and the deadline is 2026-11-23T12:10:00Z/,
  );
  t.is(draining(drains, { ...pace, ratePerSecond: 100 }).reason, 'GivingUpStations');
  t.regex(draining(drains.slice(0, 1)).message, /^1 ws-proxy Pod drains, 812 stations left; the deadline is/);
  t.like(draining(drainsOf(observed(pod('staying', 'ws-proxy')), {})), {
    status: 'False',
    reason: 'NoPodDraining',
  });
});

test('a pause annotation counts only with the value "true"', (t) => {
  const none = { paused: false, pauseRollouts: false, pauseScaleIn: false };
  t.deepEqual(pausesOf(cluster({})), none);
  t.deepEqual(pausesOf(cluster({}, { 'ocpp.dev/paused': 'yes', 'ocpp.dev/pause-rollouts': '' })), none);
  const annotations = {
    'ocpp.dev/paused': 'true',
    'ocpp.dev/pause-rollouts': 'true',
    'ocpp.dev/pause-scale-in': 'true',
  };
  t.deepEqual(pausesOf(cluster({}, annotations)), { paused: true, pauseRollouts: true, pauseScaleIn: true });
});
