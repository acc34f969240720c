/** What the page of the network says is wrong, and what it says of ws-proxies, rollouts and the last hour. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { CONDITION_TEXTS } from '../../services/console/condition-texts.ts';
import { findingsOf } from '../../services/console/network/findings.ts';
import { joined, NO_HISTORY, withPoll } from '../../services/console/network/history.ts';
import { leavingView, rolloutView } from '../../services/console/network/moving.ts';
import { proxyRows, skewOf } from '../../services/console/network/proxies.ts';
import { sideOf, type Status, type Webhook } from '../../services/console/network/status.ts';
import {
  clusterWith,
  condition,
  DEGRADED,
  FIGURES,
  HEALTHY,
  MONOLITH,
  moving,
  processor,
  proxy,
  SIXTY,
  WEBHOOKS,
} from './network-states.ts';
import type { ScriptedStatus } from './scripted-api.ts';

const statusOf = (status: ScriptedStatus): Status => ({
  figures: {},
  version: '1.2.3',
  you: { name: 'test', scope: 'admin' },
  ...status,
});
const found = (status: ScriptedStatus, webhooks: readonly Webhook[] = [], now = Date.now()) =>
  findingsOf([statusOf(status)], webhooks, now).map(({ severity, key }) => `${severity} ${key}`);

/** Condition → reason → whether docs/operations.md has something to do. */
function reasonsOfPage(): Readonly<Record<string, Readonly<Record<string, boolean>>>> {
  const page = readFileSync(join(import.meta.dirname, '../../docs/operations.md'), 'utf8');
  const [, section = ''] = /\n## Conditions\n([\s\S]*?)\n## /.exec(page) ?? [];
  const reasons: Record<string, Record<string, boolean>> = {};
  let type = '';
  for (const line of section.split('\n').filter((one) => one.startsWith('|'))) {
    const [, name = '', words = '', , step = ''] = line.split('|');
    type = name.trim() === '' ? type : name.trim();
    for (const [, reason = ''] of words.matchAll(/`(\w+)`/g))
      reasons[type] = { ...reasons[type], [reason]: step.trim() !== '–' };
  }
  return reasons;
}

test('each reason of docs/operations.md has its text, and a step where that page has one', (t) => {
  const texts = Object.entries(CONDITION_TEXTS).map(([type, reasons]) => [
    type,
    Object.fromEntries(Object.entries(reasons).map(([reason, [, step]]) => [reason, step !== undefined])),
  ]);
  const page = reasonsOfPage();
  t.true(Object.values(page).flatMap(Object.keys).length > 60);
  t.deepEqual(Object.fromEntries(texts), page);
});

test('a healthy network has no finding but remarks on its configuration', (t) => {
  t.deepEqual(found(HEALTHY), ['note HighlyAvailable/SingleRedisPod']);
  t.deepEqual(found(MONOLITH), []);
});

test('the worst is first, and what another condition repeats is left out', (t) => {
  t.deepEqual(found(DEGRADED, WEBHOOKS.items), [
    'bad Available/NoProcessorReady',
    'bad queue',
    'bad memory',
    'warn AutoscalingActive/SignalsMissing',
    'warn letters',
    'warn webhook-billing',
    'note HighlyAvailable/SingleRedisPod',
  ]);
});

test('a step names the cluster, and a message stays as it is', (t) => {
  const cluster = clusterWith([condition('RedisReady', 'False', 'NotReady', 'city-redis-0 does not answer')]);
  const [first] = findingsOf([statusOf({ ...HEALTHY, cluster })]);
  t.like(first, {
    severity: 'bad',
    message: 'city-redis-0 does not answer',
    step: 'See why: kubectl -n charging describe pod city-redis-0',
  });
});

