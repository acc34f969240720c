/** The status for what was observed, when it is written, and its Events. Pure. */
import test from 'ava';
import { defaultedSpec } from '../../../operator/api/defaults.ts';
import type {
  Condition,
  ConditionType,
  OcppCluster,
  OcppClusterStatus,
} from '../../../operator/api/ocpp-cluster.ts';
import { eventsBetween } from '../../../operator/status/events.ts';
import type { Observed } from '../../../operator/observe/observe.ts';
import { pausesOf } from '../../../operator/observe/pauses.ts';
import { chooseRelease } from '../../../operator/render/release.ts';
import {
  NUMBERS_EVERY_MS,
  type StatusInput,
  statusOf,
  shouldWrite,
} from '../../../operator/status/status.ts';
import type { Pod, Workload } from '../../../operator/observe/workloads.ts';

const NOW = Date.parse('2026-11-23T12:00:00.750Z');
const cluster = (spec: object = {}): OcppCluster => ({
  apiVersion: 'ocpp.dev/v1alpha1',
  kind: 'OcppCluster',
  metadata: { name: 'city', namespace: 'charging', generation: 4 },
  spec,
});

function workload(
  kind: string,
  name: string,
  ready: number,
  more: Partial<Workload['status']> = {},
): Workload {
  const status = {
    observedGeneration: 1,
    replicas: ready,
    updatedReplicas: ready,
    readyReplicas: ready,
    ...more,
  };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name, generation: 1 },
    spec: { replicas: ready },
    status,
  };
}
const pod = (name: string, status: NonNullable<Pod['status']>): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  status,
});
const waiting = (reason: string, message?: string) => ({
  containerStatuses: [{ state: { waiting: { reason, ...(message !== undefined && { message }) } } }],
});

const restarted = (restartCount: number, startedAt: string, ready = false) => ({
  containerStatuses: [
    {
      ready,
      restartCount,
      state: { running: { startedAt } },
      lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } },
    },
  ],
});

const PROXY = workload('Deployment', 'city-ws-proxy', 2);
const WELL: Observed = {
  proxy: PROXY,
  proxySets: [PROXY],
  processor: workload('Deployment', 'city-processor', 1),
  redis: workload('StatefulSet', 'city-redis', 1),
  proxyService: undefined,
  pods: [],
};

function input(observed: Partial<Observed> = {}, more: Partial<StatusInput> = {}): StatusInput {
  const object = more.cluster ?? cluster();
  return {
    cluster: object,
    spec: defaultedSpec(object),
    observed: { ...WELL, ...observed, proxySets: [observed.proxy ?? PROXY] },
    signals: {},
    processors: {
      replicas: 1,
      autoscaling: { desiredReplicas: 1, reason: 'r', capacityPerReplica: 512.345 },
      condition: { status: 'True', reason: 'FollowingQueue', message: 'r' },
    },
    proxies: { replicas: 2 },
    rollout: { state: undefined, serving: 'city-ws-proxy', sets: [] },
    pauses: pausesOf(object),
    release: { image: 'ocpp:1', redisImage: 'redis:7', imageRequested: '', renderRevision: 2 },
    redis: undefined,
    staleMs: 15_000,
    problems: [],
    before: undefined,
    now: NOW,
    ...more,
  };
}
const conditionOf = (status: OcppClusterStatus, type: ConditionType): Condition => {
  const found = status.conditions?.find((one) => one.type === type);
  if (found === undefined) throw new Error(`no condition ${type}`);
  return found;
};

const RUNNING = statusOf(input());
const none = (name: string) => workload('Deployment', name, 0);

