/** The number of processors follows the load on a real cluster: a step, sources that fall silent at the peak, and the way down. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { startSimulation, type Simulation } from '../../simulator/simulation.ts';
import { createNamespace, diagnostics, removeEverything, startAfresh } from '../environment.ts';
import { provideImage } from '../image.ts';
import { patch, until } from '../kubectl.ts';
import { finishStations, NO_LOSSES, stationUrl } from '../stations.ts';
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
import { prometheusUrl, scalePrometheus, startPrometheus } from './prometheus.ts';
import { ageOf, capacityOf, deliveries, rateOf, Recording } from './recording.ts';

/** Messages per second of the stations that stay, and of all at the peak: four times 1 / 20 ms. */
const BASE = 15;
const PEAK = 200;
const CADENCE_SECONDS = 2;
const ENOUGH_WITHIN_SECONDS = 30;
const SETTLED_SECONDS = 60;
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
  await startAfresh();
  const slow = await provideImage('e2e-slow', { dockerfile: 'test/e2e/slow-processor/Dockerfile' });
  await createNamespace(port.namespace);
  await Promise.all([createPort(slow), startPrometheus(port)]);
});

test.afterEach.always('what a person would look at', async (t) => {
  if (!t.passed) t.log(await diagnostics([port.namespace]));
});

test.after.always('nothing stays', async (t) => {
  t.timeout(400_000);
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
  'a step to four times the capacity of one processor is met within 30 s, with one too many at most',
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
    t.true(most <= needed + 1, `${most} wanted, ${needed} needed`);
    t.true(ageOf(settled) < 2);
  },
);
