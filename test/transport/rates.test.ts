/** Shares of the rates of the cluster: no moment above the rate, and fair soon, whatever processes do. */
import test from 'ava';
import { array, assert, constantFrom, integer, nat, property, record } from 'fast-check';
import { RateLedger } from '../../services/transport/memory/rate-ledger.ts';
import { EQUAL_PART, RATE_LEASE_MS, type RateRequests } from '../../services/transport/rates.ts';

const RATE = 500;
const asks = (demand: number, used?: number, rate = RATE): RateRequests => ({
  closes: { rate, demand, ...(used !== undefined && { used }) },
  handshakes: { rate: 0, demand: 0 },
  boots: { rate: 0, demand: 0 },
});

/** A process that renews every second of its own clock, which runs fast or slow. */
interface Process {
  readonly id: string;
  /** Length of its second in ms of the store. */
  readonly second: number;
  demand: number;
  renewAt: number;
  share: number | undefined;
  until: number;
  gone: boolean;
}

const events = array(
  record({
    after: integer({ min: 0, max: 1500 }),
    kind: constantFrom('join', 'join', 'demand', 'demand', 'crash', 'stop'),
    which: nat(),
    demand: integer({ min: 0, max: 5000 }),
    second: integer({ min: 950, max: 1050 }),
  }),
  { minLength: 1, maxLength: 25 },
);
const STEP = 10;
/** Shares are rounded down to it. */
const MILLIONTH = 1e-6;

/** The fair part of an idle process is less than two millionths here. */
const ALL_AT_ONCE = [2062, 0, 1585, 0, 1909].map((demand) => ({
  after: 0,
  kind: 'join' as const,
  which: 0,
  demand,
  second: 950,
}));

class World {
  readonly ledger = new RateLedger();
  processes: Process[] = [];
  now = 0;
  readonly #rate: number;

  constructor(rate: number) {
    this.#rate = rate;
  }

  get sum(): number {
    const valid = this.processes.filter(({ until }) => until > this.now);
    // In millionths, which shares are multiples of: a sum of fractions would be inexact.
    return valid.reduce((sum, { share = 0 }) => sum + Math.round(share * 1e6), 0) / 1e6;
  }

  get living(): Process[] {
    return this.processes.filter(({ gone }) => !gone);
  }

  act(kind: string, which: number, demand: number, second: number): void {
    const { living } = this;
    const one = living[which % Math.max(1, living.length)];
    if (kind === 'join') {
      const id = `p${this.processes.length}`;
      this.processes.push({ id, second, demand, renewAt: this.now, share: undefined, until: 0, gone: false });
    } else if (one !== undefined && kind === 'demand') one.demand = demand;
    else if (one !== undefined) {
      one.gone = true;
      if (kind === 'crash') return;
      one.until = 0;
      this.ledger.release(one.id);
    }
  }

  /** @returns the highest sum of valid shares meanwhile */
  pass(ms: number): number {
    let highest = 0;
    for (const end = this.now + ms; this.now < end; this.now += STEP) {
      for (const one of this.living.filter(({ renewAt }) => renewAt <= this.now)) {
        const used = one.until > this.now ? one.share : undefined;
        one.share = this.ledger.lease(
          one.id,
          asks(one.demand, used, this.#rate),
          this.now,
        ).shares.closes.share;
        one.until = this.now + RATE_LEASE_MS;
        one.renewAt = this.now + one.second;
      }
      highest = Math.max(highest, this.sum);
    }
    return highest;
  }
}

test('the sum of valid shares is never above the rate, and 3 s after the last change each process has its fair part', (t) => {
  assert(
    property(events, constantFrom(1, 7, 100, 500), (steps, rate) => {
      const world = new World(rate);
      for (const { after, kind, which, demand, second } of steps) {
        world.act(kind, which, demand, second);
        if (world.pass(after) > rate) return false;
      }
      // Of a crash, the change is the end of its lease.
      if (world.pass(RATE_LEASE_MS) > rate || world.pass(3000 + 3 * 50) > rate) return false;
      const { living } = world;
      const total = living.reduce((sum, { demand }) => sum + demand, 0);
      return living.every(({ demand, share = 0 }) => {
        const equal = rate * EQUAL_PART;
        const fair = (rate * (demand + equal / living.length)) / (total + equal);
        return Math.abs(share - fair) <= fair * 0.1 + MILLIONTH;
      });
    }),
    { numRuns: 300, examples: [[ALL_AT_ONCE, 1]] },
  );
  t.pass();
});

test('without demand all have the same; an idle process keeps a part while another has a storm', (t) => {
  const ledger = new RateLedger();
  const ids = ['a', 'b', 'c', 'd'];
  const shares = (demands: readonly number[], from: number) => {
    let all: number[] = [];
    for (let round = 0; round < 3; round++) {
      const now = from + round * 1000;
      all = ids.map((id, i) => ledger.lease(id, asks(demands[i] ?? 0), now).shares.closes.share);
    }
    return all;
  };
  t.deepEqual(shares([0, 0, 0, 0], 10_000), [125, 125, 125, 125]);
  const [busy = 0, ...idle] = shares([5000, 0, 0, 0], 20_000);
  t.true(busy > 480, `${busy}`);
  t.true(
    idle.every((share) => share > 2),
    idle.join(),
  );
});

test('while a setting changes, the lower of two rates counts for all', (t) => {
  const ledger = new RateLedger();
  const renew = (id: string, rate: number, now: number) =>
    ledger.lease(id, asks(0, undefined, rate), now).shares.closes.share;
  t.is(renew('old', 500, 0), 500);
  t.is(renew('new', 100, 100), 0, 'nothing is left of the lower rate');
  t.is(renew('old', 500, 1000), 50);
  t.is(renew('new', 100, 1100), 50);
  ledger.release('new');
  t.is(renew('old', 500, 2000), 500);
});
