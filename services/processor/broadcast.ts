/** One command to many stations: at a steady pace, with a bound on what is open, and an outcome or error for each. */
import { type Clock, sleep, systemClock } from '../runtime/clock.ts';
import type { CallOutcome } from '../transport/station-call.ts';
import type { Command, CommandSender } from './commands.ts';

export interface Broadcast extends Omit<Command, 'stationId' | 'payload'> {
  readonly stations: Iterable<string> | AsyncIterable<string>;
  readonly payload: unknown;
  /** Commands begun per second: what the stations' answers and their work after it may cost the network. */
  readonly perSecond?: number;
  /** Commands that may be open at once. */
  readonly atOnce?: number;
}

export type BroadcastResult =
  | { readonly stationId: string; readonly outcome: CallOutcome }
  /** Nothing is known of this one: it may be asked for again under the same idempotency key. */
  | { readonly stationId: string; readonly error: Error };

export interface Pace {
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
}

const PER_SECOND = 50;
const AT_ONCE = 1000;
const REAL_TIME: Pace = { clock: systemClock, sleep: (ms) => sleep(ms) };

/**
 * Yields one result a station, as they come. Nothing is begun before it is asked for: whoever stops reading stops the
 * broadcast, and what is open then ends by itself.
 *
 * An idempotency key is one for each station, so a broadcast that broke off can be repeated whole: who has an
 * outcome is not called again.
 */
export async function* broadcast(
  send: CommandSender,
  { stations, perSecond = PER_SECOND, atOnce = AT_ONCE, ...command }: Broadcast,
  pace: Pace = REAL_TIME,
): AsyncGenerator<BroadcastResult, void, undefined> {
  const finished: BroadcastResult[] = [];
  const begun = pace.clock.now();
  let count = 0;
  let open = 0;
  let change = Promise.withResolvers<void>();
  const end = (result: BroadcastResult) => {
    finished.push(result);
    open--;
    change.resolve();
    change = Promise.withResolvers<void>();
  };
  for await (const stationId of stations) {
    const early = begun + (count++ * 1000) / perSecond - pace.clock.now();
    if (early > 0) await pace.sleep(early);
    open++;
    void send({ ...command, stationId }).then(
      (outcome) => end({ stationId, outcome }),
      (error: Error) => end({ stationId, error }),
    );
    while (open >= atOnce) await change.promise;
    yield* finished.splice(0);
  }
  while (open > 0) {
    await change.promise;
    yield* finished.splice(0);
  }
  yield* finished.splice(0);
}