interface Case {
  readonly name: string;
  readonly observed: Partial<Observed>;
  readonly before?: OcppClusterStatus;
  readonly more?: Partial<StatusInput>;
  readonly phase: OcppClusterStatus['phase'];
  readonly condition: readonly [ConditionType, Condition['status'], string, RegExp];
}
const external = cluster({ redis: { external: { addresses: ['r.example.com:6379'] } } });
const withApi = (spec: object = {}): Partial<StatusInput> => ({
  cluster: cluster({ api: { enabled: true, ...spec } }),
  release: { image: 'ocpp:1', redisImage: 'redis:7', imageRequested: '', renderRevision: 3 },
});
const apiPod = (status: NonNullable<Pod['status']>): Pod => ({
  ...pod('a', status),
  metadata: { name: 'a', labels: { 'app.kubernetes.io/component': 'api' } },
});
const noSecret = {
  ...waiting('CreateContainerConfigError', 'secret "tokens" not found'),
};
const withSink = (postgres: object = {}, renderRevision = 3): Partial<StatusInput> => ({
  cluster: cluster({ billing: { sink: { postgres: { secretName: 'bills', ...postgres } } } }),
  release: { image: 'ocpp:1', redisImage: 'redis:7', imageRequested: '', renderRevision },
});
const sinkPod = (status: NonNullable<Pod['status']>): Pod => ({
  ...pod('s', status),
  metadata: { name: 's', labels: { 'app.kubernetes.io/component': 'bill-sink' } },
});
const lacks = (secret: string) => waiting('CreateContainerConfigError', `secret "${secret}" not found`);
/** No station depends on the bill sink either. */
const SINK_CASES: readonly Case[] = (
  [
    [
      'that does not start',
      waiting('ImagePullBackOff'),
      /^bills wait in Redis and do not reach PostgreSQL; no station.*: Pod s is waiting/,
    ],
    ['without the URL', lacks('bills'), /Create the Secret bills with the URL of PostgreSQL in its key url$/],
    ['without the authorities', lacks('bills-ca'), /Create the Secret bills-ca with the auth.* key ca\.crt$/],
  ] as const
).map(([name, state, message]) => ({
  name: `a bill sink ${name}`,
  observed: { billSink: none('city-bill-sink'), pods: [sinkPod(state)] },
  before: RUNNING,
  more: withSink({ caSecretName: 'bills-ca' }),
  phase: 'Degraded',
  condition: ['Degraded', 'True', 'BillSinkNotRunning', message],
}));
const withoutPostgres = [{ type: 'Ready', status: 'False', lastTransitionTime: '2026-11-01T00:00:00Z' }];
const FURTHER_SINKS: readonly Case[] = [
  {
    name: 'a bill sink whose PostgreSQL is away',
    observed: {
      billSink: none('city-bill-sink'),
      pods: [sinkPod({ conditions: withoutPostgres })],
    },
    before: RUNNING,
    more: withSink(),
    phase: 'Degraded',
    condition: [
      'Degraded',
      'True',
      'BillSinkNotRunning',
      /see its log\. It says whether PostgreSQL or Redis is away, and why$/,
    ],
  },
  {
    name: 'a bill sink whose next Pod does not start',
    observed: {
      billSink: workload('Deployment', 'city-bill-sink', 1, { replicas: 2 }),
      pods: [sinkPod(waiting('ImagePullBackOff'))],
    },
    before: RUNNING,
    more: withSink(),
    phase: 'Degraded',
    condition: [
      'Degraded',
      'True',
      'BillSinkNotRunning',
      /^the new Pod of the bill sink does not start, and the former/,
    ],
  },
];
const OLD_SINK: Case = {
  name: 'a bill sink of a release that has none',
  observed: {},
  before: RUNNING,
  more: withSink({}, 2),
  phase: 'Degraded',
  condition: ['Degraded', 'True', 'BillSinkNotRunning', /runs ocpp:1, of a release without the bill sink/],
};
/** No station depends on the HTTP API. */
const API_CASES: readonly Case[] = [
  {
    name: 'an HTTP API without a ready Pod',
    observed: { api: none('city-api'), pods: [apiPod(waiting('ImagePullBackOff', 'not found'))] },
    before: RUNNING,
    more: withApi(),
    phase: 'Degraded',
    condition: ['Degraded', 'True', 'ApiNotRunning', /has 0 of 1 Pods.*no station: Pod a is waiting/],
  },
  {
    name: 'the same, seen by stations',
    observed: { api: none('city-api'), pods: [apiPod(waiting('ImagePullBackOff'))] },
    before: RUNNING,
    more: withApi(),
    phase: 'Degraded',
    condition: ['Available', 'True', 'Serving', /2 ws-proxy/],
  },
  {
    name: 'an HTTP API beside a Pod that does not start',
    observed: {
      api: none('city-api'),
      pods: [apiPod(waiting('ImagePullBackOff')), pod('p', waiting('ErrImagePull'))],
    },
    more: withApi(),
    phase: 'Degraded',
    condition: ['Degraded', 'True', 'PodsNotStarting', /^Pod p is waiting: ErrImagePull; the HTTP API has/],
  },
  {
    name: 'an HTTP API without its tokens',
    observed: { api: none('city-api'), pods: [apiPod(noSecret)] },
    more: withApi({ tokensSecret: { name: 'tokens' } }),
    phase: 'Degraded',
    condition: [
      'Degraded',
      'True',
      'ApiNotRunning',
      /Create the Secret tokens, or remove spec\.api\.tokensSec/,
    ],
  },
  {
    name: 'an HTTP API without the Secret of a webhook',
    observed: { api: none('city-api'), pods: [apiPod(noSecret)] },
    more: withApi({
      webhooks: [
        { name: 'other', url: 'https://a', signingSecret: { name: 'token', key: 'k' } },
        { name: 'billing', url: 'https://a', signingSecret: { name: 'tokens', key: 'k' } },
      ],
    }),
    phase: 'Degraded',
    condition: [
      'Degraded',
      'True',
      'ApiNotRunning',
      /Create the Secret tokens of the webhook billing, or remove the webhook from spec\.api\.webhooks$/,
    ],
  },
  {
    name: 'an HTTP API that another Secret keeps from starting',
    observed: { api: none('city-api'), pods: [apiPod(noSecret)] },
    more: withApi({ tokensSecret: { name: 'token' } }),
    phase: 'Degraded',
    condition: ['Degraded', 'True', 'ApiNotRunning', /"tokens" not found$/],
  },
  {
    name: 'an HTTP API of an image that has none',
    observed: {},
    more: { cluster: withApi().cluster ?? cluster() },
    phase: 'Degraded',
    condition: ['Degraded', 'True', 'ApiNotRunning', /runs ocpp:1, of a release without.*Set spec\.image/],
  },
  {
    name: 'an HTTP API that is being created',
    observed: { api: none('city-api') },
    more: withApi(),
    phase: 'Progressing',
    condition: ['Progressing', 'True', 'WaitingForPods', /api 0\/1/],
  },
];
const CASES: readonly Case[] = [
  {
    name: 'all healthy',
    observed: {},
    phase: 'Running',
    condition: ['Available', 'True', 'Serving', /2 ws-proxy and 1/],
  },
  {
    name: 'just created',
    observed: { proxy: undefined, processor: undefined, redis: undefined },
    phase: 'Pending',
    condition: ['Available', 'False', 'Starting', /no ws-proxy Pod is ready/],
  },
  {
    name: 'still starting',
    observed: { proxy: none('city-ws-proxy') },
    before: statusOf(input({ proxy: undefined })),
    phase: 'Pending',
    condition: ['Available', 'False', 'Starting', /no ws-proxy Pod is ready/],
  },
  {
    name: 'all proxies lost',
    observed: { proxy: none('city-ws-proxy') },
    before: RUNNING,
    phase: 'Degraded',
    condition: ['Degraded', 'True', 'NoProxyReady', /stations cannot connect/],
  },
  {
    name: 'Redis lost',
    observed: { redis: workload('StatefulSet', 'city-redis', 0) },
    before: RUNNING,
    phase: 'Degraded',
    condition: ['RedisReady', 'False', 'NotReady', /city-redis-0 does not answer/],
  },
  {
    name: 'an external Redis that no processor reaches',
    observed: { processor: none('city-processor'), redis: undefined },
    before: RUNNING,
    more: { cluster: external },
    phase: 'Degraded',
    condition: ['RedisReady', 'False', 'NotConnected', /r\.example\.com:6379; see the processor logs/],
  },
  {
    name: 'a rollout',
    observed: { proxy: workload('Deployment', 'city-ws-proxy', 2, { replicas: 3, updatedReplicas: 1 }) },
    before: RUNNING,
    phase: 'Progressing',
    condition: ['Progressing', 'True', 'RollingOut', /ws-proxy 2\/2/],
  },
  {
    name: 'a change that its controller has not observed yet',
    observed: { proxy: workload('Deployment', 'city-ws-proxy', 2, { observedGeneration: 0 }) },
    before: RUNNING,
    phase: 'Progressing',
    condition: ['Progressing', 'True', 'Updating', /ws-proxy/],
  },
  {
    name: 'objects of a just deleted cluster of the same name',
    observed: { proxy: undefined },
    more: { problems: [{ reason: 'BeingReplaced', message: 'Deployment/x belongs to a deleted' }] },
    phase: 'Pending',
    condition: ['Progressing', 'True', 'BeingReplaced', /x belongs to a deleted/],
  },
  {
    name: 'a Pod that is missing',
    observed: { proxy: workload('Deployment', 'city-ws-proxy', 1) },
    before: RUNNING,
    phase: 'Progressing',
    condition: ['Progressing', 'True', 'WaitingForPods', /ws-proxy 1\/2/],
  },
  {
    name: 'a missing image',
    observed: { pods: [pod('p', waiting('ImagePullBackOff', 'not found'))] },
    phase: 'Degraded',
    condition: ['Degraded', 'True', 'PodsNotStarting', /Pod p is waiting: ImagePullBackOff: not found/],
  },
  {
    name: 'no node fits',
    observed: {
      pods: [
        pod('p', {
          conditions: [
            { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/3 nodes' },
          ],
        }),
      ],
    },
    phase: 'Degraded',
    condition: ['Degraded', 'True', 'PodsNotStarting', /cannot be scheduled: 0\/3 nodes/],
  },
  {
    name: 'a volume that is still being created',
    observed: {
      pods: [
        pod('p', {
          conditions: [
            {
              type: 'PodScheduled',
              status: 'False',
              reason: 'Unschedulable',
              lastTransitionTime: '2026-11-23T11:59:45Z',
            },
          ],
        }),
      ],
    },
    phase: 'Running',
    condition: ['Degraded', 'False', 'AsExpected', /no problem/],
  },
  {
    name: 'crashing, and running again',
    observed: { pods: [pod('p', restarted(3, '2026-11-23T11:59:30Z'))] },
    phase: 'Degraded',
    condition: ['Degraded', 'True', 'PodsNotStarting', /p restarted 3 times, last after OOMKilled .*137/],
  },
  {
    name: 'crashed once',
    observed: { pods: [pod('p', restarted(1, '2026-11-23T11:59:30Z'))] },
    phase: 'Degraded',
    condition: ['Degraded', 'True', 'PodsNotStarting', /p restarted once, last after OOMKilled/],
  },
  {
    name: 'crashed long ago',
    observed: { pods: [pod('p', restarted(9, '2026-11-23T11:58:30Z', true))] },
    phase: 'Running',
    condition: ['Degraded', 'False', 'AsExpected', /no problem/],
  },
  {
    name: 'crashing, and waiting for the restart',
    observed: {
      pods: [
        pod('p', {
          containerStatuses: [
            {
              restartCount: 4,
              state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m0s' } },
              lastState: { terminated: { reason: 'OOMKilled', exitCode: 137 } },
            },
          ],
        }),
      ],
    },
    phase: 'Degraded',
    condition: [
      'Degraded',
      'True',
      'PodsNotStarting',
      /back-off 5m0s: restarted 4 times, last after OOMKilled/,
    ],
  },
  ...(['2026-11-23T11:57:00Z', '2026-11-23T11:59:30Z'] as const).map((since, index) => ({
    name: `a missing Secret, since ${since}`,
    observed: {
      pods: [
        pod('p', {
          ...waiting('ContainerCreating'),
          conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: since }],
        }),
      ],
    },
    phase: index === 0 ? ('Degraded' as const) : ('Running' as const),
    condition:
      index === 0
        ? ([
            'Degraded',
            'True',
            'PodsNotStarting',
            /p has not been ready since .*ContainerCreating; see its Events/,
          ] as const)
        : (['Degraded', 'False', 'AsExpected', /no problem/] as const),
  })),
  {
    name: 'a quota',
    observed: {
      proxy: workload('Deployment', 'city-ws-proxy', 2, {
        conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' }],
      }),
    },
    phase: 'Degraded',
    condition: ['Degraded', 'True', 'PodsNotStarting', /Deployment city-ws-proxy: exceeded quota/],
  },
  ...([[], [pod('p', waiting('ImagePullBackOff'))]] as const).map((pods) => ({
    name: `a variable that no program reads, beside ${pods.length} Pods that do not start`,
    observed: { pods },
    more: { problems: [{ reason: 'UnknownVariable', message: 'no program reads OCPP_X' }] } as const,
    phase: 'Degraded' as const,
    condition:
      pods.length === 0
        ? (['Degraded', 'True', 'UnknownVariable', /^no program reads OCPP_X$/] as const)
        : ([
            'Degraded',
            'True',
            'PodsNotStarting',
            /^Pod p is waiting: ImagePullBackOff; no program reads OCPP_X$/,
          ] as const),
  })),
  ...API_CASES,
  ...SINK_CASES,
  ...FURTHER_SINKS,
  OLD_SINK,
  {
    name: 'a container that is being created',
    observed: { pods: [pod('p', waiting('ContainerCreating'))] },
    phase: 'Running',
    condition: ['Degraded', 'False', 'AsExpected', /no problem/],
  },
];

