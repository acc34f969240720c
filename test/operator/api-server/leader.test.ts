/** Leader election on a real API server: exactly one leads, and notices when it no longer does. */
import test from 'ava';
import { LeaderElector } from '../../../operator/controller/leader.ts';
import type { LeaseStore } from '../../../operator/controller/lease.ts';
import { KubeLeaseStore } from '../../../operator/kube/kube-lease-store.ts';
import { type Clock, sleep, systemClock } from '../../../services/runtime/clock.ts';
import type { ApiServer } from '../../support/api-server.ts';
import { sharedApiServer } from '../../support/shared-api-server.ts';
import { until } from '../../support/until.ts';

const log = { debug() {}, info() {}, warn() {}, error() {} };
/** A tenth of the real timings, so that no test waits for 15 s. */
const TIMINGS = { leaseMs: 3000, renewDeadlineMs: 1500, retryMs: 200 };

const shared = sharedApiServer(test);

const onServer = (title: string, run: Parameters<typeof shared.on>[0]) => test.serial(title, shared.on(run));

/** Simulates another machine: its wall clock is wrong by an hour, its network can be cut. */
function elector(server: ApiServer, lease: string, identity: string, clock: Clock = systemClock) {
  const store = new KubeLeaseStore(server.http, { name: lease, namespace: 'kube-system' });
  const history: string[] = [];
  const away = new AbortController();
  const cutOff = <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) => {
    return (...args: A) => (away.signal.aborted ? Promise.reject<R>(new Error('cut off')) : call(...args));
  };
  const guarded: LeaseStore = {
    get: cutOff((signal) => store.get(signal)),
    create: cutOff((spec, signal) => store.create(spec, signal)),
    update: cutOff((spec, version, signal) => store.update(spec, version, signal)),
  };
  const one = new LeaderElector({
    store: guarded,
    identity,
    onAcquired: () => history.push('acquired'),
    onLost: (reason) => history.push(`lost: ${reason}`),
    log,
    clock,
    timings: TIMINGS,
  });
  return { one, history, store, cutOff: () => away.abort() };
}

onServer(
  'leader: one of many that start at the same time leads; the others follow without comparing clocks',
  async (t, server) => {
    const clocks = [0, 3_600_000, -3_600_000, 0].map((wrong) => ({ now: () => Date.now() + wrong }));
    const electors = clocks.map((clock, n) => elector(server, 'race', `operator-${n}`, clock));
    const leaders = () => electors.filter(({ one }) => one.leading);
    const watchedFor = performance.now() + 2 * TIMINGS.leaseMs;
    let most = 0;
    for (const { one } of electors) one.start();
    while (performance.now() < watchedFor) {
      most = Math.max(most, leaders().length);
      await sleep(10);
    }
    t.is(most, 1);
    t.is(leaders().length, 1);
    t.is(electors.flatMap(({ history }) => history).join(), 'acquired', 'the leader did not change');
    const lease = await electors[0]?.store.get(AbortSignal.timeout(5000));
    t.regex(lease?.spec.renewTime ?? '', /\.\d{6}Z$/);
    for (const { one } of electors) await one.stop();
  },
);

onServer('leader: a stopping leader releases the Lease at once', async (t, server) => {
  const first = elector(server, 'handover', 'first');
  const second = elector(server, 'handover', 'second');
  first.one.start();
  await until(() => first.one.leading, 'the first leads');
  second.one.start();
  const from = performance.now();
  await first.one.stop();
  await until(() => second.one.leading, 'the second leads');
  t.true(performance.now() - from < TIMINGS.leaseMs, 'before the lease would expire');
  t.deepEqual(first.history, ['acquired']);
  const lease = await second.store.get(AbortSignal.timeout(5000));
  t.like(lease?.spec, { holderIdentity: 'second', leaseTransitions: 1 });
  await second.one.stop();
});

onServer('leader: a disconnected leader resigns before another may lead', async (t, server) => {
  const first = elector(server, 'cut', 'first');
  const second = elector(server, 'cut', 'second');
  first.one.start();
  await until(() => first.one.leading, 'the first leads');
  second.one.start();
  first.cutOff();
  let both = false;
  await until(() => {
    both ||= first.one.leading && second.one.leading;
    return second.one.leading;
  }, 'the second leads');
  t.false(both);
  t.deepEqual(first.history, ['acquired', 'lost: the lease was not renewed in time']);
  await first.one.stop();
  t.true(second.one.leading, 'the loser does not release a Lease that it no longer holds');
  await second.one.stop();
});

onServer('leader: a process suspended past its Lease knows that it no longer leads', async (t, server) => {
  let skipped = 0;
  const { store } = elector(server, 'paused', 'x');
  const history: string[] = [];
  const paused = new LeaderElector({
    store,
    identity: 'paused',
    onAcquired: () => history.push('acquired'),
    onLost: (reason) => history.push(reason),
    log,
    clock: systemClock,
    monotonic: { now: () => performance.now() + skipped },
    timings: { ...TIMINGS, retryMs: 10_000 },
  });
  paused.start();
  await until(() => paused.leading, 'it leads');
  skipped = 60_000;
  t.false(paused.leading, 'no timer has run yet, only the clock shows it');
  await until(() => history.length === 2, 'the loss is reported');
  t.deepEqual(history, ['acquired', 'the lease was not renewed in time']);
  await paused.stop();
});

onServer('leader: when another process takes the Lease, leadership ends', async (t, server) => {
  const robbed = elector(server, 'robbed', 'robbed');
  robbed.one.start();
  await until(() => robbed.one.leading, 'it leads');
  await until(() => robbed.history.length > 0, 'the loss is reported');
  for (let done = false; !done;) {
    const lease = await robbed.store.get(AbortSignal.timeout(5000));
    if (lease === undefined) throw new Error('no lease');
    const spec = { ...lease.spec, holderIdentity: 'thief' };
    done = await robbed.store.update(spec, lease.version, AbortSignal.timeout(5000)).then(
      () => true,
      () => false,
    );
  }
  await until(() => robbed.history.length === 2, 'it noticed the loss');
  t.deepEqual(robbed.history, ['acquired', 'lost: thief took the lease']);
  await robbed.one.stop();
});
