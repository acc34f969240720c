/** Rebalances on a model of Pods and stations: even within 20 %, in at most three rounds, and no station moves twice. */
import test from 'ava';
import { array, assert, integer, nat, property } from 'fast-check';
import type { ProxyRebalanceStatus } from '../../../operator/api/ocpp-cluster.ts';
import { isEven, movesToEvenOut } from '../../../operator/rollout/evenness.ts';
import { planRebalance, type RebalanceInput } from '../../../operator/rollout/rebalance.ts';
import type { ProxyPod } from '../../../operator/rollout/proxy-set.ts';
import type { DrainOrder } from '../../../services/contract.ts';

const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

test('a Pod with 226 stations beside two with 87 moves so many that all can expect about the mean', (t) => {
  const stations = [226, 87, 87];
  const moves = movesToEvenOut(stations);
  t.deepEqual(moves.slice(1), [0, 0]);
  const expected = stations.map((one, i) => one - (moves[i] ?? 0) + sum(moves) / 3);
  t.true(
    Math.max(...expected) <= 1.1 * (400 / 3) && Math.min(...expected) >= 0.9 * (400 / 3),
    expected.join(),
  );
  t.true(sum(moves) < 139, 'fewer than for an exact result');
});

test('moves never exceed the stations of a Pod, and the expected result is always within the tolerance', (t) => {
  const holds = property(array(nat(5000), { minLength: 1, maxLength: 50 }), (stations) => {
    const moves = movesToEvenOut(stations);
    const each = sum(moves) / stations.length;
    const expected = stations.map((one, i) => one - (moves[i] ?? 0) + each);
    return isEven(expected) && moves.every((one, i) => one >= 0 && one <= (stations[i] ?? 0));
  });
  t.notThrows(() => assert(holds, { numRuns: 500 }));
});

interface Station {
  pod: ModelPod | undefined;
  returnsAt: number;
  moves: number;
  readonly isIdle: boolean;
}

interface ModelPod {
  readonly name: string;
  order: DrainOrder;
  moved: number;
  /** Connected when it began to shed. */
  eligible: Set<Station>;
}

const RATE = 5;

class Cluster {
  now = 1_700_000_000_000;
  state: ProxyRebalanceStatus | undefined;
  value: string | undefined;
  isBlocked = false;
  readonly pods: ModelPod[];
  readonly stations: Station[] = [];
  readonly #random: () => number;
  #counted = { id: '', moves: 0 };

  constructor(sessions: readonly number[], random: () => number, busy = 0) {
    this.#random = random;
    this.pods = sessions.map((count, i) => {
      const pod = {
        name: `p${i}`,
        order: { mode: 'accepting', rollout: '' },
        moved: 0,
        eligible: new Set(),
      } as ModelPod;
      for (let n = 0; n < count; n += 1)
        this.stations.push({ pod, returnsAt: 0, moves: 0, isIdle: n >= busy });
      return pod;
    });
  }

  get sessions(): number[] {
    return this.pods.map((pod) => this.stations.filter((one) => one.pod === pod).length);
  }

  input(): RebalanceInput {
    const { state, value, isBlocked: blocked, now } = this;
    const { id, moves } = this.#counted;
    const away = this.stations.filter(({ pod }) => pod === undefined).length;
    const zero = { stations: moves, movedAgain: 0, forced: 0, missing: 0, peakReturnsPerSecond: 0 };
    const pods = this.pods.map((pod, i): ProxyPod => {
      const { mode, rollout } = pod.order;
      const sessions = this.sessions[i] ?? 0;
      const handshakes = { accepted: 0, failed: 0 };
      const report = { mode, rollout, sessions, inTransaction: 0, moved: pod.moved, handshakes };
      return {
        id: pod.name,
        name: pod.name,
        ready: true,
        createdAt: 0,
        terminating: false,
        restarts: 0,
        report,
      };
    });
    const set = { name: 's', template: 't', replicas: pods.length, lastUsedAt: 0, pods };
    const counts = { id, moves, away, ...zero };
    return {
      value,
      state,
      set,
      givesOrders: true,
      blocked,
      counts,
      ratePerSecond: RATE,
      returnMs: 60_000,
      now,
    };
  }

