/** The number of processors follows the load on a real cluster: a step, sources that fall silent at the peak, and the way down. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { mostRemoved } from '../../../operator/scaling/steps.ts';
import { startSimulation, type Simulation } from '../../simulator/simulation.ts';
import { createNamespace, diagnostics, firstImage, removeEverything, startAfresh } from '../environment.ts';
import { provideImage } from '../image.ts';
import { get, kubectl, patch, until } from '../kubectl.ts';
import { finishStations, NO_LOSSES, stationUrl } from '../stations.ts';
import { deployExternalMetrics, removeExternalMetrics } from './external-metrics.ts';
import {
  activeOfPort,
  createPort,
  eventsOfPort,
  freeze,
  podsOfPort,
  port,
  statusOfPort,
  WINDOW_SECONDS,
} from './place.ts';
import { prometheusUrl, scalePrometheus, startPrometheus, Targets } from './prometheus.ts';
import { ageOf, capacityOf, deliveries, rateOf, type Reading, Recording } from './recording.ts';

/** Messages per second of the stations that stay, and of all at the peak: four times 1 / 20 ms. */
const BASE = 30;
const PEAK = 200;
const CADENCE_SECONDS = 2;
/**
 * On a machine that does nothing else it takes 11 to 17 s and at most one processor too many; this is what a busy one of two CPUs keeps to,
 * on which a new processor takes seconds to start and has less than its capacity.
 */
const ENOUGH_WITHIN_SECONDS = 60;
const MOST_TOO_MANY = 3;
const SETTLED_SECONDS = 75;
/** Of the Prometheus source, s. */
const STALE_SECONDS = 10;

/** A station that waits for an answer says nothing more. */
async function load(perSecond: number, prefix: string): Promise<Simulation> {
  const url = await stationUrl(port);
  const stations = perSecond * CADENCE_SECONDS;
  return startSimulation({ url, stations, prefix, cadenceSeconds: CADENCE_SECONDS, mostWaiting: 1 });
}

test.before('one image, slow processors and a Prometheus', async (t) => {
  t.timeout(600_000);
  await removeExternalMetrics();
  await startAfresh();
  const slow = await provideImage('e2e-slow', { dockerfile: 'test/e2e/slow-processor/Dockerfile' });
  await createNamespace(port.namespace);
  await Promise.all([createPort(slow), startPrometheus(port.namespace)]);
});

test.afterEach.always('what a person would look at', async (t) => {
  if (!t.passed) t.log(await diagnostics([port.namespace]));
});

test.after.always('nothing stays', async (t) => {
  t.timeout(400_000);
  // Before the namespaces: an API without a server hinders their deletion.
  await removeExternalMetrics();
  await removeEverything();
});

let base: Simulation | undefined;
let peak: Simulation | undefined;
let recording: Recording | undefined;
test.after.always(() => {
  recording?.[Symbol.dispose]();
  for (const one of [base, peak]) one?.stop();
});

/** The loads and the recording of the tests after the first. */
function running() {
  if (base === undefined || peak === undefined || recording === undefined) throw new Error('the step failed');
  return { base, peak, recording };
}

test.serial(
  'a step to four times the capacity of one processor is met soon, and with few too many',
  async (t) => {
    t.is((await podsOfPort('processor')).length, 1);
    base = await load(BASE, 'BA');
    peak = await load(PEAK - BASE, 'PE');
    recording = new Recording([base, peak]);
    await sleep(SETTLED_SECONDS * 1000);
    t.log(recording.changes());
    const { readings } = recording;
    const settled = recording.between(SETTLED_SECONDS - 20);
    const [capacity, rate] = [capacityOf(readings), rateOf(settled)];
    const needed = Math.ceil(rate / capacity);
    const enough = readings.find(({ ready }) => ready >= needed)?.at ?? Infinity;
    const most = Math.max(...readings.map(({ desired }) => desired));
    t.log(
      `capacity ${capacity.toFixed(1)}/s, load ${rate.toFixed(1)}/s, ${needed} needed and ready after ${enough.toFixed(0)} s, ` +
        `at most ${most} wanted, p99 of the age ${ageOf(settled).toFixed(2)} s`,
    );
    t.log((await statusOfPort()).autoscaling?.reason);
    t.true(enough <= ENOUGH_WITHIN_SECONDS, `enough after ${enough} s`);
    t.true(most <= needed + MOST_TOO_MANY, `${most} wanted, ${needed} needed`);
    t.true(ageOf(settled) < 2);
  },
);

