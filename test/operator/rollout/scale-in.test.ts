/** Scale-in on the model of a rollout: stations move before their Pod ends, each at most once each way. */
import test from 'ava';
import { array, assert, constant, constantFrom, integer, nat, oneof, property, record } from 'fast-check';
import { planScaleIn, type ScaleInInput } from '../../../operator/rollout/scale-in.ts';
import type { ProxyPod, ProxySet } from '../../../operator/rollout/proxy-set.ts';
import type { DrainReport } from '../../../services/contract.ts';
import { Model, type Release } from './model.ts';

const FIRST: Release = { template: 'first', readyAfter: 2 };
const SECOND: Release = { template: 'second', readyAfter: 8 };

const random = (seed: number) => () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed / 2_147_483_648;
};

function running(stations = 120, seed = 1, first = FIRST): Model {
  const model = new Model(first, { stations, replicas: 4, charging: 0, random: random(seed) });
  model.settle();
  return model;
}

const heldBy = (model: Model) =>
  model.pods.map((pod) => model.stations.filter((one) => one.pod === pod).length);

test('4 -> 2 -> 4: the stations of the two emptiest Pods move once, and those of the others stay', (t) => {
  const model = running();
  const [least = 0, second = 0] = heldBy(model).sort((a, b) => a - b);
  model.replicas = 2;
  t.true(model.settle());
  t.is(model.pods.length, 2);
  t.is(model.moves.size, least + second);
  t.is(model.mostMoves, 1);
  model.replicas = 4;
  t.true(model.settle());
  t.is(model.moves.size, least + second, 'a scale-out moves no station');
});

test('no Pod ends with a station', (t) => {
  const model = running();
  model.replicas = 1;
  while (model.pods.length > 1) {
    model.step();
    t.false(model.pods.some((pod) => pod.terminating && model.stations.some((one) => one.pod === pod)));
  }
  t.true(model.settle());
  t.is(model.mostMoves, 1);
});

test('a scale-out meanwhile takes it back: the Pods accept stations again, and none of them ends', (t) => {
  const model = running();
  const pods = model.pods.map(({ id }) => id);
  model.replicas = 2;
  model.steps(4);
  t.is(model.scaleIn?.pods.length, 2);
  model.replicas = 4;
  t.true(model.settle());
  t.deepEqual(
    model.pods.map(({ id }) => id),
    pods,
  );
  t.true(model.pods.every(({ order }) => order.mode === 'accepting' && order.leaving !== true));
});

test('a rollout that begins meanwhile takes it back, and the new set has the new number of Pods', (t) => {
  const model = running();
  model.replicas = 2;
  model.steps(4);
  model.release = SECOND;
  t.true(model.settle());
  t.is(model.scaleIn, undefined);
  t.is(model.pods.length, 2);
  t.deepEqual([...model.templates()], ['second']);
  t.true(model.mostMoves <= 2);
});

const EVENT = oneof(
  record({ kind: constant('scale' as const), replicas: integer({ min: 1, max: 6 }) }),
  record({ kind: constant('release' as const), release: constantFrom(FIRST, SECOND) }),
  record({ kind: constant('wait' as const), seconds: integer({ min: 1, max: 40 }) }),
  record({ kind: constant('down' as const), seconds: integer({ min: 1, max: 40 }) }),
  record({ kind: constant('kill' as const), pod: nat(7) }),
);

test('whatever happens, every interleaving ends with the wanted Pods, all of them accepting, and each station connected', (t) => {
  const holds = property(array(EVENT, { maxLength: 14 }), nat(1e6), (events, seed) => {
    const model = running(60, seed + 1);
    for (const event of events) {
      if (event.kind === 'scale') model.replicas = event.replicas;
      else if (event.kind === 'release') model.release = event.release;
      else if (event.kind === 'kill') model.kill(event.pod);
      else {
        model.isDown = event.kind === 'down';
        model.steps(event.seconds);
        model.isDown = false;
      }
    }
    const accepts = () =>
      model.pods.every(({ order }) => order.mode === 'accepting' && order.leaving !== true);
    return model.settle() && accepts() && model.templates().size === 1;
  });
  t.notThrows(() => assert(holds, { numRuns: 200 }));
});

const SCALES = array(record({ replicas: constantFrom(2, 4), seconds: integer({ min: 1, max: 120 }) }), {
  minLength: 1,
  maxLength: 8,
});

