/**
 * Load shapes. A processor handles 50 messages per second, one at a time (a handler that waits 20 ms), and a Pod is ready after
 * 8 s, unless a shape says otherwise.
 */
import type { Conditions } from './world.ts';

export interface Shape {
  readonly name: string;
  readonly what: string;
  readonly conditions: Conditions;
  /** When the disturbance begins; before it, the load is calm for long enough that nothing changes. */
  readonly disturbedAt: number;
  /** Processors that the greatest load of a whole minute needs if they are always busy. */
  readonly needed: number;
}

export const CAPACITY = 50;
const STARTUP_SECONDS = 8;
const AT = 901;

const base = {
  seconds: 3600,
  capacity: () => CAPACITY,
  startupSeconds: () => STARTUP_SECONDS,
  concurrency: 1,
  stations: 6000,
  seed: 13,
} as const;

const between = (second: number, from: number, to: number) => second >= from && second < to;
/** From 0 at `from` to 1 at `to`. */
const rise = (second: number, from: number, to: number) =>
  Math.min(1, Math.max(0, (second - from) / (to - from)));
const step = (second: number) => (between(second, AT, AT + 1200) ? 195 : 2);

/** Stations that reconnect in the storm, each with a boot, two status reports and the transaction messages it kept. */
const STORM = { offlineSeconds: 120, seconds: 60, stations: 6000, messages: 8 };

export const SHAPES: readonly Shape[] = [
  {
    name: 'step',
    what: 'from 2 to 195 messages/s at once, for 20 minutes',
    conditions: { ...base, arrivals: step },
    disturbedAt: AT,
    needed: 4,
  },
  {
    name: 'ramp',
    what: 'from 20 to 395 messages/s within 10 minutes, which lasts for 10 minutes',
    conditions: {
      ...base,
      arrivals: (second) => (second < AT + 1200 ? 20 + 375 * rise(second, AT, AT + 600) : 20),
    },
    disturbedAt: AT,
    needed: 8,
  },
  {
    name: 'morning peak',
    what: 'from 20 to 495 messages/s within an hour, and down to 200 within the next',
    conditions: {
      ...base,
      seconds: AT + 9000,
      arrivals: (second) =>
        20 + 475 * easing(rise(second, AT, AT + 3600)) - 295 * easing(rise(second, AT + 3600, AT + 7200)),
    },
    disturbedAt: AT,
    needed: 10,
  },
  {
    name: 'storm after an outage',
    what: '100 messages/s; no station is connected for 2 minutes, then all return within one: 800/s more',
    conditions: { ...base, arrivals: storm },
    disturbedAt: AT + STORM.offlineSeconds,
    needed: 18,
  },
  {
    name: 'slow dependency',
    what: '145 messages/s; for 15 minutes all processors together handle at most 100/s',
    conditions: {
      ...base,
      seconds: 5400,
      arrivals: () => 145,
      sharedCapacity: (second) => (between(second, AT, AT + 900) ? 100 : Infinity),
      storeSeconds: (second) => (between(second, AT, AT + 900) ? 0.05 : 0.001),
    },
    disturbedAt: AT,
    needed: 3,
  },
  {
    name: 'flapping',
    what: '40 and 240 messages/s, alternating every 40 s for half an hour',
    conditions: {
      ...base,
      arrivals: (second) =>
        between(second, AT, AT + 1800) && Math.floor((second - AT) / 40) % 2 === 0 ? 240 : 40,
    },
    disturbedAt: AT,
    needed: 5,
  },
  {
    name: 'poison flood',
    what: '100 messages/s; for 5 minutes as many more that fail, and are delivered five times',
    conditions: {
      ...base,
      arrivals: (second) => (between(second, AT, AT + 300) ? 200 : 100),
      failing: (second) => (between(second, AT, AT + 300) ? 0.5 : 0),
    },
    disturbedAt: AT,
    needed: 12,
  },
  {
    name: 'ten minutes without metrics',
    what: 'from 2 to 195 messages/s at once; 2 minutes later the metrics are gone for 10 minutes',
    conditions: {
      ...base,
      arrivals: step,
      blind: (second) => between(second, AT + 120, AT + 720),
    },
    disturbedAt: AT,
    needed: 4,
  },
  {
    name: 'slow start',
    what: 'the step; a Pod is ready after 60 s',
    conditions: { ...base, arrivals: step, startupSeconds: () => 60 },
    disturbedAt: AT,
    needed: 4,
  },
];

/** Slow at both ends. */
const easing = (share: number) => (1 - Math.cos(Math.PI * share)) / 2;

function storm(second: number): number {
  const back = AT + STORM.offlineSeconds;
  if (between(second, AT, back)) return 0;
  const kept = (STORM.stations * STORM.messages) / STORM.seconds;
  return 100 + (between(second, back, back + STORM.seconds) ? kept : 0);
}

/** The same shape, which begins later by some seconds, with other chance. */
export function shifted(shape: Shape, seconds: number): Shape {
  const later =
    <T>(over: (second: number) => T) =>
    (second: number) =>
      over(Math.max(0, second - seconds));
  const { conditions } = shape;
  const { arrivals, sharedCapacity, storeSeconds, failing, blind, seed = 0 } = conditions;
  return {
    ...shape,
    disturbedAt: shape.disturbedAt + seconds,
    conditions: {
      ...conditions,
      seconds: conditions.seconds + seconds,
      seed: seed + seconds,
      arrivals: later(arrivals),
      ...(sharedCapacity && { sharedCapacity: later(sharedCapacity) }),
      ...(storeSeconds && { storeSeconds: later(storeSeconds) }),
      ...(failing && { failing: later(failing) }),
      ...(blind && { blind: later(blind) }),
    },
  };
}
