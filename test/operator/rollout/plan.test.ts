/** Rollouts on a model: every interleaving ends with each station connected and moved once, unless something failed. */
import test from 'ava';
import {
  type Arbitrary,
  array,
  assert,
  constant,
  constantFrom,
  integer,
  nat,
  oneof,
  property,
  record,
} from 'fast-check';
import { planRollout } from '../../../operator/rollout/plan.ts';
import { Model, type Release } from './model.ts';

const OLD: Release = { template: 'old', readyAfter: 2 };
const NEW: Release = { template: 'new', readyAfter: 15 };

const random = (seed: number) => () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed / 2_147_483_648;
};

function running(first: Release = OLD, stations = 200, seed = 1): Model {
  const model = new Model(first, { stations, replicas: 4, charging: stations / 5, random: random(seed) });
  model.settle();
  return model;
}

test('a rollout moves each station once, and ends with the new set alone', (t) => {
  const model = running();
  model.release = NEW;
  t.true(model.settle());
  t.is(model.state?.phase, 'Completed');
  t.deepEqual([...model.templates()], ['new']);
  t.is(model.moves.size, 200);
  t.is(model.mostMoves, 1);
  t.deepEqual(model.phases, ['Preparing', 'Switching', 'FirstPortion', 'Moving', 'Completed']);
  t.is(model.pods.length, 4);
});

test('a set that never becomes ready moves no station', (t) => {
  const model = running();
  model.release = { template: 'new' };
  model.steps(600);
  t.is(model.state?.phase, 'Preparing');
  t.is(model.moves.size, 0);
  t.is(model.away, 0);
});

test('a release that refuses stations moves at most the first portion, and all return to the old set', (t) => {
  const model = running(OLD, 2000);
  model.release = { ...NEW, refuses: true };
  t.true(model.settle());
  t.is(model.state?.phase, 'Aborted');
  t.true(model.moves.size <= 20, `${model.moves.size} moved`);
  t.deepEqual([...model.templates()], ['old']);
  t.regex(model.state?.message ?? '', /handshakes failed|have not returned/);
});

test('a template that was aborted is tried again only with another value of the annotation', (t) => {
  const model = running();
  model.release = { ...NEW, refuses: true };
  t.true(model.settle());
  model.steps(60);
  t.is(model.state?.phase, 'Aborted');
  model.retry = 'now';
  model.steps(5);
  t.is(model.state?.phase, 'Preparing');
});

test('a release that crashes after a minute goes back, and no station stays away', (t) => {
  const model = running(OLD, 200);
  model.release = { ...NEW, crashesAfter: 60 };
  model.steps(400);
  t.is(model.state?.phase, 'Aborted');
  t.true(model.settle());
  t.deepEqual([...model.templates()], ['old']);
});

test('a deleted set is created again; a set of an earlier spec, which is kept without Pods, does not serve instead', (t) => {
  const model = running();
  model.release = NEW;
  t.true(model.settle());
  const { sets } = model;
  t.is(sets.length, 2);
  model.deleteSet(model.serving ?? '');
  model.steps(1);
  t.deepEqual(new Set(model.pods.map(({ release }) => release.template)), new Set(['new']));
  t.true(model.settle());
  t.deepEqual([...model.templates()], ['new']);
  t.deepEqual(model.sets, sets);
});

test('an earlier spec finds its set again', (t) => {
  const model = running();
  model.release = NEW;
  t.true(model.settle());
  const before = model.serving;
  model.release = OLD;
  t.true(model.settle());
  t.deepEqual([...model.templates()], ['old']);
  t.not(model.serving, before);
  t.is(model.state?.toSet, 'city-ws-proxy-old');
});

test('a spec that changes half-way moves no station twice to one template', (t) => {
  const model = running(OLD, 400);
  model.release = NEW;
  while (model.moves.size < 100) model.step();
  model.release = { template: 'third', readyAfter: 15 };
  t.true(model.settle());
  t.deepEqual([...model.templates()], ['third']);
  t.true(model.mostMoves <= 2);
});