test('phase and conditions name the problem', (t) => {
  for (const { name, observed, before, more, phase, condition } of CASES) {
    const status = statusOf(input(observed, { before, ...more }));
    const [type, value, reason, says] = condition;
    const found = conditionOf(status, type);
    t.is(status.phase, phase, name);
    t.like(found, { status: value, reason, observedGeneration: 4 }, name);
    t.regex(found.message, says, name);
  }
});

test('a transition sets its time, and an unchanged condition keeps it', (t) => {
  t.is(conditionOf(RUNNING, 'Available').lastTransitionTime, '2026-11-23T12:00:00Z');
  const later = statusOf(input({ redis: undefined }, { before: RUNNING, now: NOW + 60_000 }));
  t.is(conditionOf(later, 'Progressing').lastTransitionTime, '2026-11-23T12:01:00Z');
  t.is(conditionOf(later, 'AutoscalingActive').lastTransitionTime, '2026-11-23T12:00:00Z');
});

test('numbers are rounded, and unknown ones omitted', (t) => {
  t.like(RUNNING, {
    queue: undefined,
    proxy: { sessions: undefined },
    autoscaling: { capacityPerReplica: 510 },
  });
  const queue = { depth: 3, oldestSeconds: 0.123_456, inFlight: 1, ageMs: 0 };
  t.deepEqual(statusOf(input({}, { signals: { sessions: 9, queue } })).queue, {
    depth: 3,
    oldestSeconds: 0.1,
    inFlight: 1,
  });
});

