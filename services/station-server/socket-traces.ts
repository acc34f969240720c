/** The traces of one socket: of its open CALL, and of those that the peer holds behind it. */
import { type Frame, MessageType } from '../ocpp/frame.ts';
import type { StationFrame } from '../ocpp/peer.ts';
import type { CallEnd, CallTrace, CallTracing } from '../runtime/tracing/tracing.ts';
import type { IncomingFrame, OutgoingFrame, StationSession } from '../transport/gateway.ts';

/** A frame on its way to the gateway, with its trace if it is sampled. */
interface Traced {
  readonly frame: IncomingFrame;
  readonly trace: CallTrace | undefined;
}

export class SocketTraces {
  readonly #tracing: CallTracing;
  readonly #session: StationSession;
  /** Sampled CALLs that are not forwarded yet; as bounded as the peer. */
  #held: Map<Frame, CallTrace> | undefined;
  #open: { readonly messageId: string; readonly trace: CallTrace } | undefined;

  constructor(tracing: CallTracing, session: StationSession) {
    this.#tracing = tracing;
    this.#session = session;
  }

  /** Before the peer gets the frame. */
  arrived(frame: Frame): void {
    if (frame.type !== MessageType.Call) return;
    const { stationId, protocol } = this.#session;
    const { action, id: messageId } = frame;
    const trace = this.#tracing.begin({ stationId, protocol, action, messageId });
    if (trace === undefined) return;
    this.#held ??= new Map();
    this.#held.set(frame, trace);
  }

  /** A CALL that is forwarded is the open one from now on. */
  forwarding(frame: StationFrame & IncomingFrame): Traced {
    const trace = this.#held?.get(frame.frame);
    if (trace === undefined) return { frame, trace };
    this.#held?.delete(frame.frame);
    this.#open = { messageId: frame.frame.id, trace };
    return { frame: { ...frame, traceparent: trace.forwarding() }, trace };
  }

  /** CALLs that timed out: of these one may be of the CSMS, with any id. */
  expired(messageIds: readonly string[]): void {
    if (this.#open !== undefined && messageIds.includes(this.#open.messageId)) this.#end('timeout');
  }

  written({ type, messageId }: OutgoingFrame): void {
    if (messageId !== this.#open?.messageId) return;
    if (type === MessageType.CallResult) this.#end('result');
    else if (type === MessageType.CallError) this.#end('callerror');
  }

  closed(): void {
    this.#end('closed');
    for (const trace of this.#held?.values() ?? []) trace.end('closed');
    this.#held = undefined;
  }

  #end(how: CallEnd): void {
    this.#open?.trace.end(how);
    this.#open = undefined;
  }
}
