import test from 'ava';
import {
  Drain,
  DrainConflict,
  type DrainableSocket,
  type DrainSettings,
  type DrainTools,
} from '../../services/ws-proxy/drain/drain.ts';

const SETTINGS: DrainSettings = {
  propagationMs: 5000,
  socketsPerSecond: 100,
  deadlineMs: 300_000,
  transactions: 'close',
};

interface Fleet {
  readonly sockets: Set<Socket>;
  readonly closings: { name: string; at: number; why: string }[];
  readonly phases: string[];
  refusingSince: number | undefined;
  now: number;
  /** Number of sleeps of drain(). */
  sleeps: number;
  forced: number;
  readonly modes: string[];
  readonly moves: { name: string; rollout: string | undefined; forced: boolean }[];
}

/** A socket whose station closes at once, and whose open CALL gets its response at a given time. */
class Socket implements DrainableSocket {
  readonly name: string;
  readonly transactionUntil: number;
  readonly answeredAt: number;
  readonly #fleet: Fleet;
  leaving: (() => void) | undefined;
  isOpen = true;

  constructor(fleet: Fleet, name: string, answeredAt = 0, transactionUntil = 0) {
    this.#fleet = fleet;
    this.name = name;
    this.answeredAt = answeredAt;
    this.transactionUntil = transactionUntil;
  }

  get session(): { stationId: string } {
    return { stationId: this.name };
  }

  get inTransaction(): boolean {
    return this.#fleet.now < this.transactionUntil;
  }

  get hasOpenCall(): boolean {
    return this.#fleet.now < this.answeredAt;
  }

  closeForRestart(why: string): void {
    this.isOpen = false;
    this.#fleet.closings.push({ name: this.name, at: this.#fleet.now, why });
    this.#fleet.sockets.delete(this);
  }

  closeWhenAnswered(onClose: () => void): void {
    this.leaving = onClose;
  }

  keepOpen(): void {
    this.leaving = undefined;
  }
}

function fleetOf(build: (fleet: Fleet) => void): Fleet {
  const fleet: Fleet = {
    sockets: new Set(),
    closings: [],
    phases: [],
    refusingSince: undefined,
    now: 0,
    sleeps: 0,
    forced: 0,
    modes: [],
    moves: [],
  };
  build(fleet);
  return fleet;
}

/** @param tools replace those with which time passes as fast as the drain sleeps */
function drainOf(fleet: Fleet, settings: DrainSettings, tools: Partial<DrainTools> = {}): Drain<Socket> {
  const advance = (to: number) => {
    fleet.sleeps += 1;
    fleet.now = to;
    for (const socket of fleet.sockets) {
      if (!socket.isOpen) fleet.sockets.delete(socket);
      else if (socket.leaving !== undefined && !socket.hasOpenCall) {
        socket.leaving();
        socket.closeForRestart('drain');
      }
    }
  };
  return new Drain<Socket>(
    {
      sockets: fleet.sockets,
      get size() {
        return fleet.sockets.size;
      },
      refuseUpgrades: () => (fleet.refusingSince ??= fleet.now),
      acceptUpgrades: () => (fleet.refusingSince = undefined),
    },
    settings,
    {
      mode: (mode) => void fleet.modes.push(mode),
      phase: (name, sessions) => void fleet.phases.push(`${name} ${sessions}`),
      forced: (count) => (fleet.forced += count),
      moved: ({ name }, rollout, forced) => void fleet.moves.push({ name, rollout, forced }),
    },
    {
      clock: { now: () => fleet.now },
      random: () => 0.5,
      sleep: async (ms) => advance(fleet.now + ms),
      rate: (ofCluster) => ofCluster,
      ...tools,
    },
  );
}

function run(fleet: Fleet, settings: DrainSettings, random: () => number = () => 0.5): Promise<void> {
  return drainOf(fleet, settings, { random }).stop();
}

test('a drain serves while endpoints propagate, then refuses handshakes and closes sockets at its rate', async (t) => {
  const fleet = fleetOf((it) => {
    for (let i = 0; i < 1000; i += 1) it.sockets.add(new Socket(it, `${i}`));
  });
  let seed = 1;
  const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  await run(fleet, SETTINGS, random);
  t.is(fleet.refusingSince, 5000);
  t.true(fleet.closings.every(({ at, why }) => at >= 5000 && why === 'drain'));
  t.deepEqual(fleet.phases, ['propagating 1000', 'closing 1000', 'done 0']);
  const times = fleet.closings.map(({ at }) => at);
  const took = (times.at(-1) ?? 0) - (times[0] ?? 0);
  t.true(took > 9500 && took < 10_500, `1000 sockets at 100 a second took ${took} ms`);
  for (let second = 5000; second < 14_000; second += 1000) {
    const closed = times.filter((at) => at >= second && at < second + 1000).length;
    t.true(closed >= 90 && closed <= 110, `${closed} in the second from ${second} ms`);
  }
  t.true(new Set(times.slice(1, 50).map((at, i) => at - (times[i] ?? 0))).size > 1, 'pauses vary');
});

