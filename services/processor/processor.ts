/**
 * The processor: takes what stations send from a transport, has it handled, and gives back outcomes.
 * It holds nothing that another processor could not take over: all memory is in the transport's store.
 */
import type { Clock } from '../runtime/clock.ts';
import { errorFields, type Log } from '../runtime/log.ts';
import { QuietLog } from '../runtime/quiet-log.ts';
import type { Delivery, Transport } from '../transport/transport.ts';
import { createDispatch, type HandlerFailure } from './dispatch.ts';
import type { HandlerSettings, HandlerTable } from './handler.ts';
import { createState } from './state.ts';

export interface ProcessorOptions {
  readonly transport: Transport;
  readonly handlers: HandlerTable;
  readonly settings: HandlerSettings;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a handler may take; ms. */
  readonly handlerTimeoutMs?: number;
  /** Told of every delivery; for metrics. */
  readonly observer?: ProcessorObserver;
}

export interface ProcessorObserver {
  /** A delivery was decided on, after so many seconds. */
  handled(outcome: 'result' | 'error' | 'none', seconds: number): void;
  handlerFailed(reason: HandlerFailure): void;
}

export interface Processor extends AsyncDisposable {
  start(): Promise<void>;
  /** Takes no more, finishes what is in hand within `graceMs`, hands back the rest. */
  stop(graceMs?: number): Promise<void>;
  /** Deliveries being handled at this moment. */
  inHand(): number;
}

export function createProcessor(options: ProcessorOptions): Processor {
  const { transport, clock, log, observer } = options;
  const state = createState(transport.state, clock);
  const onHandlerError = (reason: HandlerFailure) => observer?.handlerFailed(reason);
  const dispatch = createDispatch({ ...options, state, onHandlerError });
  let inHand = 0;

  transport.onMessage(async (delivery: Delivery) => {
    const begun = performance.now();
    inHand += 1;
    try {
      const outcome = await dispatch(delivery);
      observer?.handled(outcome.answer?.kind ?? 'none', (performance.now() - begun) / 1000);
      return outcome;
    } finally {
      inHand -= 1;
    }
  });
  const quiet = new QuietLog(log, clock);
  transport.onError((error) => {
    const kind = 'code' in error ? String(error.code) : error.message;
    const cause = error.cause instanceof Error ? { cause: error.cause.message } : {};
    quiet.warn(kind, { ...errorFields(error), ...cause }, 'trouble with the message store');
  });

  return {
    start: () => transport.start(),
    stop: (graceMs) => transport.stop(graceMs),
    inHand: () => inHand,
    [Symbol.asyncDispose]: () => transport.stop(0),
  };
}
