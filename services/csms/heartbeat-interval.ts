/**
 * The interval of Heartbeats that an accepted station gets at boot: the setting, or longer while boots wait. When power returns
 * to a district, thousands of stations boot within seconds. With one interval for all, their Heartbeats would arrive together
 * while other boots still wait, and would stay in step.
 *
 * The load is the wait of this boot, from when the proxy read it until a processor handles it. It covers the pace of boots in
 * the proxy, which keeps the queue short, as well as the queue. It is known without a request to the store, and differs from
 * one station to the next. While the store is away or full, boots wait too.
 *
 * The bound is modest, because a station keeps its interval until its next boot, which can be months away. No command corrects
 * it: thousands of commands would be the next load. A longer interval does no harm. Pings detect a connection that is lost,
 * and a clock drifts little in four intervals. The wait is the difference of two clocks: a processor whose clock is ahead
 * stretches more than it needs to, within the same bound.
 */
import { placeOf } from '../ocpp/identity.ts';

/** The wait at which the interval starts to rise, and the one from which it rises no further; ms. A boot waits in the proxy for half of the call time-out at most. */
const WAIT = { from: 2000, to: 12_000 } as const;
/** The most that an interval is stretched to: this many times the setting. */
const MOST = 4;
/** The part of the stretch that depends on the identity, so that stations whose boots waited equally long get out of step. */
const SPREAD = 0.5;
/** No setting is stretched beyond a day; s. */
const LONGEST = 86_400;

export interface BootWait {
  readonly stationId: string;
  /** From when the proxy read the BootNotification until now. Negative or not finite counts as unknown, which is no load; ms. */
  readonly waitedMs: number;
}

/**
 * The interval for one boot, in whole seconds where it is stretched. It rises with the wait.
 * @param setting the interval without load; s
 */
export function heartbeatInterval(setting: number, { stationId, waitedMs }: BootWait): number {
  const load = Number.isFinite(waitedMs) ? (waitedMs - WAIT.from) / (WAIT.to - WAIT.from) : 0;
  if (load <= 0) return setting;
  const stretch = Math.min(1, load) * (MOST - 1) * (1 - SPREAD * placeOf(stationId));
  return Math.max(setting, Math.min(LONGEST, Math.floor(setting * (1 + stretch))));
}
