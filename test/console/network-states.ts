/** States of a network as `GET /v1/status` shows them; conditions and messages are those of a real operator. */
import type { Condition, Status, Webhook } from '../../services/console/network/status.ts';
import type { ScriptedStatus } from './scripted-api.ts';

const SINCE = '2026-03-01T08:00:00Z';

export const condition = (
  type: string,
  status: Condition['status'],
  reason: string,
  message: string,
): Condition => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: SINCE,
});

export const proxy = (name: string, stations: number, leaving = false) => ({
  id: `${name}:1`,
  name,
  leaseSeconds: 12,
  leaving,
  stations,
});

export const processor = (name: string, inFlight: number) => ({
  id: `${name}:1`,
  name,
  leaseSeconds: 9,
  leaving: false,
  inFlight,
  release: '0.3.0',
});

export const FIGURES: Status['figures'] = {
  stationsKnown: 1300,
  stationsConnected: 1234,
  openTransactions: 412,
  queueDepth: 3,
  queueOldestSeconds: 0.02,
  inFlight: 7,
  deadLetters: 0,
  callsOpen: 2,
  storeMemoryShare: 0.123,
  storeResponseSeconds: 0.0008,
};

const SENTENCE =
  '61.2 frames/s arrive, 3 wait (the oldest for 0.02 s), 7 in flight, one processor handles 410/s: 1 recommended; at least minReplicas (2)';

const CONDITIONS = [
  condition('Available', 'True', 'Serving', '3 ws-proxy and 2 processor Pods are ready'),
  condition('Progressing', 'False', 'Settled', 'all Pods are ready and match the spec'),
  condition('Degraded', 'False', 'AsExpected', 'no problem found'),
  condition('Draining', 'False', 'NoPodDraining', 'no Pod is draining'),
  condition('RedisReady', 'True', 'Ready', 'city-redis-0 answers'),
  condition(
    'HighlyAvailable',
    'False',
    'SingleRedisPod',
    'redis is one Pod: after the loss of its node stations wait for minutes',
  ),
  condition('Secured', 'True', 'Enforced', 'each station proves who it is'),
  condition('AutoscalingActive', 'True', 'FollowingQueue', SENTENCE),
];

const CLUSTER = {
  phase: 'Running',
  image: 'registry.example/ocpp-cluster:0.3.0',
  conditions: CONDITIONS,
  proxy: { replicas: 3, readyReplicas: 3, servingSet: 'city-ws-proxy-5d8f7', sessions: 1234 },
  processor: { replicas: 2, readyReplicas: 2 },
  queue: { depth: 3, oldestSeconds: 0.02, inFlight: 7 },
  store: { identity: 4711, certificateNotAfter: '2056-09-01T00:00:00Z' },
  billing: { replicas: 1, readyReplicas: 1 },
  autoscaling: {
    desiredReplicas: 2,
    reason: SENTENCE,
    lastScaleTime: SINCE,
    lastScaleDirection: 'Down',
    capacityPerReplica: 410,
    inputs: {
      source: 'Pods',
      arrivalsPerSecond: 61.2,
      completedPerSecond: 61,
      busyShare: 0.15,
      throttledShare: 0,
      handlerSeconds: 0.0024,
    },
  },
} as const;

export const HEALTHY = {
  figures: FIGURES,
  cluster: {
    name: 'city',
    namespace: 'charging',
    processorLimits: { minReplicas: 2, maxReplicas: 10 },
    status: { ...CLUSTER, conditions: [...CONDITIONS] },
  },
  proxies: [
    proxy('city-ws-proxy-5d8f7-6c9d5b-2xkqp', 402),
    proxy('city-ws-proxy-5d8f7-6c9d5b-8hnvw', 431),
    proxy('city-ws-proxy-5d8f7-6c9d5b-tz4rl', 401),
  ],
  processors: [processor('city-processor-7b6f9c-k2lzd', 4), processor('city-processor-7b6f9c-wq8xm', 3)],
  rates: {
    handshakes: { limit: 100, demand: 2, leased: 30, waiting: 0 },
    boots: { limit: 50, demand: 0, leased: 15, waiting: 0 },
  },
} satisfies ScriptedStatus;

/** With other conditions of these types, and other parts of the status. */
export function clusterWith(
  conditions: readonly Condition[],
  status: Partial<NonNullable<Status['cluster']>['status']> = {},
): NonNullable<Status['cluster']> {
  const changed = CONDITIONS.map((one) => conditions.find(({ type }) => type === one.type) ?? one);
  return { ...HEALTHY.cluster, status: { ...HEALTHY.cluster.status, ...status, conditions: changed } };
}