test('a paused rollout moves no station, and goes on when resumed', (t) => {
  const model = running();
  model.release = NEW;
  while (model.moves.size < 60) model.step();
  model.hold = true;
  model.step();
  const moved = model.moves.size;
  model.steps(100);
  t.is(model.moves.size, moved);
  model.hold = false;
  t.true(model.settle());
  t.is(model.mostMoves, 1);
});

const EARLIER: Release = { ...OLD, isOld: true };

test('a set of an earlier release without orders moves by removing one Pod after the other', (t) => {
  const model = running(EARLIER);
  model.release = NEW;
  t.true(model.settle());
  t.is(model.state?.phase, 'Completed');
  t.deepEqual([...model.templates()], ['new']);
  t.is(model.closes.size, 200);
  t.is(model.mostCloses, 1);
  t.is(model.mostEnding, 1);
});

test('a release that refuses stations takes those of one Pod of an earlier release at most, and they return', (t) => {
  const model = running(EARLIER);
  model.release = { ...NEW, refuses: true };
  t.true(model.settle());
  t.is(model.state?.phase, 'Aborted');
  t.deepEqual([...model.templates()], ['old']);
  t.true(model.closes.size <= 80, `${model.closes.size} were closed`);
});

test('a release that crashes goes back to the Pods of an earlier release', (t) => {
  const model = running(EARLIER);
  model.release = { ...NEW, crashesAfter: 60 };
  model.steps(400);
  t.is(model.state?.phase, 'Aborted');
  t.true(model.settle());
  t.deepEqual([...model.templates()], ['old']);
});

test('Pods without orders are removed before those that take orders drain: never two Pods at once', (t) => {
  const model = running(EARLIER, 400);
  model.release = NEW;
  while (model.closes.size < 150) model.step();
  model.release = { template: 'third', readyAfter: 15 };
  while (model.state?.phase !== 'Moving' || model.state.template !== 'third') model.step();
  model.mostDraining = 0;
  t.true(model.settle());
  t.deepEqual([...model.templates()], ['third']);
  t.is(model.mostDraining, 1);
});

test('an empty set that takes orders does not hold up the rollout from one that takes none', (t) => {
  const model = running(EARLIER);
  model.release = NEW;
  while (model.state?.phase !== 'Switching') model.step();
  model.release = { template: 'third', readyAfter: 8 };
  t.true(model.settle());
  t.deepEqual([...model.templates()], ['third']);
  t.is(model.mostCloses, 1);
});

const EVENT = oneof(
  {
    weight: 4,
    arbitrary: record({ kind: constant('wait' as const), seconds: integer({ min: 1, max: 40 }) }),
  },
  {
    weight: 1,
    arbitrary: record({ kind: constant('pause' as const), seconds: integer({ min: 1, max: 60 }) }),
  },
  {
    weight: 1,
    arbitrary: record({ kind: constant('down' as const), seconds: integer({ min: 1, max: 60 }) }),
  },
);
const FAILURE = oneof(
  record({ kind: constant('kill' as const), pod: nat(7) }),
  record({ kind: constant('mute' as const), pod: nat(7), seconds: integer({ min: 1, max: 60 }) }),
  record({
    kind: constant('change' as const),
    template: constantFrom('old', 'new', 'third', 'refusing', 'crashing'),
  }),
);
type Event =
  | (typeof EVENT extends Arbitrary<infer T> ? T : never)
  | (typeof FAILURE extends Arbitrary<infer T> ? T : never);

const RELEASES: Readonly<Record<string, Release>> = {
  old: OLD,
  new: NEW,
  third: { template: 'third', readyAfter: 8 },
  refusing: { template: 'refusing', readyAfter: 8, refuses: true },
  crashing: { template: 'crashing', readyAfter: 8, crashesAfter: 40 },
};