test.serial(
  'a ws-proxy that does not answer at the peak is no reason to scale in, and the status names it',
  async (t) => {
    const { recording } = running();
    const from = recording.seconds;
    const [victim] = await podsOfPort('ws-proxy');
    if (victim === undefined) return t.fail('there is no ws-proxy');
    const resume = freeze(victim, 'ws-proxy.js');
    let held = { from: 0, to: 0 };
    try {
      // A message without another condition is written every 30 s, and the metrics must be missed first.
      await until('the status to say it', 60, async () =>
        /metrics of a ws-proxy/.test((await statusOfPort()).autoscaling?.reason ?? ''),
      );
      const said = recording.seconds;
      await sleep(WINDOW_SECONDS * 1000);
      held = { from: said, to: recording.seconds };
    } finally {
      resume();
    }
    await until('the status to be as before', 60, async () => {
      const { autoscaling: { reason = '' } = {} } = await statusOfPort();
      return !/metrics of a ws-proxy/.test(reason) && (await activeOfPort())?.status === 'True';
    });
    t.log(recording.changes(from));
    // Before and after it a processor too many may go.
    const numbers = recording.between(held.from, held.to).map(({ desired }) => desired);
    t.true(numbers.length > 0, 'readings while it was frozen');
    t.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
      'no scale-in while it was frozen',
    );
    return undefined;
  },
);

test.serial(
  'a Prometheus that dies at the peak: the number is held, the cluster says so, and goes on when it is back',
  async (t) => {
    const { recording } = running();
    const { cluster, namespace } = port;
    const prometheus = { url: prometheusUrl(namespace), staleSeconds: STALE_SECONDS };
    using _targets = new Targets(port);
    await patch('ocppcluster', cluster, namespace, { spec: { processor: { autoscaling: { prometheus } } } });
    await until('the load is read from Prometheus', 60, async () => {
      const source = (await statusOfPort()).autoscaling?.inputs?.source;
      return source === 'Prometheus' && (await activeOfPort())?.status === 'True';
    });
    await scalePrometheus(namespace, 0);
    const from = recording.seconds;
    const { desired } = recording.readings.at(-1) ?? {};
    const said = await until('the condition to say so', STALE_SECONDS + 20, async () => {
      const condition = await activeOfPort();
      return condition?.status === 'False' && condition;
    });
    t.log(`${said.reason}: ${said.message}`);
    // Longer than the window, after which a load of 0 would have scaled in.
    await sleep((WINDOW_SECONDS + 5) * 1000);
    const held = recording.between(from + 1).map((reading) => reading.desired);
    t.deepEqual([...new Set(held)], [desired], 'no change without figures');
    t.is((await activeOfPort())?.reason, 'SignalsMissing');
    t.not((await eventsOfPort('AutoscalingHolds')).trim(), '', 'an Event');
    await scalePrometheus(namespace, 1);
    await until('the condition to be true again', 60, async () => (await activeOfPort())?.status === 'True');
    t.is((await statusOfPort()).autoscaling?.inputs?.source, 'Prometheus');
    await patch('ocppcluster', cluster, namespace, {
      spec: { processor: { autoscaling: { prometheus: null } } },
    });
  },
);