test('the Pods of the HTTP API are in the status where there is one', (t) => {
  const api = workload('Deployment', 'city-api', 2, { replicas: 3 });
  t.deepEqual(statusOf(input({ api }, withApi())).api, { replicas: 3, readyReplicas: 2 });
  t.is(statusOf(input({ api })).api, undefined);
  t.true(shouldWrite(statusOf(input({}, withApi())), statusOf(input({ api }, withApi())), 0));
});

test('the Pod of the bill sink is in the status where there is one', (t) => {
  const billSink = workload('Deployment', 'city-bill-sink', 1, { replicas: 1 });
  t.deepEqual(statusOf(input({ billSink }, withSink())).billing, { replicas: 1, readyReplicas: 1 });
  t.is(statusOf(input({ billSink })).billing, undefined);
});

test('a figure that is no longer read is left out, and a request for no image is not shown', (t) => {
  const queue = { depth: 3, oldestSeconds: 1, inFlight: 1, ageMs: 15_001 };
  const status = statusOf(input({}, { signals: { queue } }));
  t.false('queue' in status);
  t.true(shouldWrite({ ...status, queue }, status, 0), 'that is written at once');
  t.false('imageRequested' in status);
  const release = { image: 'r:3', redisImage: 'redis:7', imageRequested: ':3', renderRevision: 2 };
  t.is(statusOf(input({}, { release })).imageRequested, ':3');
});

