/** The half of the ws-proxy: the root span, and the span of storing. */
import { actionOf, destination, ofMessage, type OpenSpan, type StartSpan } from './spans.ts';
import type { ArrivedCall, CallEnd, CallTrace, CallTracing } from './tracing.ts';

export interface CallTracingOptions {
  readonly start: StartSpan;
  /** Name of the list of requests. */
  readonly queue: string;
  /** Share of the CALLs, 0 to 1; read for each. */
  readonly share: () => number;
  readonly random?: () => number;
}

export function createCallTracing({
  start,
  queue,
  share,
  random = Math.random,
}: CallTracingOptions): CallTracing {
  return {
    begin: (call) => (random() < share() ? new SampledCall(start, queue, call) : undefined),
  };
}

class SampledCall implements CallTrace {
  readonly #start: StartSpan;
  readonly #queue: string;
  readonly #root: OpenSpan;
  #storing: OpenSpan | undefined;

  constructor(start: StartSpan, queue: string, call: ArrivedCall) {
    this.#start = start;
    this.#queue = queue;
    this.#root = start({ name: actionOf(call.action), kind: 'server', attributes: ofMessage(call) });
  }

  forwarding(): string {
    this.#storing = this.#start({
      name: `send ${this.#queue}`,
      kind: 'producer',
      parent: this.#root.traceparent,
      attributes: destination(this.#queue, 'send'),
    });
    return this.#storing.traceparent;
  }

  stored(isStored: boolean): void {
    this.#storing?.end(isStored ? undefined : 'not-stored');
    this.#storing = undefined;
  }

  end(how: CallEnd): void {
    this.#root.set({ 'ocpp.outcome': how });
    this.#root.end(how === 'result' ? undefined : how);
  }
}