test('idle sockets close first, then those with an open CALL after its response, then those in a transaction', async (t) => {
  const fleet = fleetOf((it) => {
    it.sockets.add(new Socket(it, 'charging and waiting', 9000, Infinity));
    it.sockets.add(new Socket(it, 'charging', 0, Infinity));
    it.sockets.add(new Socket(it, 'waiting', 8000));
    it.sockets.add(new Socket(it, 'idle'));
  });
  await run(fleet, { ...SETTINGS, socketsPerSecond: 10 });
  t.deepEqual(
    fleet.closings.map(({ name }) => name),
    ['idle', 'charging', 'waiting', 'charging and waiting'],
  );
  const at = Object.fromEntries(fleet.closings.map((closing) => [closing.name, closing.at]));
  t.true((at['waiting'] ?? 0) >= 8000 && (at['waiting'] ?? 0) < 8200, 'at once after its answer');
  t.true((at['charging and waiting'] ?? 0) >= 9000);
  t.is(fleet.forced, 0);
});

test('with wait, transactions may end, and other sockets close at the full rate', async (t) => {
  const fleet = fleetOf((it) => {
    for (let i = 0; i < 100; i += 1) it.sockets.add(new Socket(it, `charging ${i}`, 0, 60_000 + i * 1000));
    it.sockets.add(new Socket(it, 'answered after its end', 200_000, 190_000));
    for (let i = 0; i < 200; i += 1) it.sockets.add(new Socket(it, `idle ${i}`));
  });
  await run(fleet, { ...SETTINGS, propagationMs: 0, transactions: 'wait' });
  const closings = new Map(fleet.closings.map(({ name, at }) => [name, at]));
  for (let i = 0; i < 200; i += 1) t.true((closings.get(`idle ${i}`) ?? Infinity) < 2500);
  for (let i = 0; i < 100; i += 1) {
    const after = (closings.get(`charging ${i}`) ?? 0) - (60_000 + i * 1000);
    t.true(after >= 0 && after < 200, `charging ${i} was closed ${after} ms after its transaction`);
  }
  t.true((closings.get('answered after its end') ?? 0) >= 200_000);
  t.is(fleet.forced, 0);
  t.true(fleet.sleeps < 3000, `it looked ${fleet.sleeps} times in 200 s`);
});

test('transactions that outlast the deadline close at the rate just before it, not all at once', async (t) => {
  const fleet = fleetOf((it) => {
    for (let i = 0; i < 2000; i += 1) it.sockets.add(new Socket(it, `${i}`, 0, Infinity));
  });
  await run(fleet, { ...SETTINGS, propagationMs: 0, transactions: 'wait' });
  const times = fleet.closings.map(({ at }) => at);
  t.true((times[0] ?? 0) >= 275_000, `the first at ${times[0]} ms: they need 20 s`);
  for (let second = 277_000; second < 294_000; second += 1000) {
    const closed = times.filter((at) => at >= second && at < second + 1000).length;
    t.true(closed >= 80 && closed <= 120, `${closed} in the second from ${second} ms`);
  }
  t.is(fleet.forced, 0);
});

test('sockets that are open at the deadline are closed immediately and counted', async (t) => {
  const fleet = fleetOf((it) => {
    for (let i = 0; i < 50; i += 1) it.sockets.add(new Socket(it, `waiting ${i}`, Number.POSITIVE_INFINITY));
    for (let i = 0; i < 50; i += 1) it.sockets.add(new Socket(it, `idle ${i}`));
  });
  await run(fleet, { ...SETTINGS, propagationMs: 0, socketsPerSecond: 100, deadlineMs: 2000 });
  const forced = fleet.closings.filter(({ why }) => why === 'drain-forced');
  t.is(forced.length, 50);
  t.true(forced.every(({ at, name }) => at === 2000 && name.startsWith('waiting')));
  t.is(fleet.forced, 50);
});

test('a deadline too short for the rate still ends the drain', async (t) => {
  const fleet = fleetOf((it) => {
    for (let i = 0; i < 1000; i += 1) it.sockets.add(new Socket(it, `${i}`));
  });
  await run(fleet, { ...SETTINGS, propagationMs: 0, socketsPerSecond: 10, deadlineMs: 1000 });
  t.is(fleet.sockets.size, 0);
  t.true(fleet.forced > 980);
});

