/**
 * What the data path sees of tracing: one trace for each sampled CALL of a station, begun by the ws-proxy and continued by the processors.
 * Without tracing there is no object of these interfaces, and the data path tests for `undefined`. No method throws or waits.
 */

/** What an envelope says of the trace of its CALL. */
export interface TraceContext {
  /** W3C Trace Context: `00-<trace id>-<span id>-01`. */
  readonly traceparent: string;
  /** When the envelope was written; ms since 1970. */
  readonly queuedAt: number;
}

/** A CALL that has arrived. */
export interface ArrivedCall {
  readonly stationId: string;
  readonly protocol: string;
  readonly action: string;
  readonly messageId: string;
}

/** For the ws-proxy. */
export interface CallTracing {
  /** Call it for each CALL of a station. @returns undefined for one that is not sampled */
  begin(call: ArrivedCall): CallTrace | undefined;
}

/** How a CALL ended. Those but `result` are errors, and their words are values of `error.type`. */
export type CallEnd =
  | 'result'
  | 'callerror'
  /** No response in time; the connection closed before there was one. */
  | 'timeout'
  | 'closed';

/** From the arrival of a CALL to the write of its response. */
export interface CallTrace {
  /** The CALL is forwarded to the queue. @returns `traceparent` for its envelope */
  forwarding(): string;
  /** It is stored; or it is not, and will not be. */
  stored(isStored: boolean): void;
  end(how: CallEnd): void;
}

/** For the transport of a processor. */
export interface DeliveryTracing {
  /** Call it for each claimed delivery. @returns undefined for one that is not sampled */
  claimed(delivery: TracedDelivery): DeliveryTrace | undefined;
}

/** Of a delivery, what a trace shows. */
export interface TracedDelivery {
  readonly stationId: string;
  readonly protocol: string;
  readonly frame: { readonly id: string; readonly action?: string };
  readonly deliveryCount: number;
  readonly trace?: TraceContext;
}

/** Of an outcome, what a trace shows. */
export interface TracedOutcome {
  readonly answer?: { readonly kind: 'result' } | { readonly kind: 'error'; readonly code: string };
  /** Set: the handler failed. */
  readonly deadLetter?: string;
  readonly failure?: string;
}

/** Why a delivery got no acknowledgement here; values of `error.type`. */
export type Unsettled =
  /** Requeued, for any processor; handed over to those of another release. */
  | 'requeued'
  | 'handed-over'
  | 'dead-letter'
  /** Another process has it, as the registration of this one was lost. */
  | 'lost';

/** One delivery in a processor. */
export interface DeliveryTrace {
  handled(outcome: TracedOutcome): void;
  /** The handler has thrown. */
  failed(error: unknown): void;
  acknowledged(): void;
  unsettled(why: Unsettled): void;
}

/** Of a sampled trace: other versions and flags are none of ours. */
const TRACEPARENT = /^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-01$/;

/** What the fields of an envelope say; undefined unless they are ours. */
export function readTraceContext(traceparent: unknown, queued: unknown): TraceContext | undefined {
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  return { traceparent, queuedAt: typeof queued === 'number' ? queued : Number.NaN };
}

/** The clock may be set while the process runs: a difference of so much is followed; ms. */
const DRIFT = 2;
let origin = performance.timeOrigin;

/** Milliseconds since 1970, with fractions: most steps of a message take less than one. */
export function preciseNow(): number {
  const [precise, whole] = [origin + performance.now(), Date.now()];
  if (Math.abs(precise - whole) < DRIFT) return precise;
  origin += whole - precise;
  return whole;
}
