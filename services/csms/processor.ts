/**
 * The processor: takes what stations send from a transport, has it handled, and gives back outcomes.
 * It holds nothing that another processor could not take over: all memory is in the transport's store.
 */
import type { Clock } from '../runtime/clock.ts';
import { errorFields, type Log } from '../runtime/log.ts';
import { QuietLog } from '../runtime/quiet-log.ts';
import type { Delivery, Transport } from '../transport/transport.ts';
import { createDispatch } from './dispatch.ts';
import type { HandlerFailure } from './run-handler.ts';
import type { HandlerSettings, HandlerTable } from './handler.ts';
import { createState } from './state.ts';
import { startSweeper, type SweepResult, type TransactionPolicy } from './transactions/sweeper.ts';

export interface ProcessorOptions {
  readonly transport: Transport;
  readonly handlers: HandlerTable;
  readonly settings: HandlerSettings;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a handler may take; ms. */
  readonly handlerTimeoutMs?: number;
  /** When silent transactions are reported and closed; they are not looked for where it is left out. */
  readonly transactionPolicy?: TransactionPolicy;
  /** Told of every delivery; for metrics. */
  readonly observer?: ProcessorObserver;
}

export interface ProcessorObserver {
  /** A delivery was decided on, after so many seconds. */
  handled(outcome: 'result' | 'error' | 'none', seconds: number): void;
  handlerFailed(reason: HandlerFailure): void;
  /** A message was repaired, in these ways. */
  repaired(kinds: ReadonlySet<string>): void;
  /** A message could not be understood. */
  refused(): void;
  swept(result: SweepResult): void;
}

export interface Processor extends AsyncDisposable {
  start(): Promise<void>;
  /** Takes no more, finishes what is in hand within `graceMs`, hands back the rest. */
  stop(graceMs?: number): Promise<void>;
  /** Deliveries being handled at this moment. */
  inFlight(): number;
}

export function createProcessor(options: ProcessorOptions): Processor {
  const { transport, clock, log, observer } = options;
  const state = createState(transport.state, clock);
  const dispatch = createDispatch({
    ...options,
    state,
    onHandlerError: (reason) => observer?.handlerFailed(reason),
    onRepaired: (kinds) => observer?.repaired(kinds),
    onRefused: () => observer?.refused(),
  });
  let inFlight = 0;

  transport.onMessage(async (delivery: Delivery) => {
    const begun = performance.now();
    inFlight += 1;
    try {
      const outcome = await dispatch(delivery);
      observer?.handled(outcome.answer?.kind ?? 'none', (performance.now() - begun) / 1000);
      return outcome;
    } finally {
      inFlight -= 1;
    }
  });
  const quiet = new QuietLog(log, clock);
  transport.onError((error) => {
    const kind = 'code' in error ? String(error.code) : error.message;
    const cause = error.cause instanceof Error ? { cause: error.cause.message } : {};
    quiet.warn(kind, { ...errorFields(error), ...cause }, 'trouble with the message store');
  });

  let sweeper: Disposable | undefined;
  const stop = (graceMs?: number) => {
    sweeper?.[Symbol.dispose]();
    return transport.stop(graceMs);
  };
  return {
    async start() {
      await transport.start();
      sweeper = sweeperOf(options, (error) =>
        quiet.warn('sweep', errorFields(error), 'open transactions could not be looked at'),
      );
    },
    stop,
    inFlight: () => inFlight,
    [Symbol.asyncDispose]: () => stop(0),
  };
}

function sweeperOf(options: ProcessorOptions, onError: (error: unknown) => void): Disposable | undefined {
  const { transport, settings, clock, transactionPolicy: policy, observer } = options;
  if (policy === undefined) return undefined;
  const { transactionKeySeconds } = settings;
  return startSweeper(
    { transport, policy, transactionKeySeconds, clock },
    (result) => observer?.swept(result),
    onError,
  );
}