test('a certificate that expires soon is a finding, whatever else the condition Secured says', (t) => {
  const now = Date.parse('2026-06-01T00:00:00Z');
  const at = (days: number) => new Date(now + days * 86_400_000).toISOString();
  const certificates = [{ listener: 'tls', what: 'server', notAfter: at(6) }];
  const security = { certificates, authorityNotAfter: at(31) };
  const plain = [condition('Secured', 'False', 'PlainListener', 'x')];
  const of = (conditions: typeof plain, more: object) =>
    findingsOf([statusOf({ ...HEALTHY, cluster: clusterWith(conditions, more) })], [], now).filter(
      ({ key }) => key === 'certificates',
    );
  t.like(of(plain, { security }), [
    { severity: 'warn', title: 'A certificate expires soon, or has expired' },
  ]);
  t.regex(of(plain, { security })[0]?.message ?? '', /^the certificate of the listener tls ends at /);
  t.regex(
    of(plain, { security: { authorityNotAfter: at(29) } })[0]?.message ?? '',
    /^the certificate of the internal authority ends at /,
  );
  t.is(of(plain, { store: { identity: 1, certificateNotAfter: at(-1) } })[0]?.severity, 'bad');
  t.deepEqual(of(plain, { security: { certificates: [], authorityNotAfter: at(31) } }), []);
  const said = [condition('Secured', 'False', 'CertificateExpiring', 'x')];
  t.deepEqual(of(said, { security }), [], 'the condition says it');
});

test('a step of a figure names the cluster too', (t) => {
  const uneven = { ...HEALTHY, proxies: [proxy('a', 100), proxy('b', 0)] };
  const steps = (status: ScriptedStatus) =>
    findingsOf([statusOf(status)]).flatMap(({ key, step }) => (key === 'skew' ? [step] : []));
  t.regex(steps(uneven)[0] ?? '', /kubectl -n charging annotate ocpp city --overwrite ocpp\.dev\/rebalance=/);
  const { cluster: _none, ...without } = uneven;
  t.regex(steps(without)[0] ?? '', /-n NAMESPACE annotate ocpp NAME /);
});

test('a reason of another release is a finding if its condition is not as it should be', (t) => {
  const cluster = (value: 'True' | 'False' | 'Unknown') =>
    clusterWith([condition('Degraded', value, 'OfTomorrow', 'x')]);
  t.deepEqual(found({ ...HEALTHY, cluster: cluster('True') })[0], 'warn Degraded/OfTomorrow');
  t.deepEqual(found({ ...HEALTHY, cluster: cluster('Unknown') })[0], 'warn Degraded/OfTomorrow');
  t.deepEqual(found({ ...HEALTHY, cluster: cluster('False') }).length, 1);
});

test('figures speak where no operator does', (t) => {
  const { cluster: _none, ...without } = HEALTHY;
  t.deepEqual(found({ ...without, processors: [], proxies: [proxy('a', 3, true)] }), [
    'bad no-proxy',
    'bad no-processor',
  ]);
  t.deepEqual(
    found({ ...without, processors: [...HEALTHY.processors, { ...processor('p', 1), leaseSeconds: 0 }] }),
    ['warn dead'],
  );
  const rates = { handshakes: { limit: 50, demand: 400, leased: 50, waiting: 350 } };
  t.deepEqual(found({ ...without, rates }), ['busy storm-handshakes']);
  t.deepEqual(found({ ...without, clusterProblem: 'no answer' }), ['warn kubernetes']);
  t.deepEqual(found({ ...without, figures: { ...FIGURES, queueOldestSeconds: 6 } }), ['warn queue']);
});

test('a figure that is beyond its bound for a moment is no finding', (t) => {
  const slow = (seconds: number) =>
    statusOf({ ...HEALTHY, figures: { ...FIGURES, storeResponseSeconds: seconds } });
  const keys = (...seconds: number[]) => findingsOf(seconds.map(slow)).map(({ key }) => key);
  t.false(keys(0.001, 0.001, 3).includes('slow-store'));
  t.true(keys(0.001, 3, 0.4, 0.5).includes('slow-store'));
  t.true(keys(3).includes('slow-store'), 'a page that was just opened');
  const { cluster: _none, ...without } = HEALTHY;
  const gone = statusOf({ ...without, processors: [] });
  t.deepEqual(findingsOf([statusOf(without), gone, gone]), []);
  t.like(findingsOf([statusOf(without), gone, gone, gone]), [{ key: 'no-processor' }]);
});

test('a rollout that makes no progress is a finding, unless it is paused', (t) => {
  const later = Date.now() + 901_000;
  t.true(found(moving(100, 90), [], later).includes('warn stalled'));
  t.false(found(moving(100, 90)).includes('warn stalled'));
  const { cluster: { status: { rollout } } = clusterWith([]), ...rest } = moving(100, 90);
  const paused = condition('Progressing', 'False', 'RolloutsPaused', 'Pods are not replaced');
  const cluster = clusterWith([paused], rollout && { rollout });
  t.deepEqual(found({ ...rest, cluster }, [], later), [
    'warn Progressing/RolloutsPaused',
    'note HighlyAvailable/SingleRedisPod',
  ]);
});

