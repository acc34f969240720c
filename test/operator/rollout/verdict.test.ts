/** When a rollout goes back, and which Pods move in which order. */
import test from 'ava';
import { array, assert, boolean, constantFrom, integer, nat, option, property, record } from 'fast-check';
import { firstPortion, isNews, moveRest } from '../../../operator/rollout/orders.ts';
import type { ProxyPod, ProxySet } from '../../../operator/rollout/proxy-set.ts';
import { allowedMissing, reasonToGoBack, type VerdictInput } from '../../../operator/rollout/verdict.ts';
import type { DrainReport } from '../../../services/contract.ts';

const pod = (name: string, more: Partial<ProxyPod> = {}): ProxyPod => ({
  id: name,
  name,
  ready: true,
  createdAt: 1000,
  terminating: false,
  restarts: 0,
  ...more,
});
const setOf = (...pods: readonly ProxyPod[]): ProxySet => ({
  name: 's',
  template: 't',
  replicas: pods.length,
  lastUsedAt: 0,
  pods,
});
const counts = (stations: number, missing: number) => ({
  id: 'r',
  moves: stations,
  stations,
  movedAgain: 0,
  forced: 0,
  away: missing,
  missing,
  peakReturnsPerSecond: 0,
});
const FINE: VerdictInput = {
  counts: counts(1000, 10),
  returnWithinSeconds: 120,
  countedForMs: 600_000,
  before: { accepted: 100, failed: 0, seconds: 30 },
  since: { accepted: 100, failed: 0, seconds: 30 },
  newSet: setOf(pod('a')),
  restarts: 0,
};

const CASES: readonly (readonly [string, Partial<VerdictInput>, RegExp | undefined])[] = [
  ['1 % are missing', {}, undefined],
  [
    'more than 1 % are missing',
    { counts: counts(1000, 11) },
    /^11 of 1000 moved stations have not returned within 120 s/,
  ],
  [
    'many are missing, and Redis was away until a minute ago',
    { counts: counts(1000, 500), countedForMs: 60_000 },
    undefined,
  ],
  ['3 of a few are missing', { counts: counts(10, 3) }, undefined],
  ['4 of a few are missing', { counts: counts(10, 4) }, /^4 of 10/],
  ['the counts are unknown', { counts: undefined }, undefined],
  ['few handshakes fail', { since: { accepted: 92, failed: 8, seconds: 30 } }, undefined],
  [
    'many handshakes fail',
    { since: { accepted: 80, failed: 20, seconds: 30 } },
    /^20 of 100 handshakes failed at the new Pods/,
  ],
  [
    'one station failed before and goes on, while few others connect',
    { before: { accepted: 0, failed: 2, seconds: 35 }, since: { accepted: 20, failed: 16, seconds: 120 } },
    undefined,
  ],
  [
    'the few failed before, and now all',
    { before: { accepted: 0, failed: 10, seconds: 30 }, since: { accepted: 0, failed: 500, seconds: 10 } },
    /^500 of 500/,
  ],
  ['too few handshakes to tell', { since: { accepted: 1, failed: 8, seconds: 30 } }, undefined],
  ['one restart', { restarts: 1 }, undefined],
  [
    'two restarts',
    { restarts: 2, newSet: setOf(pod('a'), pod('b', { failure: 'Pod b crashes' })) },
    /^the new Pods restarted 2 times: Pod b crashes/,
  ],
  [
    'two restarts among many Pods',
    { restarts: 2, newSet: setOf(...Array.from({ length: 50 }, (_, i) => pod(`p${i}`))) },
    undefined,
  ],
];
for (const [name, more, expected] of CASES)
  test(`${name}: ${expected === undefined ? 'goes on' : 'goes back'}`, (t) => {
    const reason = reasonToGoBack({ ...FINE, ...more });
    if (expected === undefined) t.is(reason, undefined);
    else t.regex(reason ?? '', expected);
  });

const report = record({
  sessions: nat(500),
  inTransaction: nat(100),
  moved: nat(50),
  rollout: constantFrom('r', 'earlier'),
  mode: constantFrom('accepting' as const, 'refusing' as const, 'draining' as const),
  moves: option(nat(20), { nil: undefined }),
});
const pods = array(report, { minLength: 1, maxLength: 6 }).map((reports) =>
  reports.map(({ moves, ...one }, index) => {
    const inTransaction = Math.min(one.inTransaction, one.sessions);
    const found: DrainReport = {
      ...one,
      inTransaction,
      ...(moves !== undefined && { moves }),
      handshakes: { accepted: 0, failed: 0 },
    };
    return pod(`p${index}`, { report: found });
  }),
);

test('property: the first portion is no more than asked for, and no Pod keeps accepting', (t) => {
  const holds = property(pods, integer({ min: 1, max: 60 }), (all, portion) => {
    const orders = firstPortion([setOf(...all)], 'r', portion).map(([, order]) => order);
    const moves = orders.reduce((sum, order) => sum + (order.moves ?? 0), 0);
    const everyDrainIsBounded = orders.every(
      ({ mode, moves: most }) => mode !== 'draining' || most !== undefined,
    );
    return (
      orders.length === all.length &&
      moves <= portion &&
      everyDrainIsBounded &&
      !orders.some(({ mode }) => mode === 'accepting')
    );
  });
  t.notThrows(() => assert(holds));
});

test('property: at most one further Pod begins to drain at a time, none while it may not, and none stops', (t) => {
  const holds = property(pods, boolean(), boolean(), (all, mayOpenNext, transactionsWait) => {
    const orders = new Map(moveRest({ old: [setOf(...all)], rollout: 'r', transactionsWait, mayOpenNext }));
    const isOpen = ({ report: one }: ProxyPod) =>
      typeof one === 'object' && one.rollout === 'r' && one.mode === 'draining' && one.moves === undefined;
    const begun = all.filter((one) => !isOpen(one) && orders.get(one.id)?.mode === 'draining');
    const stopped = all.filter((one) => isOpen(one) && orders.get(one.id)?.mode !== 'draining');
    return begun.length <= (mayOpenNext ? 1 : 0) && stopped.length === 0;
  });
  t.notThrows(() => assert(holds));
});

test('an order is sent once', (t) => {
  const base = { sessions: 1, inTransaction: 0, moved: 0, handshakes: { accepted: 0, failed: 0 } };
  t.true(isNews({ mode: 'draining', rollout: 'r' }, { ...base, mode: 'accepting' }));
  t.false(isNews({ mode: 'draining', rollout: 'r' }, { ...base, mode: 'draining', rollout: 'r' }));
  t.true(isNews({ mode: 'draining', rollout: 'r' }, { ...base, mode: 'draining', rollout: 'r', moves: 10 }));
  t.true(isNews({ mode: 'draining', rollout: 'r' }, { ...base, mode: 'draining', rollout: 'q' }));
  t.false(
    isNews({ mode: 'accepting', rollout: 'r' }, { ...base, mode: 'accepting' }),
    'a Pod that has just started',
  );
});

test('a few may be missing whatever the size', (t) => {
  t.deepEqual([0, 10, 300, 301, 2000].map(allowedMissing), [3, 3, 3, 4, 20]);
});
