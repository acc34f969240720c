/**
 * Runs one handler within its time limit and turns what it returns, or how it fails, into an outcome. A late or failed
 * handler is not the station's fault: its CALL is answered InternalError. A transaction message is not answered at all:
 * an error would use up the station's TransactionMessageAttempts and could destroy billing data (1.6 §3.7). The station
 * sends it again, and it becomes a dead letter, to be replayed once the handler is fixed. While processors of another release
 * live, the transport lets them try first.
 */
import { TRANSACTION_MESSAGES } from '../ocpp/schema.ts';
import type { Clock } from '../runtime/clock.ts';
import { errorFields, type Log } from '../runtime/log.ts';
import { messageOf, TransportError } from '../transport/errors.ts';
import type { Delivery, Outcome } from '../transport/transport.ts';
import { NO_PROVIDERS, type Providers } from './credentials/providers.ts';
import { type Handler, type HandlerContext, type HandlerSettings, settingsNow } from './handler.ts';
import type { ProcessorState } from './state.ts';
import { boundedFor } from './transactions/bill-sink.ts';

export type HandlerFailure = 'failed' | 'timeout';

export interface RunOptions {
  readonly settings: HandlerSettings;
  readonly state: ProcessorState;
  /** None by default. */
  readonly providers?: Providers;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a handler may take; ms. */
  readonly handlerTimeoutMs?: number;
  readonly onHandlerError?: (reason: HandlerFailure) => void;
}

/** Default time limit of a handler; below the time-out of a CALL (30 s), so that the station gets the error. */
export const HANDLER_TIMEOUT_MS = 25_000;
export const NOTHING: Outcome = { writes: [], events: [] };

/** @param request valid, or what is left of it that a handler can rely on */
export async function runHandler(
  handler: Handler,
  request: unknown,
  context: HandlerContext,
  action: string,
  options: RunOptions,
): Promise<Outcome> {
  try {
    // never: the schema has proved what the handler's own type says.
    const work = handler(request as never, context);
    const { response, ...rest } = await within(options.handlerTimeoutMs ?? HANDLER_TIMEOUT_MS, work);
    // Handlers of other projects may be JavaScript.
    if (typeof response !== 'object' || response === null)
      throw new Error('the handler returned no response');
    const { writes = [] } = rest;
    const kept = boundedFor(context.settings.billSink, writes);
    return { ...NOTHING, ...rest, writes: kept, answer: { kind: 'result', payload: response } };
  } catch (error) {
    if ((error instanceof TransportError && error.retryable) || isTooDeep(error)) throw error;
    options.onHandlerError?.(error instanceof HandlerTimeout ? 'timeout' : 'failed');
    const about = { stationId: context.stationId, action };
    options.log.error({ ...about, ...errorFields(error) }, 'handler failed');
    const reason = `its handler failed: ${messageOf(error)}`;
    if (TRANSACTION_MESSAGES.has(action)) return { ...NOTHING, deadLetter: reason };
    const answer = { kind: 'error', code: 'InternalError', description: 'the handler failed' } as const;
    return { ...NOTHING, answer, failure: reason };
  }
}

/** Whether the payload nests deeper than the stack allows. */
export function isTooDeep(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack');
}

const NO_NUMBERS: ReadonlyMap<string, string> = new Map();
export const NO_REPAIRS: HandlerContext['repaired'] = new Map();

export function contextOf(
  { stationId, protocol, epoch, receivedAt, unexpected }: Delivery,
  { settings, state, providers = NO_PROVIDERS, clock, log }: RunOptions,
  exact = NO_NUMBERS,
  repaired = NO_REPAIRS,
): HandlerContext {
  return {
    stationId,
    protocol,
    epoch,
    now: new Date(clock.now()),
    receivedAt,
    unexpected: unexpected === true,
    exact,
    repaired,
    settings: settingsNow(settings),
    state,
    providers,
    log,
  };
}

class HandlerTimeout extends Error {
  override readonly name = 'HandlerTimeout';

  constructor(ms: number) {
    super(
      `the handler did not finish within ${ms / 1000} s (OCPP_HANDLER_TIMEOUT); its later result is ignored`,
    );
  }
}

/** Settles as `work` does, unless it takes too long: its later result has no effect. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new HandlerTimeout(ms)), ms).unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
