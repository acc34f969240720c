/** Signatures, when an event is given another attempt, and the order of lanes under random failures and crashes. */
import test from 'ava';
import { Registry } from 'prom-client';
import { Delivery } from '../../../services/api/webhooks/delivery.ts';
import { EndpointHealth, pauseAfter } from '../../../services/api/webhooks/health.ts';
import { Lanes } from '../../../services/api/webhooks/lanes.ts';
import { createWebhookMetrics } from '../../../services/api/webhooks/metrics.ts';
import { webhooksIn, wants } from '../../../services/api/webhooks/settings.ts';
import { NEW, WebhookStore } from '../../../services/api/webhooks/store.ts';
import { memberOf, waitingIn } from '../../../services/api/webhooks/waiting.ts';
import { memoryClient } from '../../../services/client/memory-client.ts';
import { signatureHeaders } from '../../../services/runtime/webhook-signature.ts';
import { createMemoryBus } from '../../../services/transport/memory/bus.ts';
import { memoryLog } from '../../support/memory-log.ts';
import { until } from '../../support/until.ts';

test('a request is signed as Standard Webhooks says, and a bad secret is refused without its text', (t) => {
  // The vector of the libraries of Standard Webhooks.
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const headers = signatureHeaders(
    secret,
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    1_614_265_330,
    '{"test": 2432232314}',
  );
  t.deepEqual(headers, {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
  for (const bad of ['', 'c2VjcmV0', 'whsec_', 'whsec_c2hvcnQ=', `whsec_${'*'.repeat(40)}`]) {
    const error = t.throws(() => signatureHeaders(bad, 'a', 1, ''), { instanceOf: TypeError });
    t.false(bad.length > 6 && error.message.includes(bad));
  }
});

const failed = { kind: 'failed', why: 'status 500' } as const;
const refused = { kind: 'refused', why: 'status 422' } as const;
const young = {
  failures: 1,
  refusals: 0,
  ageMs: 0,
  deadLetterAfterMs: 1000,
  isFull: false,
  holdsOthers: false,
};

test('an event becomes a dead letter when it is refused, or too old, but that not while the endpoint is down', (t) => {
  const health = new EndpointHealth(false, () => 1);
  t.deepEqual(health.verdict(failed, young), { kind: 'retry', afterMs: 1000 });
  t.deepEqual(health.verdict({ ...failed, retryAfterMs: 9000 }, young), { kind: 'retry', afterMs: 9000 });
  t.deepEqual(health.verdict(refused, { ...young, failures: 2, refusals: 2 }), {
    kind: 'retry',
    afterMs: 2000,
  });
  const letter = (reason: string) => ({ kind: 'dead-letter', reason });
  t.deepEqual(health.verdict(refused, { ...young, failures: 3, refusals: 3 }), letter('refused'));
  t.deepEqual(health.verdict({ kind: 'gone', why: '' }, young), letter('refused'));
  t.like(health.verdict(failed, { ...young, ageMs: 2000 }), { kind: 'retry' });
  t.deepEqual(health.verdict(failed, { ...young, ageMs: 2000, failures: 5 }), letter('undelivered'));
  t.deepEqual(health.verdict(failed, { ...young, isFull: true }), letter('backlog-full'));
  t.like(
    health.verdict(failed, { ...young, holdsOthers: true }),
    { kind: 'retry' },
    'a hiccup costs nothing',
  );
  t.deepEqual(health.verdict(failed, { ...young, failures: 6, holdsOthers: true }), letter('backlog-full'));
  t.false(health.failed('A'));
  t.false(health.failed('A'), 'one station is no endpoint');
  t.false(health.failed('B'));
  t.true(health.failed('C'));
  const old = { ...young, failures: 9, ageMs: 2000, isFull: true };
  t.deepEqual(health.verdict(failed, old), { kind: 'retry', afterMs: 0 });
  t.like(health.verdict(refused, { ...old, refusals: 2 }), { kind: 'retry' });
  t.deepEqual(health.verdict(refused, { ...old, refusals: 3 }), letter('refused'), 'it concerns the event');
  t.true(health.answered());
  t.false(health.isDown);
  t.is(
    pauseAfter(99, () => 1),
    300_000,
  );
});

test('settings of webhooks are checked, and choose events', (t) => {
  const [one] = webhooksIn(
    '[{"name":"a","url":"https://a.example.com/x?k=1","types":["boot","transaction-*"]}]',
    '/s',
  );
  t.like(one, { secretFile: '/s/a', caFile: '/s/a.ca', timeoutSeconds: 10, deadLetterAfterSeconds: 86_400 });
  t.deepEqual(
    ['boot', 'boots', 'transaction-started'].map((type) => wants({ types: one?.types ?? [] }, type)),
    [true, false, true],
  );
  t.true(wants({ types: [] }, 'any'));
  const bad = [
    ['{', /OCPP_API_WEBHOOKS/],
    ['[{"name":"a"}]', /url/],
    ['[{"name":"A","url":"http://a"}]', /name/],
    ['[{"name":"a","url":"ftp://a"}]', /http or https/],
    ['[{"name":"a","url":"http://u:p@a"}]', /without a login/],
    ['[{"name":"a","url":"http://a"},{"name":"a","url":"http://b"}]', /same name/],
  ] as const;
  for (const [text, message] of bad) t.throws(() => webhooksIn(text, '/s'), { message });
  t.throws(() => webhooksIn('[{"name":"a","url":"http://a"}]', ''), {
    message: /OCPP_API_WEBHOOK_SECRETS_FOLDER/,
  });
});

test('a parked event is read as it was stored, also at the largest position', (t) => {
  const text = JSON.stringify({ id: 'gap-1', subject: 'CP-1' });
  const waiting = { position: '7-18446744073709551615', id: 'gap-1', station: 'CP-1', text };
  t.deepEqual(waitingIn(memberOf(waiting)), waiting);
  t.true(memberOf({ ...waiting, position: '9-0' }) < memberOf({ ...waiting, position: '10-0' }));
});

test('the cursor moves over what is settled, left out or parked, and not over what waits', (t) => {
  const lanes = new Lanes();
  const add = (position: string, station: string) =>
    lanes.add({ position, id: position, station, text: '{}' });
  add('1-0', 'A');
  add('2-0', 'B');
  lanes.skip('3-0');
  add('4-0', 'A');
  const [a, b] = [lanes.next(0), lanes.next(0)];
  if (a === undefined || b === undefined) throw new Error('both stations are due');
  t.is(lanes.next(0), undefined, 'one event of a station at a time');
  t.is(lanes.advance(), undefined);
  lanes.settle(a);
  t.is(lanes.advance(), '1-0');
  t.is(lanes.advance(), undefined);
  t.deepEqual(
    lanes.park(b).map(({ position }) => position),
    ['2-0'],
  );
  t.is(lanes.advance(), '3-0', 'a parked one in flight');
  lanes.settle(b);
  t.deepEqual(
    lanes.takeSettled(b).map(({ position }) => position),
    ['2-0'],
  );
  t.is(lanes.parked, 0);
  lanes.done(a);
  lanes.done(b);
  t.is(lanes.next(0)?.queue[0]?.position, '4-0');
  t.is(lanes.next(0), undefined);
});

test('random failures, and owners that die at random writes: nothing is lost, and each station keeps its order', async (t) => {
  const bus = createMemoryBus();
  const client = memoryClient(bus);
  const began = Date.now();
  // Pauses are a hundredth.
  const clock = { now: () => began + (Date.now() - began) * 100 };
  const settings = {
    name: 'a',
    url: 'http://a',
    types: [],
    timeoutSeconds: 1,
    deadLetterAfterSeconds: 1e6,
    secretFile: '',
    caFile: '',
    needsCa: false,
  };
  let crashes = 0;
  const took = new Map<string, number[]>();
  const post = async (_id: string, body: string) => {
    const before = crashes;
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
    // A request of an owner that died meanwhile never arrived.
    if (crashes > before || Math.random() < 0.02) return { kind: 'failed', why: 'chance' } as const;
    const { subject, data } = JSON.parse(body) as { subject: string; data: { n: string } };
    const all = took.get(subject) ?? [];
    took.set(subject, all);
    const n = Number(data.n);
    if (!all.includes(n)) all.push(n);
    return { kind: 'delivered' } as const;
  };
  const store = new WebhookStore(
    {
      record: (key) => bus.state.record(key),
      members: (key, max, limit, offset) => bus.state.members(key, max, limit, offset),
      size: (key) => bus.state.size(key),
      async amend(amendment) {
        if (Math.random() > 0.5) return bus.state.amend(amendment);
        crashes++;
        // Half of them after the write, whose answer is lost.
        if (Math.random() < 0.5) await bus.state.amend(amendment);
        throw new Error('the store is away');
      },
    },
    'a',
  );
  const stopping = new AbortController();
  const metrics = createWebhookMetrics(new Registry(), () => clock.now());
  const working = (async () => {
    for (let owner = 1; !stopping.signal.aborted; owner++) {
      const known = await store.read();
      const mine = { ...(known ?? NEW), cursor: known?.cursor ?? '0-1', owner: `${owner}`, leaseUntil: 0 };
      await store.take(known, mine).catch(() => undefined);
      const now = await store.read();
      if (now?.owner !== `${owner}`) continue;
      const common = {
        settings,
        source: '/ocpp',
        events: client.events(),
        store,
        post,
        clock,
        metrics,
        log: memoryLog(),
        hasRoom: () => true,
      };
      await new Delivery({ ...common, leaseMs: 10_000, stopping: stopping.signal }, now)
        .run()
        .catch(() => undefined);
    }
  })();
  const stations = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'];
  // By and by, so that crashes also find events that are not parked.
  for (let n = 1; n <= 60; n++) {
    for (const stationId of stations) bus.state.emit({ type: 'noted', stationId, fields: { n: `${n}` } });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await until(() => stations.every((station) => took.get(station)?.length === 60), 'all events', 20_000);
  stopping.abort();
  await working;
  const wanted = Array.from({ length: 60 }, (_, index) => index + 1);
  for (const station of stations) t.deepEqual(took.get(station), wanted, station);
  t.true(crashes > 0);
});