/** Redis is away: what the operator says of it. */
export const DEGRADED: ScriptedStatus = {
  ...HEALTHY,
  figures: { ...FIGURES, queueDepth: 8400, queueOldestSeconds: 47, deadLetters: 3, storeMemoryShare: 0.91 },
  cluster: clusterWith(
    [
      condition(
        'Available',
        'False',
        'NoProcessorReady',
        'no processor Pod is ready: stations get no answers',
      ),
      condition('Degraded', 'True', 'NoProcessorReady', 'no processor Pod is ready: stations get no answers'),
      condition(
        'AutoscalingActive',
        'False',
        'SignalsMissing',
        'holding 2: no processor reports the queue. Check that the Pods are ready and serve metrics on their admin port',
      ),
    ],
    { phase: 'Degraded', processor: { replicas: 2, readyReplicas: 0 } },
  ),
  processors: [],
};

const ID = 'r-20260301-1';

/** A rollout that moves: 1 200 stations at its beginning. @param moved stations @param returned those that are back */
export function moving(moved: number, returned: number): ScriptedStatus {
  const message = `${1200 - moved} stations are left on the old Pods`;
  return {
    ...HEALTHY,
    figures: { ...FIGURES, stationsConnected: 1200 - (moved - returned) },
    cluster: clusterWith(
      [
        condition(
          'Progressing',
          'True',
          'RollingOut',
          `rollout from city-ws-proxy-5d8f7 to city-ws-proxy-c2b19, Moving: ${message}`,
        ),
      ],
      {
        phase: 'Progressing',
        rollout: {
          id: ID,
          phase: 'Moving',
          fromSet: 'city-ws-proxy-5d8f7',
          toSet: 'city-ws-proxy-c2b19',
          message,
          startedTime: new Date(Date.now() - 90_000).toISOString(),
          phaseTime: new Date(Date.now() - 30_000).toISOString(),
          progressTime: new Date().toISOString(),
          stations: 1200,
          moved: Math.max(0, moved - 40),
          returned: Math.max(0, returned - 40),
          missing: 0,
          movedAgain: 0,
          forced: 0,
          ratePerSecond: 20,
          eta: new Date(Date.now() + 30_000).toISOString(),
        },
      },
    ),
    rollout: {
      id: ID,
      moves: moved,
      stations: moved,
      returned,
      away: moved - returned,
      movedAgain: 0,
      forced: 0,
      gapSeconds: { p50: 0.42, p99: 2.1 },
      peakReturnsPerSecond: 24,
    },
    proxies: [
      proxy('city-ws-proxy-5d8f7-6c9d5b-2xkqp', 0, true),
      proxy('city-ws-proxy-5d8f7-6c9d5b-8hnvw', Math.max(0, 800 - moved), true),
      proxy('city-ws-proxy-5d8f7-6c9d5b-tz4rl', 400),
      proxy('city-ws-proxy-c2b19-78f4d9-4nlsk', Math.floor(returned / 2)),
      proxy('city-ws-proxy-c2b19-78f4d9-vv5jt', Math.ceil(returned / 2)),
    ],
  };
}

/** Sixty ws-proxies, of which one has three times the mean. */
export const SIXTY: ScriptedStatus = {
  ...HEALTHY,
  figures: { ...FIGURES, stationsConnected: 60 * 500 + 1000 },
  proxies: Array.from({ length: 60 }, (_, i) =>
    proxy(`city-ws-proxy-5d8f7-6c9d5b-${String(i).padStart(5, '0')}`, i === 17 ? 1500 : 500 - (i % 7)),
  ),
};

/** What a program of one process knows: nothing of Kubernetes, and of no other process. */
export const MONOLITH: ScriptedStatus = {
  figures: { stationsKnown: 2, stationsConnected: 1, openTransactions: 0, queueDepth: 0, deadLetters: 0 },
};

export const WEBHOOKS: { readonly items: readonly Webhook[] } = {
  items: [
    {
      name: 'billing',
      url: 'https://billing.example/events',
      types: ['transaction-*'],
      state: 'down',
      lagSeconds: 312,
      parked: 41,
      deadLetters: 2,
      gaps: 0,
      failedAt: SINCE,
      lastError: 'connect ECONNREFUSED 10.0.4.7:443',
    },
    {
      name: 'crm',
      url: 'https://crm.example/hook',
      types: [],
      state: 'delivering',
      lagSeconds: 0,
      parked: 0,
      deadLetters: 0,
      gaps: 0,
      deliveredAt: SINCE,
    },
  ],
};