test('each change of the number moves a station at most once', (t) => {
  const holds = property(SCALES, nat(1e6), (scales, seed) => {
    const model = running(60, seed + 1);
    let shrinks = 0;
    for (const { replicas, seconds } of scales) {
      if (replicas < model.replicas) shrinks += 1;
      model.replicas = replicas;
      model.steps(seconds);
    }
    return model.settle() && model.mostMoves <= shrinks;
  });
  t.notThrows(() => assert(holds, { numRuns: 150 }));
});

const NOW = 1_700_000_000_000;
const REPORT: DrainReport = {
  mode: 'accepting',
  sessions: 10,
  inTransaction: 0,
  moved: 0,
  handshakes: { accepted: 0, failed: 0 },
};
const LEFT = { rollout: 'scale-in-1', mode: 'draining', leaving: true } as const;

const pod = (name: string, more: Partial<ProxyPod> = {}): ProxyPod => ({
  id: `id-${name}`,
  name,
  ready: true,
  createdAt: 0,
  terminating: false,
  restarts: 0,
  report: REPORT,
  ...more,
});

const planOf = (pods: readonly ProxyPod[], more: Partial<ScaleInInput> = {}) => {
  const set: ProxySet = { name: 's', template: 't', replicas: pods.length, lastUsedAt: 0, pods };
  const since = new Date(NOW - 10_000).toISOString();
  const state = { id: 'scale-in-1', since, pods: ['a'] };
  return planScaleIn({
    set,
    state,
    wanted: 1,
    givesOrders: true,
    blocked: false,
    limitMs: 60_000,
    now: NOW,
    ...more,
  });
};

const B = pod('b');
const WAITS: readonly (readonly [string, Partial<ProxyPod>, Partial<ScaleInInput>, number])[] = [
  ['it has stations', { report: { ...REPORT, ...LEFT } }, {}, 2],
  ['it has none', { report: { ...REPORT, ...LEFT, sessions: 0 } }, {}, 1],
  ['it has none, and has not left yet', { report: { ...REPORT, sessions: 0 } }, {}, 2],
  [
    'it has none, by the order of another scale-in',
    { report: { ...REPORT, ...LEFT, rollout: 'x', sessions: 0 } },
    {},
    2,
  ],
  ['it has none, and accepts', { report: { ...REPORT, ...LEFT, mode: 'accepting', sessions: 0 } }, {}, 2],
  ['it takes too long', { report: { ...REPORT, ...LEFT } }, { limitMs: 9000 }, 1],
  ['it takes no orders', { report: 'unsupported' }, {}, 1],
  ['its report is missing', { report: undefined as never, sessions: 3 }, {}, 2],
  ['it hangs', { ready: false, report: undefined as never }, {}, 2],
  ['it hangs for long', { ready: false, report: undefined as never }, { now: NOW + 25_000 }, 1],
  [
    'it never started, and was not chosen before',
    { ready: false, report: undefined as never },
    { state: undefined },
    1,
  ],
  ['the operator gives no orders', {}, { givesOrders: false }, 1],
  ['a rollout runs', { report: { ...REPORT, ...LEFT } }, { blocked: true }, 1],
];
for (const [when, more, input, replicas] of WAITS) {
  test(`the Deployment ${replicas === 1 ? 'gets smaller' : 'waits'}: ${when}`, (t) => {
    t.is(planOf([pod('a', more), B], input).replicas, replicas);
  });
}

test('the id stays while it runs, also for a new leader, and Pods that leave already come first', (t) => {
  const pods = [
    pod('a', { report: { ...REPORT, ...LEFT, sessions: 9 } }),
    pod('b', { report: { ...REPORT, sessions: 1 } }),
  ];
  const { state, orders } = planOf(pods);
  t.like(state, { id: 'scale-in-1', pods: ['a'] });
  t.deepEqual(orders, [['id-a', { mode: 'accepting', rollout: 'scale-in-1', leaving: true }]]);
  t.regex(planOf(pods, { state: undefined }).state?.id ?? '', /^scale-in-[0-9a-z]+$/);
});

const MODES: readonly (readonly [string, Partial<ProxyPod>, number, string])[] = [
  ['the Service still selects it', {}, NOW, 'accepting'],
  ['it has just become unready', { ready: false, unreadySince: NOW - 2000 }, NOW, 'accepting'],
  ['the Service has left it out', { ready: false, unreadySince: NOW - 5000 }, NOW, 'draining'],
  ['it stays ready whatever it says', {}, NOW + 25_000, 'draining'],
];
for (const [when, more, now, mode] of MODES) {
  test(`a Pod that is to end is ${mode}: ${when}`, (t) => {
    const [first] = planOf([pod('a', { ...more, report: { ...REPORT, ...LEFT } }), B], { now }).orders;
    t.like(first?.[1], { mode, leaving: true });
  });
}