test('Settled is not said while terminating Pods hold stations', (t) => {
  const ending = (name: string, deletionTimestamp: string): Pod => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, deletionTimestamp, labels: { 'app.kubernetes.io/component': 'ws-proxy' } },
  });
  const cases: readonly (readonly [string, string, number | undefined, string])[] = [
    ['with stations', '2026-11-23T12:05:00Z', 7, 'WaitingForStations'],
    ['with stations, late', '2026-11-23T11:55:00Z', 7, 'WaitingForStations'],
    ['empty', '2026-11-23T12:05:00Z', 0, 'Settled'],
    ['unknown', '2026-11-23T12:05:00Z', undefined, 'WaitingForStations'],
    ['unknown after the deadline', '2026-11-23T11:55:00Z', undefined, 'Settled'],
  ];
  for (const [name, deadline, sessions, reason] of cases) {
    const sessionsOf = new Map(sessions === undefined ? [] : [['p', sessions] as const]);
    const status = statusOf(input({ pods: [ending('p', deadline)] }, { signals: { sessionsOf } }));
    t.is(conditionOf(status, 'Progressing').reason, reason, name);
    t.is(status.phase, 'Draining', name);
  }
});

test('endpoints: the Service inside the cluster, and the addresses of the load balancer', (t) => {
  const ingress = [{ ip: '203.0.113.7' }, { hostname: 'lb.example.com' }, { ip: '2001:db8::1' }, {}];
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's' },
    status: { loadBalancer: { ingress } },
  };
  t.deepEqual(statusOf(input({ proxyService: service })).endpoints, [
    'ws://city-ws-proxy.charging.svc:9000/ocpp/{id}',
    'ws://203.0.113.7:9000/ocpp/{id}',
    'ws://lb.example.com:9000/ocpp/{id}',
    'ws://[2001:db8::1]:9000/ocpp/{id}',
  ]);
});

