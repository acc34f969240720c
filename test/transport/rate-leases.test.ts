/** Leases of rates on a real Redis, by gateways as of several processes. */
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import type { Gateway, RateRequests } from '../../services/transport/transport.ts';
import { cluster } from './redis/processes.ts';
import { until } from '../support/until.ts';

const RATE = 500;
const asks = (demand: number, used?: number): RateRequests => ({
  closes: { rate: RATE, demand: 0 },
  handshakes: { rate: RATE, demand, ...(used !== undefined && { used }) },
  boots: { rate: 0, demand: 0 },
});

/** A process that renews its lease each second, from a random moment on. */
class Sharer {
  demand = 0;
  share = 0;
  /** performance.now() */
  until = 0;
  readonly gateway: Gateway;
  #timer: NodeJS.Timeout | undefined;

  constructor(gateway: Gateway) {
    this.gateway = gateway;
  }

  async start(): Promise<void> {
    await wait(Math.random() * 500);
    await this.renew();
    this.#timer = setInterval(() => void this.renew().catch(() => undefined), 1000);
  }

  crash(): void {
    clearInterval(this.#timer);
  }

  async renew(): Promise<void> {
    const from = performance.now();
    const used = this.until > from ? this.share : undefined;
    const { shares, validMs } = await this.gateway.leaseRates(asks(this.demand, used));
    this.share = shares.handshakes.share;
    this.until = from + validMs;
  }

  get valid(): number {
    return this.until > performance.now() ? this.share : 0;
  }
}

test('six processes with changing demand, crashes, stops and an emptied Redis: never above the rate, fair within 3 s', async (t) => {
  const { proxy, look } = await cluster(t);
  const sharers: Sharer[] = [];
  t.teardown(() => sharers.forEach((one) => one.crash()));
  const sum = () => sharers.reduce((all, { valid }) => all + valid, 0);
  let highest = 0;
  const sampler = setInterval(() => (highest = Math.max(highest, sum())), 5);
  t.teardown(() => clearInterval(sampler));
  for (let i = 0; i < 6; i++) sharers.push(new Sharer(await proxy()));
  await Promise.all(sharers.map((one) => one.start()));
  const [first, second, third, fourth] = sharers as [Sharer, Sharer, Sharer, Sharer];
  for (let round = 0; round < 8; round++) {
    for (const one of sharers) one.demand = Math.random() < 0.5 ? 0 : Math.random() * 5000;
    await wait(Math.random() * 700);
    if (round === 4) await look.flushall();
  }
  first.crash();
  second.crash();
  await second.gateway.stop();
  second.until = 0;
  for (const one of sharers) one.demand = 0;
  third.demand = 1000;
  await wait(2500 + 3000);
  t.true(highest <= RATE, `${highest}`);
  t.true(highest > RATE * 0.8, `${highest}`);
  const equal = RATE / 4;
  const fair = (demand: number) => (RATE * (demand + equal / 4)) / (1000 + equal);
  t.true(Math.abs(third.share - fair(1000)) < 0.1 * fair(1000), `${third.share} of ${fair(1000)}`);
  t.true(Math.abs(fourth.share - fair(0)) < 0.1 * fair(0), `${fourth.share} of ${fair(0)}`);
  t.is(await look.hlen('ocpp:rates'), 4 + 1, 'ended leases are removed');
  t.log(`highest sum ${highest} of ${RATE}`);
});

test('a process that registers again keeps its lease; that of a killed one ends; the hash expires', async (t) => {
  const { proxy, look, lapse, errors } = await cluster(t);
  const one = new Sharer(await proxy());
  const other = new Sharer(await proxy());
  await one.renew();
  await other.renew();
  const old = one.gateway.id;
  await lapse('proxies', old);
  await until(() => one.gateway.id !== old && one.gateway.isHealthy(), 'the next registration');
  await until(() => one.renew().then(() => true), 'a renewal');
  t.is(await look.hlen('ocpp:rates'), 2 + 1);
  t.true(errors.some((error) => 'code' in error && error.code === 'registration-lost'));
  await until(async () => (await look.exists('ocpp:rates')) === 0, 'the hash to expire', 5000);
});