function play(model: Model, events: readonly Event[]): void {
  for (const event of events) {
    if (event.kind === 'kill') model.kill(event.pod);
    else if (event.kind === 'mute') {
      model.mute = event.pod;
      model.muteUntil = model.now + event.seconds * 1000;
    } else if (event.kind === 'change') model.release = RELEASES[event.template] ?? OLD;
    else {
      model.hold = event.kind === 'pause';
      model.isDown = event.kind === 'down';
      model.steps(event.seconds);
      model.hold = false;
      model.isDown = false;
    }
  }
}

test('a smaller number of Pods waits for the end of a rollout, and for the scale-in after it', (t) => {
  const pods = Array.from({ length: 4 }, (_, i) => ({
    id: `p${i}`,
    name: `p${i}`,
    ready: true,
    createdAt: 0,
    terminating: false,
    restarts: 0,
    sessions: 10,
  }));
  const at = '2026-11-29T01:00:00Z';
  const input = {
    settings: {
      strategy: 'BlueGreen',
      minReadySeconds: 5,
      propagationSeconds: 10,
      returnWithinSeconds: 30,
      revisionHistoryLimit: 2,
    },
    transactions: 'Close',
    baseName: 'city-ws-proxy',
    template: 'new',
    replicas: 2,
    sets: [{ name: 'city-ws-proxy-new', template: 'new', replicas: 4, lastUsedAt: 0, pods }],
    serving: 'city-ws-proxy-new',
    state: {
      id: 'r',
      phase: 'Moving',
      toSet: 'city-ws-proxy-new',
      template: 'new',
      startedTime: at,
      phaseTime: at,
    },
    hold: false,
    now: Date.parse(at) + 60_000,
  } as const;
  const plan = planRollout(input);
  t.is(plan.state?.phase, 'Completed');
  t.is(plan.sets[0]?.replicas, 4, 'in the pass that ends it');
  t.is(
    planRollout({ ...input, state: plan.state }).sets[0]?.replicas,
    2,
    'the scale-in decides from then on',
  );
});

test('without a failure every interleaving moves each station exactly once', (t) => {
  const holds = property(array(EVENT, { maxLength: 12 }), nat(1e6), (events, seed) => {
    const model = running(OLD, 60, seed + 1);
    model.release = NEW;
    play(model, events);
    const settled = model.settle();
    return settled && model.mostMoves === 1 && model.moves.size === 60 && model.templates().has('new');
  });
  t.notThrows(() => assert(holds, { numRuns: 150 }));
});

test('the same without orders: every interleaving ends with one close of each station', (t) => {
  const holds = property(array(EVENT, { maxLength: 12 }), nat(1e6), (events, seed) => {
    const model = running(EARLIER, 60, seed + 1);
    model.release = NEW;
    play(model, events);
    const settled = model.settle();
    return settled && model.mostCloses === 1 && model.closes.size === 60 && model.mostEnding === 1;
  });
  t.notThrows(() => assert(holds, { numRuns: 100 }));
});

test('whatever fails after a release without orders, every interleaving ends with each station connected to one set', (t) => {
  const holds = property(array(oneof(EVENT, FAILURE), { maxLength: 14 }), nat(1e6), (events, seed) => {
    const model = running(EARLIER, 60, seed + 1);
    model.release = NEW;
    play(model, events);
    if (model.release === OLD || ['refusing', 'crashing'].includes(model.release.template))
      model.release = EARLIER;
    return model.settle() && model.templates().size === 1;
  });
  t.notThrows(() => assert(holds, { numRuns: 150 }));
});

test('whatever fails, every interleaving ends with each station connected to one set', (t) => {
  const holds = property(array(oneof(EVENT, FAILURE), { maxLength: 14 }), nat(1e6), (events, seed) => {
    const model = running(OLD, 60, seed + 1);
    model.release = NEW;
    play(model, events);
    if (['refusing', 'crashing'].includes(model.release.template)) model.release = OLD;
    return model.settle() && model.templates().size === 1;
  });
  t.notThrows(() => assert(holds, { numRuns: 200 }));
});