test('the status is written on each change of state, numbers every 30 s, an unchanged one never', (t) => {
  const hour = 3_600_000;
  const moved = {
    ...RUNNING,
    autoscaling: { ...RUNNING.autoscaling, recommendations: [{ at: 'x', replicas: 1 }] },
  };
  const queue = { depth: 1, oldestSeconds: 0, inFlight: 0 };
  const lost = statusOf(input({ redis: undefined }, { before: RUNNING }));
  t.true(shouldWrite(undefined, RUNNING, 0));
  t.false(shouldWrite(RUNNING, statusOf(input({}, { before: RUNNING, now: NOW + hour })), hour));
  t.false(shouldWrite(RUNNING, moved, hour), 'the window alone is not worth a write');
  t.true(shouldWrite(RUNNING, { ...RUNNING, queue }, 0), 'a figure that becomes known is written at once');
  const read = { ...RUNNING, queue };
  const other = { ...RUNNING, queue: { ...queue, depth: 2 } };
  t.false(shouldWrite(read, other, NUMBERS_EVERY_MS - 1));
  t.true(shouldWrite(read, other, NUMBERS_EVERY_MS));
  t.true(shouldWrite(RUNNING, lost, 0));
  t.true(shouldWrite(RUNNING, { ...RUNNING, proxy: { replicas: 3, readyReplicas: 2 } }, 0));
});

