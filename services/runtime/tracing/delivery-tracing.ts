/** The half of a processor: spans of the wait in the queue, of the handler, and of what followed. */
import { actionOf, type Attributes, destination, ofMessage, type OpenSpan, type StartSpan } from './spans.ts';
import {
  type DeliveryTrace,
  type DeliveryTracing,
  preciseNow,
  type TraceContext,
  type TracedDelivery,
  type TracedOutcome,
  type Unsettled,
} from './tracing.ts';

/** @param queue name of the list of requests */
export function createDeliveryTracing(start: StartSpan, queue: string): DeliveryTracing {
  return {
    claimed: (delivery) => delivery.trace && new SampledDelivery(start, queue, delivery, delivery.trace),
  };
}

class SampledDelivery implements DeliveryTrace {
  readonly #start: StartSpan;
  readonly #queue: string;
  readonly #parent: string;
  readonly #about: Attributes;
  readonly #handling: OpenSpan;
  #settling: OpenSpan | undefined;

  constructor(start: StartSpan, queue: string, delivery: TracedDelivery, trace: TraceContext) {
    this.#start = start;
    this.#queue = queue;
    this.#parent = trace.traceparent;
    const { stationId, protocol, frame, deliveryCount } = delivery;
    const { id: messageId, action } = frame;
    this.#about = {
      ...ofMessage({ stationId, protocol, action, messageId }),
      'ocpp.delivery.count': deliveryCount,
    };
    const now = preciseNow();
    // The clock of the proxy may be ahead of this one.
    const waiting = this.#begin(
      'client',
      `receive ${queue}`,
      'receive',
      Math.min(trace.queuedAt || now, now),
    );
    if (deliveryCount > 1) waiting.event('redelivered');
    waiting.end(undefined, now);
    this.#handling = this.#begin('consumer', `process ${actionOf(action)}`, 'process', now);
  }

  handled({ answer, deadLetter, failure }: TracedOutcome): void {
    // Its record was not as expected: what follows is part of the settling.
    if (this.#settling !== undefined) return this.#settling.event('handled-again');
    const hasFailed = deadLetter !== undefined || failure !== undefined;
    const code = answer?.kind === 'error' ? answer.code : undefined;
    this.#handling.set({
      'ocpp.outcome': hasFailed ? 'failed' : code === undefined ? 'result' : 'callerror',
    });
    this.#settle(hasFailed ? 'handler-failed' : code);
  }

  failed(error: unknown): void {
    if (this.#settling !== undefined) this.#settling.event(wordOf(error));
    else this.#settle(wordOf(error));
  }

  acknowledged(): void {
    this.#settling?.end();
    this.#settling = undefined;
  }

  unsettled(why: Unsettled): void {
    this.#settling?.event(why);
    this.#settling?.end(why);
    this.#settling = undefined;
  }

  #settle(error: string | undefined): void {
    this.#handling.end(error);
    this.#settling = this.#begin('client', `settle ${this.#queue}`, 'settle');
  }

  #begin(kind: 'client' | 'consumer', name: string, operation: string, at?: number): OpenSpan {
    const attributes = { ...destination(this.#queue, operation), ...this.#about };
    return this.#start({ kind, name, parent: this.#parent, attributes, ...(at !== undefined && { at }) });
  }
}

/** Its code or class: the message may quote a payload. */
function wordOf(error: unknown): string {
  if (!(error instanceof Error)) return 'error';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
