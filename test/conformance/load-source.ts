/** What every LoadSource does, whatever it asks: the Pods export figures, and the source makes the same load of them. */
import type { ExecutionContext, TestFn } from 'ava';
import type { LoadSignals } from '../../operator/scaling/demand.ts';
import type { ClusterPods, LoadSource, PodIdentity } from '../../operator/signals/load-source.ts';
import { METRIC } from '../../services/contract.ts';

export interface PodExports {
  readonly component: 'ws-proxy' | 'processor';
  readonly values: Readonly<Record<string, number>>;
}

/** By name of the Pod. */
export type Exports = Readonly<Record<string, PodExports>>;

export interface LoadSubject extends AsyncDisposable {
  readonly source: LoadSource;
  /** Passes time, in which the Pods come to export this and the source has a chance to see it. */
  pass(seconds: number, exports: Exports): void;
}

const identity = (name: string): PodIdentity => ({ uid: `uid-${name}`, name });
const [A, B, C] = ['city-ws-proxy-a', 'city-ws-proxy-b', 'city-processor-c'];
const targetOf = ({ uid }: PodIdentity, component: PodExports['component']) => ({
  pod: uid,
  component,
  host: '127.0.0.1',
  port: 1,
  path: '/metrics',
});
const [a, b, c] = [A, B, C].map(identity) as [PodIdentity, PodIdentity, PodIdentity];
const pods: ClusterPods = {
  all: [a, b, c],
  proxies: [a, b],
  processors: [{ ...c, readyMs: 0 }],
  draining: [],
  targets: [targetOf(a, 'ws-proxy'), targetOf(b, 'ws-proxy'), targetOf(c, 'processor')],
};

/** The figures at a moment; the time stamp of the queue is of no clock that the source knows. */
function exportsAt(
  at: number,
  { depth = 7, forwarded = at * 10, completed = at * 4, busy = at / 2 } = {},
): Exports {
  const queue = {
    [METRIC.queueDepth]: depth,
    [METRIC.queueOldestSeconds]: 1,
    [METRIC.queueInFlight]: 3,
    [METRIC.queueSampledAt]: 5e6 + at,
  };
  const proxy = { component: 'ws-proxy', values: { ...queue, [METRIC.proxyForwarded]: forwarded } } as const;
  const work = { [METRIC.processorCompleted]: completed, [METRIC.processorBusySeconds]: busy };
  return {
    [A]: proxy,
    [B]: proxy,
    [C]: { component: 'processor', values: { ...queue, ...work, [METRIC.storeResponseSeconds]: 0.004 } },
  };
}

export function testLoadSource(name: string, test: TestFn, open: () => Promise<LoadSubject>): void {
  const conforms = (title: string, run: (t: ExecutionContext, subject: LoadSubject) => Promise<void>) =>
    test(`${name}: ${title}`, async (t) => {
      await using subject = await open();
      await run(t, subject);
    });
  const readAfter = (subject: LoadSubject, seconds: number, exports: Exports): Promise<LoadSignals> => {
    subject.pass(seconds, exports);
    return subject.source.read(pods, true);
  };

  conforms(
    'arrivals are a sum over the proxies, the queue is of one Pod, and work counts once',
    async (t, subject) => {
      const first = await readAfter(subject, 5, exportsAt(5));
      t.like(first, { work: undefined });
      const second = await readAfter(subject, 5, exportsAt(10));
      t.like(second, {
        arrivalRate: 20,
        recentArrivalRate: 20,
        arrivalsIncomplete: undefined,
        storeSeconds: 0.004,
      });
      t.like(second.queue, { depth: 7, oldestSeconds: 1, inFlight: 3, ageMs: 0 });
      t.deepEqual(second.work, { completed: 20, busySeconds: 2.5, seconds: 5 });
      t.like(second.activity, { completedPerSecond: 4, busyShare: 0.5 });
      const between = await subject.source.read(pods, false);
      t.like(between, { arrivalRate: 20, work: undefined });
      t.deepEqual(between.activity, second.activity, 'how they work now is known in every pass');
      t.is(first.activity, undefined, 'read once');
      t.like(await readAfter(subject, 5, exportsAt(15)), { work: { completed: 20 } as never });
    },
  );

  conforms('a zero is a figure', async (t, subject) => {
    await readAfter(subject, 5, exportsAt(5, { depth: 0, forwarded: 50 }));
    const load = await readAfter(subject, 5, exportsAt(10, { depth: 0, forwarded: 50 }));
    t.is(load.arrivalRate, 0);
    t.is(load.queue?.depth, 0);
  });

  conforms('restarted Pods count from zero', async (t, subject) => {
    await readAfter(subject, 5, exportsAt(5));
    const load = await readAfter(subject, 5, exportsAt(10, { forwarded: 25, completed: 8, busy: 1 }));
    t.like(load, { arrivalRate: 10 });
    t.like(load.work, { completed: 8, busySeconds: 1 });
  });

  conforms('without a ready proxy the arrivals are incomplete', async (t, subject) => {
    const without = (exports: Exports): Exports =>
      Object.fromEntries(Object.entries(exports).filter(([pod]) => pod !== B));
    await readAfter(subject, 5, without(exportsAt(5)));
    t.like(await readAfter(subject, 5, without(exportsAt(10))), {
      arrivalRate: 10,
      arrivalsIncomplete: true,
    });
  });

  conforms(
    'values that are no numbers are unknown, and so is everything when the Pods are silent',
    async (t, subject) => {
      const bad = (at: number) => exportsAt(at, { depth: Number.NaN, forwarded: Number.POSITIVE_INFINITY });
      await readAfter(subject, 5, bad(5));
      const load = await readAfter(subject, 5, bad(10));
      t.like(load, { arrivalRate: undefined, queue: undefined });
      await readAfter(subject, 30, exportsAt(40));
      t.truthy((await readAfter(subject, 5, exportsAt(45))).arrivalRate);
      let silent: LoadSignals = {};
      for (let passed = 0; passed < 60; passed += 5) silent = await readAfter(subject, 5, {});
      t.is(silent.arrivalRate, undefined);
      t.true(silent.queue === undefined || silent.queue.ageMs >= 55_000);
    },
  );

  conforms('figures of the queue that no Pod renews get old', async (t, subject) => {
    const stuck = (at: number) =>
      Object.fromEntries(
        Object.entries(exportsAt(at)).map(([pod, { component, values }]) => [
          pod,
          { component, values: { ...values, [METRIC.queueSampledAt]: 1 } },
        ]),
      );
    await readAfter(subject, 5, stuck(5));
    t.is((await readAfter(subject, 5, stuck(10))).queue?.ageMs, 5000);
  });
}