test('each transition gives one Event, and an initially healthy condition none', (t) => {
  const reasons = (before: OcppClusterStatus | undefined, after: OcppClusterStatus) =>
    eventsBetween(before, after).map(({ type, reason }) => `${type} ${reason}`);
  const starting = statusOf(input({ proxy: undefined, redis: undefined }));
  const lost = statusOf(input({ redis: workload('StatefulSet', 'city-redis', 0) }, { before: RUNNING }));
  const rolling = statusOf(
    input({ proxy: workload('Deployment', 'city-ws-proxy', 2, { replicas: 3 }) }, { before: RUNNING }),
  );
  const refused = { reason: 'Refused', message: 'no' } as const;
  t.deepEqual(reasons(undefined, starting), []);
  t.deepEqual(reasons(undefined, statusOf(input({}, { problems: [refused] }))), ['Warning Degraded']);
  t.deepEqual(reasons(starting, RUNNING), ['Normal Available', 'Normal RedisReady']);
  t.deepEqual(reasons(RUNNING, RUNNING), []);
  t.deepEqual(reasons(RUNNING, lost), ['Warning Unavailable', 'Warning RedisLost', 'Warning Degraded']);
  t.deepEqual(reasons(lost, RUNNING), ['Normal Available', 'Normal RedisReady', 'Normal Recovered']);
  t.deepEqual(reasons(RUNNING, rolling), ['Normal RolloutStarted']);
  const taken = { reason: 'NameTaken', message: 'y' } as const;
  const [one, other] = [refused, taken].map((problem) => statusOf(input({}, { problems: [problem] })));
  t.deepEqual(one && other && reasons(one, other), ['Warning Degraded'], 'another problem gives an Event');
  const resized = workload('Deployment', 'city-processor', 1, { observedGeneration: 0 });
  const updating = statusOf(input({ processor: resized }, { before: RUNNING }));
  t.deepEqual(reasons(RUNNING, updating), [], 'a change of size is no rollout');
  const scaled = { ...RUNNING, autoscaling: { desiredReplicas: 4, reason: 'a backlog' } };
  t.deepEqual(eventsBetween(RUNNING, scaled), [
    { type: 'Normal', reason: 'ScaledProcessors', message: 'scaled from 1 to 4: a backlog' },
  ]);
  t.deepEqual(reasons(RUNNING, { ...RUNNING, image: 'ocpp:2' }), ['Normal ImageChanged']);
});

test('the image is chosen once, and again when spec.image changes', (t) => {
  const spec = (repository = '', tag = '') => ({ ...defaultedSpec(cluster()).image, repository, tag });
  const kept = { image: 'ghcr.io/x/ocpp:1', imageRequested: ':' };
  const cases: readonly (readonly [string, ReturnType<typeof spec>, object | undefined, string, string])[] = [
    ['the operator’s', spec(), undefined, 'ghcr.io/x/ocpp:2', 'ghcr.io/x/ocpp:2'],
    ['kept through an upgrade', spec(), kept, 'ghcr.io/x/ocpp:2', 'ghcr.io/x/ocpp:1'],
    ['another tag', spec('', '3'), kept, 'ghcr.io/x/ocpp:2', 'ghcr.io/x/ocpp:3'],
    ['another repository', spec('mirror/ocpp'), kept, 'ghcr.io/x/ocpp:2', 'mirror/ocpp:2'],
    ['back to the default', spec(), { image: 'm:3', imageRequested: 'm:3' }, 'x:2', 'x:2'],
    ['still nothing asked for', spec(), { image: 'ghcr.io/x/ocpp:1' }, 'x:2', 'ghcr.io/x/ocpp:1'],
    ['a tag for the first time', spec('', '3'), { image: 'ghcr.io/x/ocpp:1' }, 'x:2', 'x:3'],
    ['a registry with a port', spec('', '9'), undefined, 'localhost:5000/ocpp', 'localhost:5000/ocpp:9'],
    ['a registry with a port, no tag', spec(), undefined, 'localhost:5000/ocpp', 'localhost:5000/ocpp'],
    ['a digest', spec(), undefined, 'ocpp@sha256:ab', 'ocpp@sha256:ab'],
    ['a digest elsewhere', spec('mirror/ocpp'), undefined, 'ocpp:1@sha256:ab', 'mirror/ocpp:1@sha256:ab'],
  ];
  for (const [name, image, status, fallback, chosen] of cases) {
    const own = { image: fallback, redisImage: 'redis:7' };
    t.is(chooseRelease({ image, upgrade: 'Manual' }, status, own).image, chosen, name);
  }
});

test('a cluster whose status was lost keeps its running images, unless spec.image names others', (t) => {
  const { image } = defaultedSpec(cluster());
  const own = { image: 'ghcr.io/x/ocpp:2', redisImage: 'redis:8' };
  const running = { image: 'ghcr.io/x/ocpp:1', redisImage: 'redis:7' };
  t.like(chooseRelease({ image, upgrade: 'Manual' }, undefined, own, running), running);
  t.like(chooseRelease({ image, upgrade: 'Auto' }, undefined, own, running), own);
  const asked = chooseRelease({ image: { ...image, tag: '3' }, upgrade: 'Manual' }, undefined, own, running);
  t.is(asked.image, 'ghcr.io/x/ocpp:3');
});
