/** One command to many stations: at a steady pace, with a limit of open commands, and an outcome or error for each. */
import { type Clock, sleep, systemClock } from '../../runtime/clock.ts';
import type { CallOutcome } from '../../transport/station-call.ts';
import type { Command, CommandSender } from './commands.ts';

export interface Broadcast extends Omit<Command, 'stationId' | 'payload'> {
  readonly stations: Iterable<string> | AsyncIterable<string>;
  readonly payload: unknown;
  /** Commands started per second; limits the load that the responses and their consequences put on the network. */
  readonly perSecond?: number;
  /** Most commands open at once. */
  readonly atOnce?: number;
}

export type BroadcastResult =
  | { readonly stationId: string; readonly outcome: CallOutcome }
  /** The outcome is unknown: repeat the command under the same idempotency key. */
  | { readonly stationId: string; readonly error: Error };

export interface Pace {
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
}

const PER_SECOND = 50;
const AT_ONCE = 1000;
const REAL_TIME: Pace = { clock: systemClock, sleep: (ms) => sleep(ms) };

/**
 * Yields one result per station, in the order of completion. Commands start on demand: to stop reading stops the
 * broadcast, and open commands end by themselves.
 *
 * An idempotency key holds per station, so an interrupted broadcast can be repeated as a whole: a station that has an
 * outcome is not called again.
 */
export async function* broadcast(
  send: CommandSender,
  { stations, perSecond = PER_SECOND, atOnce = AT_ONCE, ...command }: Broadcast,
  pace: Pace = REAL_TIME,
): AsyncGenerator<BroadcastResult, void, undefined> {
  const work = new Work();
  let next = pace.clock.now();
  for await (const stationId of stations) {
    const early = next - pace.clock.now();
    if (early > 0) await pace.sleep(early);
    yield* await work.finished(atOnce - 1);
    // Lost time is not caught up: the pace is a limit.
    next = Math.max(next, pace.clock.now()) + 1000 / perSecond;
    work.begin(stationId, send({ ...command, stationId }));
  }
  while (work.open > 0) yield* await work.finished(work.open - 1);
  yield* await work.finished(0);
}

/** Open commands, and results that were not yielded yet. */
class Work {
  open = 0;
  #ended: BroadcastResult[] = [];
  #change = Promise.withResolvers<void>();

  begin(stationId: string, outcome: Promise<CallOutcome>): void {
    this.open++;
    void outcome.then(
      (one) => this.#end({ stationId, outcome: one }),
      (error: Error) => this.#end({ stationId, error }),
    );
  }

  /** Waits until at most `open` commands are open; returns the results so far. */
  async finished(open: number): Promise<readonly BroadcastResult[]> {
    while (this.open > open) await this.#change.promise;
    return this.#ended.splice(0);
  }

  #end(result: BroadcastResult): void {
    this.open--;
    this.#ended.push(result);
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }
}
