/** Calls to stations in memory: the rules of redis/calls/calls.lua, in one process. */
import type { Clock } from '../../runtime/clock.ts';
import { MessageType, type Protocol } from '../../ocpp/frame.ts';
import { TransportError } from '../errors.ts';
import { keyConflict, messageIdOf, prepareCall, type PreparedCall, tooManyCalls } from '../prepared-call.ts';
import {
  CALLS_AWAITED,
  CALLS_QUEUED,
  type CallOutcome,
  type CallState,
  type FoundCall,
  HELD_MS,
  type NotSent,
  OUTCOME_SECONDS,
  type StationCall,
  type StationCalls,
} from '../station-call.ts';
import type { DomainEvent } from '../stored-state.ts';
import type { MemorySession } from './gateway.ts';

interface CallRecord {
  readonly call: PreparedCall;
  readonly order: number;
  /** The connection that it was sent on; undefined while it is queued. */
  sentBy: MemorySession | undefined;
  outcome: CallOutcome | undefined;
  readonly ended: PromiseWithResolvers<CallOutcome>;
  timer: NodeJS.Timeout | undefined;
  readonly madeAt: number;
  readonly expiresAt: number;
}

export class MemoryCalls implements StationCalls {
  readonly #clock: Clock;
  readonly #sessionOf: (stationId: string) => MemorySession | undefined;
  readonly #emit: (event: DomainEvent) => void;
  readonly #records = new Map<string, CallRecord>();
  /** Queued calls by station, the next one first. */
  readonly #queues = new Map<string, CallRecord[]>();
  readonly #open = new Map<string, CallRecord>();
  readonly #stopping = Promise.withResolvers<undefined>();
  #order = 0;
  #awaited = 0;

  constructor(
    clock: Clock,
    sessionOf: (stationId: string) => MemorySession | undefined,
    emit: (event: DomainEvent) => void,
  ) {
    this.#clock = clock;
    this.#sessionOf = sessionOf;
    this.#emit = emit;
  }

