import test from 'ava';
import { drain, type DrainableSocket, type DrainSettings } from '../../services/ws-proxy/drain.ts';

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
}

/** A socket whose station closes at once, and whose open CALL gets its response at a given time. */
class Socket implements DrainableSocket {
  readonly name: string;
  readonly transactionUntil: number;
  readonly answeredAt: number;
  readonly #fleet: Fleet;
  leaving = false;
  isOpen = true;

  constructor(fleet: Fleet, name: string, answeredAt = 0, transactionUntil = 0) {
    this.#fleet = fleet;
    this.name = name;
    this.answeredAt = answeredAt;
    this.transactionUntil = transactionUntil;
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

  closeWhenAnswered(): void {
    this.leaving = true;
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
  };
  build(fleet);
  return fleet;
}

async function run(fleet: Fleet, settings: DrainSettings, random: () => number = () => 0.5): Promise<void> {
  const advance = (to: number) => {
    fleet.sleeps += 1;
    fleet.now = to;
    for (const socket of fleet.sockets) {
      if (!socket.isOpen) fleet.sockets.delete(socket);
      else if (socket.leaving && !socket.hasOpenCall) socket.closeForRestart('drain');
    }
  };
  await drain(
    {
      sockets: fleet.sockets,
      get size() {
        return fleet.sockets.size;
      },
      refuseUpgrades: () => (fleet.refusingSince = fleet.now),
    },
    settings,
    {
      phase: (name, sessions) => void fleet.phases.push(`${name} ${sessions}`),
      forced: (count) => (fleet.forced += count),
    },
    { clock: { now: () => fleet.now }, random, sleep: async (ms) => advance(fleet.now + ms) },
  );
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
