/**
 * The processor: receives deliveries from a transport, dispatches them to handlers, and returns outcomes. It holds no
 * state that another processor would miss: all state is in the transport's store.
 */
import type { Clock } from '../runtime/clock.ts';
import { errorFields, type Log } from '../runtime/log.ts';
import { QuietLog } from '../runtime/quiet-log.ts';
import { isSelfTest } from '../transport/self-test.ts';
import type { Delivery, Transport } from '../transport/transport.ts';
import { Issuer } from './credentials/issuer.ts';
import type { Providers } from './credentials/providers.ts';
import type { CertificateResult } from './credentials/request-store.ts';
import { createDispatch } from './dispatch.ts';
import type { HandlerFailure } from './run-handler.ts';
import type { HandlerSettings, HandlerTable } from './handler.ts';
import { createState } from './state.ts';
import { startSweeper, type SweepResult, type TransactionPolicy } from './transactions/sweeper.ts';

export interface ProcessorOptions {
  readonly transport: Transport;
  readonly handlers: HandlerTable;
  /** Read for each message, as they may change. */
  readonly settings: HandlerSettings;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a handler may take; ms. */
  readonly handlerTimeoutMs?: number;
  /** When silent transactions are reported and closed; without it there is no sweep. */
  readonly transactionPolicy?: TransactionPolicy;
  /** Services outside of the cluster; without one, what needs it is refused. */
  readonly providers?: Providers;
  /** Called for every delivery; for metrics. */
  readonly observer?: ProcessorObserver;
}

export interface ProcessorObserver {
  /** A delivery was handled within `seconds`. */
  handled(outcome: 'result' | 'error' | 'none', seconds: number): void;
  handlerFailed(reason: HandlerFailure): void;
  /** A message was repaired, with these kinds of repair. */
  repaired(kinds: ReadonlySet<string>): void;
  /** A message could not be understood. */
  refused(): void;
  swept(result: SweepResult): void;
  /** A delivery that this processor failed is for another release. */
  handedOver(): void;
  /** A request of a station for a certificate came to this. */
  certificate?(result: CertificateResult): void;
}

export interface Processor extends AsyncDisposable {
  start(): Promise<void>;
  /** Stops claiming, finishes deliveries in flight within `graceMs`, requeues the rest. */
  stop(graceMs?: number): Promise<void>;
  /** Number of deliveries that are being handled. */
  inFlight(): number;
  /** That number integrated over time: two deliveries for 3 s are 6; s. */
  inFlightSeconds(): number;
}

export function createProcessor(options: ProcessorOptions): Processor {
  const { transport, clock, log, observer } = options;
  const state = createState(transport.state, clock, transport);
  const dispatch = createDispatch({
    ...options,
    state,
    onHandlerError: (reason) => observer?.handlerFailed(reason),
    onRepaired: (kinds) => observer?.repaired(kinds),
    onRefused: () => observer?.refused(),
  });
  const inFlight = integrated(() => performance.now());

  transport.onMessage(async (delivery: Delivery) => {
    // Of a proxy, not of a station: no figure counts it.
    if (isSelfTest(delivery.stationId)) return dispatch(delivery);
    const begun = performance.now();
    inFlight.add(1);
    try {
      const outcome = await dispatch(delivery);
      // Counted once, also where it is handled again.
      if (delivery.unexpected !== true)
        observer?.handled(outcome.answer?.kind ?? 'none', (performance.now() - begun) / 1000);
      return outcome;
    } finally {
      inFlight.add(-1);
    }
  });
  const quiet = new QuietLog(log, clock);
  transport.onError((error) => {
    const kind = 'code' in error ? String(error.code) : error.message;
    const cause = error.cause instanceof Error ? { cause: error.cause.message } : {};
    quiet.warn(kind, { ...errorFields(error), ...cause }, 'error of the message store');
  });

  transport.onHandOver?.((handOver) => {
    observer?.handedOver();
    quiet.warn(
      'handed-over',
      handOver,
      'a message that this release failed is handed over to processors of another release',
    );
  });

  let sweeper: Disposable | undefined;
  const issuer = issuerOf(options);
  const stop = (graceMs?: number) => {
    sweeper?.[Symbol.dispose]();
    issuer?.[Symbol.dispose]();
    return transport.stop(graceMs);
  };
  return {
    async start() {
      await transport.start();
      sweeper = sweeperOf(options, (error) =>
        quiet.warn('sweep', errorFields(error), 'the sweep of open transactions failed'),
      );
      issuer?.start();
    },
    stop,
    inFlight: () => inFlight.value,
    inFlightSeconds: () => inFlight.seconds(),
    [Symbol.asyncDispose]: () => stop(0),
  };
}

/** A number and its integral over time. @param now in ms */
function integrated(now: () => number) {
  let value = 0;
  let seconds = 0;
  let changedAt = now();
  const sum = () => {
    const at = now();
    seconds += (value * (at - changedAt)) / 1000;
    changedAt = at;
    return seconds;
  };
  return {
    add(difference: number) {
      sum();
      value += difference;
    },
    get value() {
      return value;
    },
    seconds: sum,
  };
}

function issuerOf({ transport, providers, clock, log, observer }: ProcessorOptions): Issuer | undefined {
  const provider = providers?.certificates;
  if (provider === undefined) return undefined;
  return new Issuer({
    transport,
    provider,
    clock,
    log,
    onResult: (result) => observer?.certificate?.(result),
  });
}

function sweeperOf(options: ProcessorOptions, onError: (error: unknown) => void): Disposable | undefined {
  const { transport, settings, clock, transactionPolicy: policy, observer } = options;
  if (policy === undefined) return undefined;
  return startSweeper(
    {
      transport,
      policy,
      clock,
      get transactionKeySeconds() {
        return settings.transactionKeySeconds;
      },
      get billSink() {
        return settings.billSink;
      },
    },
    (result) => observer?.swept(result),
    onError,
  );
}
