/** The data in Redis: lost, accepted, restored; and Pods that may not use them. */
import test from 'ava';
import type { OcppCluster, StoreStatus } from '../../../operator/api/ocpp-cluster.ts';
import { passwordRefresh, REFRESHED } from '../../../operator/reconcile/password-refresh.ts';
import { remember, signalsOf } from '../../../operator/signals/signals.ts';
import { ACKNOWLEDGE_DATA_LOSS, storeProblems, storeStatusOf } from '../../../operator/status/store.ts';
import { METRIC } from '../../../services/contract.ts';

const cluster = (accepted?: string): OcppCluster => ({
  apiVersion: 'ocpp.dev/v1alpha1',
  kind: 'OcppCluster',
  metadata: {
    name: 'city',
    namespace: 'charging',
    ...(accepted !== undefined && { annotations: { [ACKNOWLEDGE_DATA_LOSS]: accepted } }),
  },
});
const NOTHING = {
  proxy: undefined,
  proxySets: [],
  processor: undefined,
  redis: undefined,
  proxyService: undefined,
};
const [EARLIER, NOW] = ['2026-11-23T00:00:00Z', '2026-11-23T01:00:00Z'];
const lost = (identity: number, since = NOW): StoreStatus => ({ identity: 1, lost: { identity, since } });

const CASES: readonly (readonly [
  what: string,
  before: StoreStatus | undefined,
  reading: number | undefined,
  accepted: string | undefined,
  after: StoreStatus | undefined,
])[] = [
  ['nothing is known yet', undefined, undefined, undefined, undefined],
  ['the first reading', undefined, 1, undefined, { identity: 1 }],
  ['the same data', { identity: 1 }, 1, undefined, { identity: 1 }],
  ['no reading', { identity: 1 }, undefined, undefined, { identity: 1 }],
  ['other data', { identity: 1 }, 2, undefined, lost(2)],
  ['still other data: the time stays', lost(2, EARLIER), 2, undefined, lost(2, EARLIER)],
  ['no reading after a loss', lost(2, EARLIER), undefined, undefined, lost(2, EARLIER)],
  ['lost once more', lost(2, EARLIER), 3, undefined, lost(3)],
  ['restored', lost(2, EARLIER), 1, undefined, { identity: 1 }],
  ['accepted', lost(2, EARLIER), 2, '2', { identity: 2 }],
  ['accepted while no Pod answers', lost(2, EARLIER), undefined, '2', { identity: 2 }],
  [
    'the annotation of an earlier loss',
    { identity: 2 },
    3,
    '2',
    { identity: 2, lost: { identity: 3, since: NOW } },
  ],
  ['an annotation with another value', lost(2, EARLIER), 2, 'true', lost(2, EARLIER)],
];

for (const [what, before, reading, accepted, after] of CASES) {
  test(`identity of the data: ${what}`, (t) => {
    t.deepEqual(storeStatusOf(before, reading, cluster(accepted), NOW), after);
  });
}

const redisPod = (metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'city-redis-0',
    namespace: 'charging',
    uid: 'u',
    labels: { 'app.kubernetes.io/component': 'redis' },
    ...metadata,
  },
});
const refreshed = (at: string) => ({ annotations: { [REFRESHED]: at } });
const REFRESHES: readonly (readonly [what: string, refused: string[], pod: object, due: boolean])[] = [
  ['no login is refused', [], {}, false],
  ['a login is refused', ['uid'], {}, true],
  ['it was refreshed just now', ['uid'], refreshed('2026-11-23T00:59:45Z'), false],
  ['it was refreshed a while ago', ['uid'], refreshed('2026-11-23T00:59:29Z'), true],
  ['the Pod ends', ['uid'], { deletionTimestamp: NOW }, false],
];

for (const [what, loginRefused, metadata, due] of REFRESHES) {
  test(`the Pod of Redis reads its password again: ${what}`, (t) => {
    const observed = { ...NOTHING, pods: [redisPod(metadata)] };
    const found = passwordRefresh(observed, { store: { loginRefused, prefixTaken: [] } }, Date.parse(NOW));
    const expected = {
      name: 'city-redis-0',
      namespace: 'charging',
      uid: 'u',
      ...refreshed('2026-11-23T01:00:00.000Z'),
    };
    t.deepEqual(
      found.map((one) => one.metadata),
      due ? [expected] : [],
    );
  });
}

function reading(pods: Readonly<Record<string, Readonly<Record<string, number>>>>) {
  const samples = Object.entries(pods).map(([pod, values]) => ({
    pod,
    component: 'processor' as const,
    at: 1000,
    values,
  }));
  const history = remember(new Map(), samples, Object.keys(pods));
  return (now: number) => signalsOf(history, { proxies: [], now, staleMs: 5000 }).store;
}
const identity = (value: number) => ({ [METRIC.storeIdentity]: value });

test('an identity counts when all Pods that know it agree, and for as long as their samples are fresh', (t) => {
  t.is(reading({ a: identity(7), b: identity(7), c: {} })(1000)?.identity, 7);
  t.is(reading({ a: identity(7), b: identity(8) })(1000)?.identity, undefined);
  t.is(reading({ a: {} })(1000)?.identity, undefined);
  t.is(reading({ a: identity(7) })(6001)?.identity, undefined);
});

test('each problem names its Pods and what to do', (t) => {
  const pods = ['p1', 'p2', 'p3', 'p4', 'p5'].map((name) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, uid: `uid-${name}` },
  }));
  const observed = { ...NOTHING, pods };
  const refused = { [METRIC.storeLoginRefused]: 1, [METRIC.storePrefixTaken]: 0 };
  const signals = reading({
    'uid-p1': refused,
    'uid-p2': { [METRIC.storeLoginRefused]: 0, [METRIC.storePrefixTaken]: 1 },
    'uid-p3': refused,
    'uid-p4': refused,
    'uid-p5': refused,
  })(1000);
  const problems = storeProblems(cluster(), lost(2), signals, observed);
  t.deepEqual(
    problems.map(({ reason }) => reason),
    ['DataLost', 'PrefixTaken', 'LoginRefused'],
  );
  const [data, prefix, login] = problems.map(({ message }) => message);
  t.regex(
    data ?? '',
    /since 2026-11-23T01:00:00Z .*kubectl -n charging annotate ocpp city --overwrite .*=2$/,
  );
  t.regex(prefix ?? '', /^p2: /);
  t.regex(login ?? '', /^p1, p3, p4 and 1 more: /);
  t.deepEqual(storeProblems(cluster(), { identity: 1 }, reading({ a: {} })(1000), observed), []);
});