  async make(wanted: StationCall): Promise<CallOutcome> {
    const call = prepareCall(wanted);
    if (this.#awaited >= CALLS_AWAITED) throw tooManyCalls();
    const known = this.#records.get(call.messageId);
    if (known !== undefined && known.call.text !== call.text) throw keyConflict(call);
    const { ended } = known ?? this.#add(call);
    this.#awaited++;
    try {
      const outcome = await Promise.race([ended.promise, this.#stopping.promise]);
      if (outcome === undefined) {
        throw new TransportError(
          'call-abandoned',
          `this process stops before the outcome of call ${call.messageId} is known`,
        );
      }
      return outcome;
    } finally {
      this.#awaited--;
    }
  }

  async find(stationId: string, idempotencyKey: string): Promise<FoundCall | undefined> {
    const record = this.#records.get(messageIdOf(stationId, idempotencyKey));
    if (record === undefined) return undefined;
    const { call, sentBy, madeAt, outcome } = record;
    const state = outcome ?? { kind: sentBy === undefined ? 'queued' : 'sent' };
    return {
      action: call.action,
      ...(call.protocol !== undefined && { protocol: call.protocol }),
      madeAt,
      state,
    };
  }

  async stateOf(stationId: string, idempotencyKey: string): Promise<CallState | undefined> {
    return (await this.find(stationId, idempotencyKey))?.state;
  }

  async cancel(stationId: string, idempotencyKey: string): Promise<CallState | undefined> {
    const record = this.#records.get(messageIdOf(stationId, idempotencyKey));
    if (record?.sentBy === undefined && record?.outcome === undefined && record !== undefined) {
      this.#end(record, notSent('cancelled'));
    }
    return this.stateOf(stationId, idempotencyKey);
  }

  async protocolOf(stationId: string): Promise<Protocol | undefined> {
    return this.#sessionOf(stationId)?.session.protocol;
  }

  /** Calls that waited for the station are held until a message of the connection is acknowledged, or for HELD_MS. */
  connected(session: MemorySession): void {
    if (!this.#queues.has(session.session.stationId)) return;
    session.held = 'silent';
    setTimeout(() => {
      if (session.held === 'silent') this.#release(session);
    }, HELD_MS).unref();
  }

  /** A message of this connection took effect. @param isRefused the network does not accept the station */
  acknowledged(session: MemorySession, isRefused: boolean): void {
    if (session.held === undefined) return;
    if (isRefused) session.held = 'refused';
    else this.#release(session);
  }

  #release(session: MemorySession): void {
    session.held = undefined;
    this.#startNext(session.session.stationId);
  }

  /** Called when a session has ended. @param replaced by a newer session of the station, which takes over its queue */
  disconnected(session: MemorySession, replaced: boolean): void {
    const { stationId } = session.session;
    const open = this.#open.get(stationId);
    if (open?.sentBy === session) this.#end(open, { kind: 'uncertain', reason: 'disconnected' });
    if (replaced) return;
    const unqueueable = this.#queues.get(stationId)?.filter(({ call }) => !call.queueable) ?? [];
    for (const record of unqueueable) this.#end(record, notSent('offline'));
  }

  /** @returns false for a late or repeated response; true also for a response to an unknown call */
  answered(session: MemorySession, messageId: string, outcome: CallOutcome): boolean {
    const record = this.#records.get(messageId);
    if (record === undefined) return true;
    if (record.outcome !== undefined || record.sentBy !== session) return false;
    this.#end(record, outcome);
    this.#startNext(session.session.stationId);
    return true;
  }

  stop(): void {
    this.#stopping.resolve(undefined);
    for (const { timer } of this.#records.values()) clearTimeout(timer);
  }

  #add(call: PreparedCall): CallRecord {
    const { stationId, ttlMs, messageId } = call;
    const madeAt = this.#clock.now();
    const record: CallRecord = {
      call,
      order: ++this.#order,
      sentBy: undefined,
      outcome: undefined,
      ended: Promise.withResolvers<CallOutcome>(),
      timer: undefined,
      madeAt,
      expiresAt: madeAt + ttlMs,
    };
    this.#records.set(messageId, record);
    const queue = this.#queues.get(stationId) ?? [];
    if (queue.length >= CALLS_QUEUED) this.#end(record, notSent('queue-full'));
    else if (this.#sessionOf(stationId) === undefined && !call.queueable)
      this.#end(record, notSent('offline'));
    else {
      this.#enqueue(record);
      this.#startNext(stationId);
    }
    return record;
  }

  #enqueue(record: CallRecord): void {
    const { stationId } = record.call;
    const queue = [...(this.#queues.get(stationId) ?? []), record];
    queue.sort((a, b) => b.call.priority - a.call.priority || a.order - b.order);
    this.#queues.set(stationId, queue);
    this.#arm(record, record.expiresAt - this.#clock.now(), () => {
      this.#end(record, notSent('expired'));
      this.#startNext(stationId);
    });
  }

  #startNext(stationId: string): void {
    const session = this.#sessionOf(stationId);
    const next = this.#queues.get(stationId)?.[0];
    if (
      session?.held !== undefined ||
      session === undefined ||
      next === undefined ||
      this.#open.has(stationId)
    )
      return;
    this.#dequeue(next);
    next.sentBy = session;
    this.#open.set(stationId, next);
    const { messageId, text, timeoutMs } = next.call;
    this.#arm(next, timeoutMs, () => {
      this.#end(next, { kind: 'uncertain', reason: 'timeout' });
      this.#startNext(stationId);
    });
    if (session.sink.deliver({ type: MessageType.Call, messageId, text, timeoutMs })) return;
    // The socket is closing: the call is queued for the next connection.
    next.sentBy = undefined;
    this.#open.delete(stationId);
    this.#enqueue(next);
  }

  #end(record: CallRecord, outcome: CallOutcome): void {
    const { stationId, messageId, action, announce } = record.call;
    record.outcome = outcome;
    this.#dequeue(record);
    if (this.#open.get(stationId) === record) this.#open.delete(stationId);
    this.#arm(record, OUTCOME_SECONDS * 1000, () => this.#records.delete(messageId));
    // Callers wait for the other timers. This one must not keep the process alive.
    record.timer?.unref();
    record.ended.resolve(outcome);
    if (announce !== undefined)
      this.#emit({ type: 'command-ended', stationId, fields: { command: announce, action } });
  }

  #dequeue(record: CallRecord): void {
    const { stationId } = record.call;
    const left = this.#queues.get(stationId)?.filter((one) => one !== record) ?? [];
    if (left.length === 0) this.#queues.delete(stationId);
    else this.#queues.set(stationId, left);
  }

  #arm(record: CallRecord, ms: number, action: () => void): void {
    clearTimeout(record.timer);
    record.timer = setTimeout(action, ms);
  }
}

function notSent(reason: NotSent): CallOutcome {
  return { kind: 'not-sent', reason };
}