test('stations that disconnect by themselves cost no time', async (t) => {
  const fleet = fleetOf((it) => {
    for (let i = 0; i < 100; i += 1) {
      const socket = new Socket(it, `${i}`);
      it.sockets.add(socket);
      if (i % 2 === 0) socket.isOpen = false;
    }
  });
  await run(fleet, { ...SETTINGS, propagationMs: 0, socketsPerSecond: 10, deadlineMs: 60_000 });
  t.is(fleet.closings.length, 50);
  t.true(fleet.now < 5500);
});

test('no station connected: done when endpoints have propagated', async (t) => {
  const fleet = fleetOf(() => undefined);
  await run(fleet, SETTINGS);
  t.is(fleet.now, 5000);
});

const ORDER = { mode: 'draining', rollout: 'r1' } as const;

/** A drain whose time a test moves on, and that has no signal. */
function ordered(
  settings: Partial<DrainSettings>,
  build: (fleet: Fleet) => void,
  tools: Partial<DrainTools> = {},
) {
  const fleet = fleetOf(build);
  const sleeping: { at: number; wake: () => void }[] = [];
  const drain = drainOf(
    fleet,
    { ...SETTINGS, ...settings },
    {
      sleep: (ms) => {
        fleet.sleeps += 1;
        return new Promise((wake) => sleeping.push({ at: fleet.now + ms, wake }));
      },
      ...tools,
    },
  );
  const pass = async (end: number) => {
    while (fleet.now < end) {
      fleet.now += 10;
      for (const socket of fleet.sockets) {
        if (socket.leaving === undefined || socket.hasOpenCall) continue;
        socket.leaving();
        socket.closeForRestart('drain');
      }
      for (const one of sleeping.filter(({ at }) => at <= fleet.now)) {
        sleeping.splice(sleeping.indexOf(one), 1);
        one.wake();
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { fleet, drain, pass };
}

const idle = (count: number) => (fleet: Fleet) => {
  for (let i = 0; i < count; i += 1) fleet.sockets.add(new Socket(fleet, `${i}`));
};

test('an ordered drain moves so many stations as it may, and more when it may', async (t) => {
  const { fleet, drain, pass } = ordered({ socketsPerSecond: 10 }, (it) => {
    it.sockets.add(new Socket(it, 'waiting', 3000));
    idle(20)(it);
  });
  drain.order({ ...ORDER, moves: 5 });
  await pass(4000);
  t.is(fleet.closings.length, 5);
  t.is(drain.report().moved, 5);
  drain.order({ ...ORDER, moves: 5 });
  await pass(6000);
  t.is(fleet.closings.length, 5, 'repeating an order changes nothing');
  drain.order({ ...ORDER, moves: 8 });
  await pass(8000);
  t.is(drain.report().moved, 8);
  drain.order({ ...ORDER, rollout: 'r2', moves: 2 });
  t.is(drain.report().moved, 0, 'another rollout counts from the start');
  await pass(10_000);
  t.is(drain.report().moved, 2);
  t.deepEqual([...new Set(fleet.moves.map(({ rollout }) => rollout))], ['r1', 'r2']);
});

test('time in which no more may move is not caught up, and costs no work', async (t) => {
  const { fleet, drain, pass } = ordered({ socketsPerSecond: 10 }, idle(60));
  drain.order({ ...ORDER, moves: 3 });
  await pass(2000);
  const sleeps = fleet.sleeps;
  await pass(12_000);
  t.true(fleet.sleeps - sleeps <= 110, `${fleet.sleeps - sleeps} steps in ten seconds`);
  drain.order({ mode: 'draining', rollout: 'r1' });
  await pass(15_000);
  const times = fleet.closings.slice(3).map(({ at }) => at);
  const most = Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length));
  t.true(most <= 13, `${most} in one second at a rate of 10`);
});

test('an order lowers the rate and never raises it; without a share nothing is closed', async (t) => {
  const cases = [
    { ratePerSecond: 5, share: 1, atLeast: 9, atMost: 12 },
    { ratePerSecond: 50, share: 1, atLeast: 19, atMost: 22 },
    { ratePerSecond: undefined, share: 0.5, atLeast: 9, atMost: 12 },
    { ratePerSecond: undefined, share: 0, atLeast: 0, atMost: 0 },
  ];
  for (const { ratePerSecond, share, atLeast, atMost } of cases) {
    const rate = (ofCluster: number) => ofCluster * share;
    const { fleet, drain, pass } = ordered({ socketsPerSecond: 10 }, idle(100), { rate });
    drain.order({ ...ORDER, ...(ratePerSecond && { ratePerSecond }) });
    await pass(2000);
    const closed = fleet.closings.length;
    t.true(closed >= atLeast && closed <= atMost, `${closed} at ${ratePerSecond} with a share of ${share}`);
  }
});

test('at its deadline an ordered drain waits no longer for transactions, and still for open CALLs', async (t) => {
  const { fleet, drain, pass } = ordered({ transactions: 'wait', deadlineMs: 5000 }, (it) => {
    it.sockets.add(new Socket(it, 'charging', 0, Infinity));
    it.sockets.add(new Socket(it, 'charging and waiting', 9000, Infinity));
    it.sockets.add(new Socket(it, 'idle'));
  });
  drain.order(ORDER);
  await pass(10_000);
  const at = new Map(fleet.closings.map(({ name, at }) => [name, at]));
  t.true((at.get('idle') ?? Infinity) < 100);
  t.true((at.get('charging') ?? 0) >= 4900 && (at.get('charging') ?? 0) < 5200);
  t.true((at.get('charging and waiting') ?? 0) >= 9000);
  t.is(fleet.forced, 0);
  t.true(fleet.moves.every(({ forced }) => !forced));
});

test('accepting ends a drain: what is still open stays, also where a response was awaited', async (t) => {
  const { fleet, drain, pass } = ordered({ socketsPerSecond: 10 }, (it) => {
    it.sockets.add(new Socket(it, 'waiting', 1000));
  });
  drain.order({ ...ORDER, mode: 'refusing' });
  await pass(200);
  t.is(fleet.refusingSince, 0);
  drain.order(ORDER);
  await pass(500);
  drain.order({ ...ORDER, mode: 'accepting' });
  t.is(fleet.refusingSince, undefined);
  await pass(3000);
  t.deepEqual(fleet.closings, []);
  t.is(drain.report().moved, 0);
  drain.order(ORDER);
  await pass(4000);
  t.is(fleet.closings.length, 1);
  t.deepEqual(fleet.modes, ['accepting', 'refusing', 'draining', 'accepting', 'draining']);
});

test('SIGTERM continues an ordered drain without its limits, and no order ends it', async (t) => {
  const { fleet, drain, pass } = ordered({ socketsPerSecond: 100, deadlineMs: 3000 }, (it) => {
    idle(20)(it);
    it.sockets.add(new Socket(it, 'waiting', Infinity));
  });
  drain.order({ ...ORDER, moves: 3, ratePerSecond: 1 });
  await pass(500);
  const stopped = drain.stop();
  t.throws(() => drain.order({ ...ORDER, mode: 'accepting' }), { instanceOf: DrainConflict });
  await pass(4000);
  await stopped;
  t.true((fleet.closings[10]?.at ?? Infinity) < 1000, 'no propagation, and the rate of the setting');
  t.deepEqual(fleet.phases, ['closing 20', 'done 0']);
  t.is(fleet.forced, 1);
  t.deepEqual(fleet.moves.at(-1), { name: 'waiting', rollout: 'r1', forced: true });
});

test('a station that closes by itself is no move', async (t) => {
  const { fleet, drain, pass } = ordered({}, (it) => {
    it.sockets.add(new Socket(it, 'waiting', 500));
  });
  drain.order({ ...ORDER, moves: 1 });
  await pass(200);
  for (const socket of fleet.sockets) socket.isOpen = false;
  fleet.sockets.clear();
  idle(2)(fleet);
  drain.order({ ...ORDER, mode: 'accepting' });
  drain.order({ ...ORDER, moves: 1 });
  await pass(1000);
  t.deepEqual(
    fleet.moves.map(({ name }) => name),
    ['0'],
  );
});

test('stations that charged before they connected are closed last; without the store the estimate counts', async (t) => {
  for (const away of [false, true]) {
    const charging = async () => {
      if (away) throw new Error('the store is away');
      return new Set(['0']);
    };
    const { fleet, drain, pass } = ordered({ socketsPerSecond: 10 }, idle(5), { charging });
    drain.order(ORDER);
    await pass(50);
    t.is(drain.report().inTransaction, away ? 0 : 1);
    await pass(2000);
    t.is(
      fleet.closings.findIndex(({ name }) => name === '0'),
      away ? 0 : 4,
    );
  }
});

test('shedding closes no station that charges, none while the register does not answer, and stops on SIGTERM until endpoints have propagated', async (t) => {
  let away = true;
  const charging = async () => {
    if (away) throw new Error('the store is away');
    return new Set(['0']);
  };
  const { fleet, drain, pass } = ordered({ socketsPerSecond: 10 }, idle(8), { charging });
  drain.order({ mode: 'shedding', rollout: 'r1', moves: 4 });
  await pass(4000);
  t.is(fleet.closings.length, 0);
  away = false;
  await pass(12_000);
  t.is(drain.report().moved, 4);
  t.false(fleet.closings.some(({ name }) => name === '0'));
  t.is(fleet.refusingSince, undefined);
  drain.order({ mode: 'shedding', rollout: 'r1', moves: 100 });
  const stopped = drain.stop();
  await pass(16_000);
  t.is(fleet.closings.length, 4);
  await pass(20_000);
  await stopped;
  t.is(fleet.closings.length, 8);
});