test('stations of one ws-proxy that are many more than the mean are a finding; not while they move', (t) => {
  t.deepEqual(skewOf(statusOf(SIXTY))?.name, 'city-ws-proxy-5d8f7-6c9d5b-00017');
  t.is(Math.round(skewOf(statusOf(SIXTY))?.mean ?? 0), 514);
  t.is(proxyRows(statusOf(SIXTY))[0]?.name, 'city-ws-proxy-5d8f7-6c9d5b-00017');
  t.is(skewOf(statusOf(HEALTHY)), undefined);
  t.deepEqual(skewOf(statusOf({ proxies: [proxy('a', 0), proxy('b', 200)] })), {
    name: 'b',
    stations: 200,
    mean: 100,
  });
  t.is(skewOf(statusOf({ proxies: [proxy('a', 2), proxy('b', 9)] })), undefined, 'too few to say so');
  t.is(skewOf(statusOf({ proxies: [proxy('a', 900), proxy('b', 0, true)] })), undefined, 'one that ends');
  t.is(skewOf(statusOf(moving(500, 480))), undefined);
});

test('a Pod belongs to the set whose name it has, also if one name begins with the other', (t) => {
  const first = { fromSet: 'city-ws-proxy', toSet: 'city-ws-proxy-c2b19' };
  t.is(sideOf('city-ws-proxy-6c9d5b-2xkqp', first), 'old');
  t.is(sideOf('city-ws-proxy-c2b19-78f4d9-4nlsk', first), 'new');
  const back = { fromSet: 'city-ws-proxy-c2b19', toSet: 'city-ws-proxy' };
  t.is(sideOf('city-ws-proxy-c2b19-78f4d9-4nlsk', back), 'old');
  t.is(sideOf('city-ws-proxy-6c9d5b-2xkqp', back), 'new');
  t.is(sideOf('other-6c9d5b-2xkqp', { toSet: 'city-ws-proxy' }), 'old');
});

test('a rollout has the counts of Redis, which are newer than those of the operator', (t) => {
  const status = statusOf(moving(500, 480));
  t.like(rolloutView(status), {
    old: { name: 'city-ws-proxy-5d8f7', stations: 700, pods: 3 },
    new: { name: 'city-ws-proxy-c2b19', stations: 480, pods: 2 },
    between: 20,
    moved: 500,
    returned: 480,
  });
  const { rollout: _counts, ...without } = status;
  t.like(rolloutView(without), { between: 20, moved: 460, returned: 440 });
  t.is(leavingView(status), undefined, 'its Pods are in its own view');
});

test('Pods that end are named, with what they still hold', (t) => {
  const cluster = clusterWith([], {
    drain: [{ pod: 'a', sessions: 7, deadline: '2026-03-01T09:00:00Z' }],
    proxy: {
      replicas: 2,
      readyReplicas: 2,
      scaleIn: { id: 's', since: '2026-03-01T08:00:00Z', pods: ['b'] },
    },
  });
  t.deepEqual(leavingView(statusOf({ cluster, proxies: [proxy('b', 12), proxy('c', 3)] })), {
    pods: [
      { name: 'a', stations: 7, deadline: '2026-03-01T09:00:00Z' },
      { name: 'b', stations: 12 },
    ],
    since: '2026-03-01T08:00:00Z',
  });
});

test('the history keeps an hour of polls, with a hole where there were none', (t) => {
  const poll = (connected: number) => statusOf({ figures: { stationsConnected: connected } });
  let history = withPoll(NO_HISTORY, 1000, poll(1));
  history = withPoll(history, 1002, poll(2));
  history = withPoll(history, 1100, poll(3));
  t.deepEqual(history.stationsConnected, [
    [1000, 1],
    [1002, 2],
    [1003, null],
    [1100, 3],
  ]);
  t.deepEqual(history.inFlight.at(-1), [1100, null], 'a figure that is missing is no 0');
  history = withPoll(history, 1000 + 3601, poll(4));
  t.is(history.stationsConnected[0]?.[0], 1002);
  const stored = { stationsConnected: [[1001, 9] as const, [4600, 8] as const] };
  t.deepEqual(joined(stored, history).stationsConnected, [
    [1001, 9],
    [4600, 8],
    [4601, 4],
  ]);
});