test.serial(
  'with the load gone the processors go step by step, and nothing is lost, answered twice or delivered again',
  async (t) => {
    t.timeout(300_000);
    const { base, peak, recording } = running();
    const report = await finishStations(port, peak);
    // Now, as a few frames come in between the two counters: at the peak they would be many.
    const before = await deliveries();
    t.deepEqual(report.losses, NO_LOSSES, report.samples.join('\n'));
    const from = recording.seconds;
    await until(
      'the number for the load that stays',
      150,
      async () => recording.readings.at(-1)?.desired === 1,
    );
    t.log(recording.changes(from));
    const numbers = recording.between(from).map(({ desired }) => desired);
    const tooFar = numbers.some((desired, i) => {
      const before = numbers[i - 1] ?? desired;
      return before - desired > mostRemoved(before);
    });
    t.false(tooFar, `numbers of scale-in: ${numbers.join(', ')}`);
    const after = await deliveries();
    const enqueued = after.enqueued - before.enqueued;
    const again = after.delivered - before.delivered - enqueued;
    t.log(`${enqueued} frames, ${again} delivered again`);
    t.true(again <= enqueued / 100, `${again} of ${enqueued} delivered again`);
    t.true(base.progress().online > 0);
  },
);

test.serial('the only processor hangs with frames waiting: another one is asked for at once', async (t) => {
  const { base, recording } = running();
  await until('one processor', 60, async () => (await podsOfPort('processor')).length === 1);
  const [victim] = await podsOfPort('processor');
  if (victim === undefined) return t.fail('there is no processor');
  const from = recording.seconds;
  const resume = freeze(victim, 'processor.js');
  const since = (test: (reading: Reading) => boolean) => recording.between(from).find(test)?.at;
  try {
    // Before its readiness falls, as messages wait; at the latest one reading of the metrics after it fell.
    await until('another processor is wanted', 20, async () => since(({ desired }) => desired > 1));
    const answered = recording.readings.at(-1)?.answered ?? 0;
    await until('answers again', 30, async () => since((reading) => reading.answered > answered + BASE));
  } finally {
    resume();
  }
  t.log(recording.changes(from));
  const report = await finishStations(port, base);
  t.deepEqual(report.losses, NO_LOSSES, report.samples.join('\n'));
  return undefined;
});

interface Autoscaler {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}
interface Scaled {
  readonly spec: { readonly processor: { readonly replicas?: number } };
}

test.serial(
  'in mode HPA the autoscaler of Kubernetes scales by the recommendation; changes of the mode keep the number',
  async (t) => {
    t.timeout(300_000);
    const { cluster, namespace } = port;
    const { recording } = running();
    const autoscale = (autoscaling: object) =>
      patch('ocppcluster', cluster, namespace, { spec: { processor: { autoscaling } } });
    const autoscaler = () => get<Autoscaler>('horizontalpodautoscaler', `${cluster}-processor`, namespace);
    const scale = async () => (await get<Scaled>('ocppcluster', cluster, namespace))?.spec.processor.replicas;
    const wanted = () => recording.readings.at(-1)?.desired ?? 0;
    await autoscale({ minReplicas: 2 });
    await until('two processors', 30, async () => wanted() === 2);
    await deployExternalMetrics(firstImage);

    const from = recording.seconds;
    await autoscale({ mode: 'HPA', minReplicas: 1 });
    await until('an autoscaler that works', 60, async () => {
      const conditions = (await autoscaler())?.status?.conditions ?? [];
      return conditions.some(({ type, status }) => type === 'ScalingActive' && status === 'True');
    });
    t.deepEqual(new Set(recording.between(from).map(({ desired }) => desired)), new Set([2]));
    t.is(await scale(), 2, 'the scale was seeded with the number of processors');

    const hpaLoad = await load(PEAK, 'HP');
    const scaled = await until('enough processors', 90, async () => wanted() >= 4 && wanted());
    t.is(await scale(), scaled, 'written through the scale subresource');
    hpaLoad.stop();
    await until('a scale-in by the autoscaler', 120, async () => wanted() < scaled);
    t.log(recording.changes(from));

    const before = wanted();
    await autoscale({ mode: 'Off' });
    await until('no autoscaler', 30, async () => (await autoscaler()) === undefined);
    // The last write of the autoscaler may be newer than the reading.
    t.true(wanted() >= before - 1, `${wanted()} after ${before}`);
    await kubectl(['scale', `ocppcluster/${cluster}`, '-n', namespace, '--replicas=5']);
    await until('five processors', 30, async () => wanted() === 5);
  },
);