  step(): void {
    this.now += 1000;
    const { state, orders } = planRebalance(this.input());
    this.state = state;
    for (const [id, order] of orders) this.#order(id, order);
    let budget = RATE;
    for (const pod of this.pods) {
      if (pod.order.mode !== 'shedding') continue;
      const due = [...pod.eligible].filter((one) => one.pod === pod && one.isIdle);
      for (const station of due.slice(0, Math.max(0, Math.min(budget, (pod.order.moves ?? 0) - pod.moved)))) {
        budget -= 1;
        this.#move(station, pod);
      }
    }
    for (const station of this.stations) {
      if (station.pod !== undefined || station.returnsAt > this.now) continue;
      station.pod = this.pods[Math.floor(this.#random() * this.pods.length)];
    }
  }

  #order(id: string, order: DrainOrder): void {
    const pod = this.pods.find(({ name }) => name === id);
    if (pod === undefined) return;
    const isAnother = pod.order.rollout !== order.rollout;
    if (isAnother) pod.moved = 0;
    if (order.mode === 'shedding' && (isAnother || pod.order.mode !== 'shedding')) {
      pod.eligible = new Set(this.stations.filter((one) => one.pod === pod));
    }
    pod.order = order;
  }

  #move(station: Station, pod: ModelPod): void {
    pod.moved += 1;
    const { rollout } = pod.order;
    if (this.#counted.id !== rollout) this.#counted = { id: rollout, moves: 0 };
    this.#counted.moves += 1;
    station.moves += 1;
    station.pod = undefined;
    pod.eligible.delete(station);
    station.returnsAt = this.now + 1000 + Math.floor(this.#random() * 9000);
  }

  /** Until it has ended. */
  settle(limit = 2000): boolean {
    for (let i = 0; i < limit; i += 1) {
      this.step();
      const { value, state } = this;
      if (state?.value === value && state?.finishedTime !== undefined) return true;
    }
    return false;
  }
}

const random = (seed: number) => () => {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return seed / 2_147_483_648;
};

test('226, 87 and 87 stations end within 20 % of the mean, in one round here', (t) => {
  const cluster = new Cluster([226, 87, 87], random(1));
  cluster.value = '1';
  t.true(cluster.settle());
  t.deepEqual(cluster.state?.before, [226, 87, 87]);
  t.deepEqual(
    cluster.state?.after,
    cluster.sessions.sort((a, b) => b - a),
  );
  t.true(isEven(cluster.sessions), cluster.sessions.join());
  t.is(cluster.state?.round, 1);
  t.is(Math.max(...cluster.stations.map(({ moves }) => moves)), 1);
  t.true(cluster.pods.every(({ order }) => order.mode === 'accepting'));
});

test('whatever the numbers are, it ends even after at most three rounds, and no station moves twice', (t) => {
  const sessions = array(integer({ min: 0, max: 150 }), { minLength: 2, maxLength: 5 });
  const holds = property(sessions, nat(1e6), (counts, seed) => {
    const cluster = new Cluster(counts, random(seed + 1));
    cluster.value = 'x';
    const settled = cluster.settle();
    const most = Math.max(0, ...cluster.stations.map(({ moves }) => moves));
    const { round = 0 } = cluster.state ?? {};
    return settled && round <= 3 && most <= 1 && (round === 3 || isEven(cluster.sessions));
  });
  t.notThrows(() => assert(holds, { numRuns: 120 }));
});

test('stations that are not idle stay, and it ends although there are too few others', (t) => {
  const cluster = new Cluster([100, 0], random(1), 90);
  cluster.value = '1';
  t.true(cluster.settle());
  t.true(cluster.stations.every(({ isIdle, moves }) => isIdle || moves === 0));
  t.regex(cluster.state?.message ?? '', /not even/);
});

test('each value is done once', (t) => {
  const cluster = new Cluster([90, 30], random(1));
  cluster.value = '1';
  t.true(cluster.settle());
  const { id } = cluster.state ?? {};
  const [first] = cluster.stations;
  for (const station of cluster.stations) station.pod = first?.pod;
  for (let i = 0; i < 60; i += 1) cluster.step();
  t.is(cluster.state?.id, id);
  cluster.value = '2';
  t.true(cluster.settle());
  t.not(cluster.state?.id, id);
  t.true(isEven(cluster.sessions));
});

test('a rollout or a scale-in holds it up: the Pods stop, and it goes on afterwards under another id', (t) => {
  const cluster = new Cluster([200, 20], random(1));
  cluster.value = '1';
  for (let i = 0; i < 6; i += 1) cluster.step();
  const { id } = cluster.state ?? {};
  cluster.isBlocked = true;
  cluster.step();
  const moved = sum(cluster.stations.map(({ moves }) => moves));
  t.true(moved > 0);
  for (let i = 0; i < 60; i += 1) cluster.step();
  t.is(sum(cluster.stations.map(({ moves }) => moves)), moved);
  t.true(cluster.pods.every(({ order }) => order.mode === 'accepting'));
  cluster.isBlocked = false;
  t.true(cluster.settle());
  t.not(cluster.state?.id, id);
  t.true(isEven(cluster.sessions));
});

test('without the annotation a running one ends, and the Pods stop', (t) => {
  const cluster = new Cluster([200, 20], random(1));
  cluster.value = '1';
  for (let i = 0; i < 6; i += 1) cluster.step();
  cluster.value = undefined;
  for (let i = 0; i < 3; i += 1) cluster.step();
  t.regex(cluster.state?.message ?? '', /removed/);
  t.true(cluster.pods.every(({ order }) => order.mode === 'accepting'));
});

const BEGINS: readonly (readonly [string, (input: RebalanceInput) => RebalanceInput, RegExp | undefined])[] =
  [
    [
      'a Pod does not report',
      (it) => ({ ...it, set: withFirst(it, { report: undefined as never }) }),
      undefined,
    ],
    ['a Pod is not ready', (it) => ({ ...it, set: withFirst(it, { ready: false }) }), undefined],
    ['a rollout runs', (it) => ({ ...it, blocked: true }), undefined],
    ['there is no set', (it) => ({ ...it, set: undefined }), undefined],
    [
      'a Pod takes no orders',
      (it) => ({ ...it, set: withFirst(it, { report: 'unsupported' }) }),
      /no orders/,
    ],
    ['the operator gives no orders', (it) => ({ ...it, givesOrders: false }), /no orders/],
  ];

function withFirst({ set }: RebalanceInput, more: Partial<ProxyPod>) {
  const [first, ...others] = set?.pods ?? [];
  return set === undefined || first === undefined
    ? undefined
    : { ...set, pods: [{ ...first, ...more }, ...others] };
}

for (const [when, change, says] of BEGINS) {
  test(`${says === undefined ? 'it waits' : 'it ends at once'}: ${when}`, (t) => {
    const cluster = new Cluster([100, 10], random(1));
    cluster.value = '1';
    const { state, orders } = planRebalance(change(cluster.input()));
    t.deepEqual(orders, []);
    if (says === undefined) t.is(state, undefined);
    else t.regex(state?.message ?? '', says);
  });
}

test('a Pod that has restarted since is not ordered to move stations again', (t) => {
  const cluster = new Cluster([200, 20], random(1));
  cluster.value = '1';
  for (let i = 0; i < 40; i += 1) cluster.step();
  const [pod] = cluster.pods;
  if (pod === undefined) throw new Error('no Pod');
  pod.order = { mode: 'accepting', rollout: '' };
  pod.moved = 0;
  t.false(planRebalance(cluster.input()).orders.some(([id]) => id === pod.name));
});
