/** What a process may use of the rates of the cluster: with a lease, without one, and during a storm. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { LeaseRates, RateRequests } from '../../../services/transport/transport.ts';
import { ClosePace } from '../../../services/ws-proxy/pacing/close-pace.ts';
import { ClusterRates } from '../../../services/ws-proxy/pacing/cluster-rates.ts';
import { until } from '../../support/until.ts';

function world() {
  const asked: RateRequests[] = [];
  const demands = { closes: 0, handshakes: 0, boots: 0 };
  const state = { now: 0, away: false, share: 100, demand: 0, replyTakes: 0 };
  const lease: LeaseRates = async (requests) => {
    asked.push(requests);
    state.now += state.replyTakes;
    if (state.away) throw new Error('away');
    const one = { share: state.share, demand: state.demand };
    return {
      shares: { closes: one, handshakes: one, boots: { share: 0, demand: 0 } },
      validMs: 2500,
      processes: 4,
    };
  };
  const rates = new ClusterRates({
    lease,
    rates: { closes: 400, handshakes: 400, boots: 0 },
    demands: { closes: () => demands.closes, handshakes: () => demands.handshakes, boots: () => 0 },
    now: () => state.now,
  });
  return { asked, demands, state, rates };
}

test('without a lease a process uses the rate divided by the processes of the last reply, all of it before any', async (t) => {
  const { asked, demands, state, rates } = world();
  state.away = true;
  await rates.renew();
  t.is(rates.perSecond('handshakes'), 400);
  t.is(rates.perSecond('boots'), Infinity, 'no limit');
  state.away = false;
  demands.handshakes = 7;
  state.now = 100;
  await rates.renew();
  t.is(rates.perSecond('handshakes'), 100);
  state.share = 250;
  state.away = true;
  state.now = 2599;
  await rates.renew();
  t.is(rates.perSecond('handshakes'), 100, 'until the lease ends');
  state.now = 2600;
  state.share = 0;
  t.is(rates.perSecond('closes'), 400 / 4);
  t.deepEqual(
    asked.map(({ handshakes: { demand, used } }) => [demand, used]),
    [
      [0, undefined],
      [7, undefined],
      [7, 100],
    ],
  );
});

test('a lease that took long to come is valid from before the request', async (t) => {
  const { state, rates } = world();
  state.replyTakes = 2000;
  await rates.renew();
  state.now = 2499;
  t.is(rates.perSecond('handshakes'), 100);
  t.is(rates.load('handshakes'), 0);
  state.now = 2500;
  state.share = 300;
  t.is(rates.perSecond('handshakes'), 100, 'a quarter of the rate');
});

test('a lease is renewed every second, five times as often while stations wait, and soon after a failure', async (t) => {
  const isPressed = { now: false };
  const asked: number[] = [];
  let away = false;
  const rates = new ClusterRates({
    lease: () => {
      asked.push(performance.now());
      if (away) return Promise.reject(new Error('away'));
      const one = { share: 1, demand: 0 };
      return Promise.resolve({
        shares: { closes: one, handshakes: one, boots: one },
        validMs: 2500,
        processes: 1,
      });
    },
    rates: { closes: 1, handshakes: 1, boots: 1 },
    demands: { closes: () => 0, handshakes: () => 0, boots: () => 0 },
    isPressed: () => isPressed.now,
  });
  t.teardown(() => rates.stop());
  const during = async (ms: number) => {
    const before = asked.length;
    await sleep(ms);
    return asked.length - before;
  };
  await rates.start();
  t.true(rates.isLeased);
  t.true((await during(2500)) <= 2);
  isPressed.now = true;
  t.true((await during(2000)) >= 4);
  isPressed.now = false;
  away = true;
  await until(() => asked.length > 0 && !rates.isLeased, 'the end of the lease');
  t.true((await during(2000)) >= 4, 'it tries again');
});

test('at the beginning of a storm a process expects the part that its demand will get', async (t) => {
  const { state, rates } = world();
  state.share = 4;
  state.demand = 900;
  await rates.renew();
  t.is(rates.expectedPerSecond('handshakes', 0), (400 * 25) / 1000);
  t.is(Math.round(rates.expectedPerSecond('handshakes', 900)), Math.round((400 * 925) / 1900));
  state.share = 350;
  await rates.renew();
  t.is(rates.expectedPerSecond('handshakes', 900), 350, 'never less than it has');
});

test('closes: the share, less under strain, as much as the deadline needs, and never above an order', async (t) => {
  const { state, rates } = world();
  let [full, queueAge] = [false, 0];
  const closes = new ClosePace({
    rates,
    gateway: {
      isFull: () => full,
      isHealthy: () => true,
      load: async () => ({ depth: 0, inFlight: 0, oldestSeconds: queueAge }),
    },
    rate: () => 400,
    isClosing: () => true,
  });
  await rates.renew();
  t.is(closes.perSecond(), 100);
  t.is(closes.perSecond({ atMost: 40 }), 10);
  t.is(closes.perSecond({ atMost: 4000 }), 100);
  full = true;
  t.is(Math.round(closes.perSecond()), 10);
  t.is(Math.round(closes.perSecond({ sockets: 500, inMs: 10_000 })), 50);
  t.is(closes.perSecond({ sockets: 5000, inMs: 10_000 }), 100);
  t.is(closes.perSecond({ sockets: 5, inMs: -1 }), 100, 'the deadline has passed');
  full = false;
  state.demand = 400 * 4.5;
  await rates.renew();
  t.is(Math.round(closes.perSecond()), 55, 'handshakes wait for 3.5 s');
  state.demand = 0;
  await rates.renew();
  queueAge = 7;
  closes.start();
  t.teardown(() => closes.stop());
  await new Promise((resolve) => setTimeout(resolve, 1200));
  t.is(Math.round(closes.perSecond()), 55);
});
