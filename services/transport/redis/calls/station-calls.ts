/**
 * Calls to stations over Redis. The record of a call holds its whole state, and only scripts change it (calls.lua), so that
 * the caller may die, and another process finds the outcome. This process gets the ids of ended calls by a channel of its own.
 * As such a message can be lost, it also reads the records of its pending calls now and then.
 */
import { randomUUID } from 'node:crypto';
import { type Protocol, PROTOCOLS } from '../../../ocpp/frame.ts';
import { TransportError } from '../../errors.ts';
import {
  keyConflict,
  messageIdOf,
  prepareCall,
  type PreparedCall,
  tooManyCalls,
} from '../../prepared-call.ts';
import {
  CALLS_AWAITED,
  type CallOutcome,
  type CallState,
  type FoundCall,
  type StationCall,
  type StationCalls,
} from '../../station-call.ts';
import type { Answer } from '../../outcome.ts';
import {
  isRefusal,
  openConnection,
  type RedisConnection,
  type RedisSettings,
  unavailable,
} from '../connection/connection.ts';
import type { Keys } from '../keys.ts';
import { retrying } from '../connection/retry.ts';
import { cancelCall } from './cancel-call.ts';
import { makeCall } from './make-call.ts';

export interface RedisCallsOptions {
  readonly redis: RedisSettings;
  readonly keys: Keys;
  readonly commands: RedisConnection;
  readonly onError: (error: Error) => void;
}

/** How often the records of pending calls are read, and how many at once; ms. */
const READ_MS = 1000;
const READ_AT_ONCE = 200;
/** Fields of a record that say what became of the call. */
const STATE = ['state', 'reason', 'answer'] as const;

interface Pending {
  readonly resolve: (outcome: CallOutcome | TransportError) => void;
  /** The call is in Redis: if its record is missing later, Redis has lost it. */
  made: boolean;
}

export class RedisCalls implements StationCalls {
  readonly #options: RedisCallsOptions;
  readonly #channel: string;
  readonly #pending = new Map<string, Pending[]>();
  #count = 0;
  #subscriber: RedisConnection | undefined;
  #reader: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: RedisCallsOptions) {
    this.#options = options;
    this.#channel = options.keys.outcomes(randomUUID());
  }

  async make(call: StationCall): Promise<CallOutcome> {
    const prepared = prepareCall(call);
    if (this.#stopped) throw abandoned(prepared.messageId);
    if (this.#count >= CALLS_AWAITED) throw tooManyCalls();
    this.#listen();
    const { messageId } = prepared;
    const { promise, resolve } = Promise.withResolvers<CallOutcome | TransportError>();
    const pending: Pending = { resolve, made: false };
    // Before the call is made: it may end before the reply arrives.
    this.#await(messageId, pending);
    try {
      const state = stateOf(await this.#submit(prepared));
      if (state !== undefined && isOutcome(state)) return state;
      pending.made = true;
      const outcome = await promise;
      if (outcome instanceof TransportError) throw outcome;
      return outcome;
    } finally {
      this.#leave(messageId, pending);
    }
  }

  async find(stationId: string, idempotencyKey: string): Promise<FoundCall | undefined> {
    const { commands, keys, redis } = this.#options;
    const key = keys.call(messageIdOf(stationId, idempotencyKey));
    const record = await commands
      .hmget(key, ...STATE, 'action', 'protocol', 'made')
      .catch((error: unknown) => {
        throw unavailable(redis.addr, error);
      });
    const state = stateOf(record);
    if (state === undefined) return undefined;
    const [action, named, made] = record.slice(STATE.length);
    const protocol = PROTOCOLS.find((known) => known === named);
    return {
      action: action ?? '',
      ...(protocol !== undefined && { protocol }),
      ...(typeof made === 'string' && { madeAt: Number(made) }),
      state,
    };
  }

  async stateOf(stationId: string, idempotencyKey: string): Promise<CallState | undefined> {
    return (await this.find(stationId, idempotencyKey))?.state;
  }

  async cancel(stationId: string, idempotencyKey: string): Promise<CallState | undefined> {
    const { commands, keys, redis } = this.#options;
    const id = messageIdOf(stationId, idempotencyKey);
    const record = await cancelCall(commands, keys, id).catch((error: unknown) => {
      throw unavailable(redis.addr, error);
    });
    return stateOf(record);
  }

  /** A session that names no protocol belongs to ocpp-go, which speaks OCPP 1.6 only. */
  async protocolOf(stationId: string): Promise<Protocol | undefined> {
    const { commands, keys, redis } = this.#options;
    const [owner, protocol] = await commands
      .hmget(keys.session(stationId), 'ws_server_id', 'protocol')
      .catch((error: unknown) => {
        throw unavailable(redis.addr, error);
      });
    if (typeof owner !== 'string') return undefined;
    return PROTOCOLS.find((known) => known === protocol) ?? 'ocpp1.6';
  }

  /** Rejects the calls that are still pending here. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#reader);
    this.#subscriber?.disconnect();
    for (const id of this.#pending.keys()) this.#resolve(id, abandoned(id));
  }

  async #submit(call: PreparedCall): Promise<readonly string[]> {
    const { commands, keys, redis } = this.#options;
    const channel = this.#channel;
    // The second submission of a call finds the first.
    const submit = () => makeCall(commands, keys, { call, channel, redis });
    const state = await retrying(redis, submit).catch((error: unknown) => {
      throw isRefusal(error) ? error : unavailable(redis.addr, error);
    });
    if (state[0] === 'conflict') throw keyConflict(call);
    return state;
  }

  #listen(): void {
    if (this.#subscriber !== undefined) return;
    const { redis, onError } = this.#options;
    const subscriber = openConnection(redis, 'blocking', onError);
    this.#subscriber = subscriber;
    subscriber.on('message', (_channel: string, id: string) => void this.#read([id]));
    subscriber.on('ready', () => {
      subscriber.subscribe(this.#channel).then(() => this.#readAll(), onError);
    });
    this.#reader = setInterval(() => void this.#readAll(), READ_MS).unref();
  }

  async #readAll(): Promise<void> {
    const ids = [...this.#pending.keys()];
    for (let i = 0; i < ids.length; i += READ_AT_ONCE) await this.#read(ids.slice(i, i + READ_AT_ONCE));
  }

  /** Resolves the pending calls whose records say how they ended. A record that cannot be read is read again the next time. */
  async #read(ids: readonly string[]): Promise<void> {
    const { commands, keys } = this.#options;
    const one = async (id: string) => {
      if (!this.#pending.has(id)) return;
      const state = stateOf(await commands.hmget(keys.call(id), ...STATE));
      if (state === undefined) this.#lost(id);
      else if (isOutcome(state)) this.#resolve(id, state);
    };
    await Promise.allSettled(ids.map(one));
  }

  #resolve(id: string, outcome: CallOutcome | TransportError): void {
    for (const { resolve } of this.#pending.get(id) ?? []) resolve(outcome);
  }

  #lost(id: string): void {
    for (const { resolve, made } of this.#pending.get(id) ?? []) {
      if (made) resolve({ kind: 'uncertain', reason: 'record-lost' });
    }
  }

  #await(id: string, pending: Pending): void {
    const all = this.#pending.get(id);
    if (all === undefined) this.#pending.set(id, [pending]);
    else all.push(pending);
    this.#count++;
  }

  #leave(id: string, pending: Pending): void {
    const left = this.#pending.get(id)?.filter((one) => one !== pending) ?? [];
    if (left.length === 0) this.#pending.delete(id);
    else this.#pending.set(id, left);
    this.#count--;
  }
}

/** Of the record's fields STATE. */
function stateOf([state, reason, answer]: readonly (string | null | undefined)[]): CallState | undefined {
  switch (state) {
    case 'answered':
      return { kind: 'answered', answer: JSON.parse(answer ?? '') as Answer };
    case 'not-sent':
    case 'uncertain':
      return { kind: state, reason } as CallOutcome;
    case 'sent':
      return { kind: 'sent' };
    case 'queued':
    case 'routed':
      return { kind: 'queued' };
    default:
      return undefined;
  }
}

function isOutcome(state: CallState): state is CallOutcome {
  return state.kind !== 'queued' && state.kind !== 'sent';
}

function abandoned(messageId: string): TransportError {
  const message = `this process stops before the outcome of call ${messageId} is known; read it by its idempotency key`;
  return new TransportError('call-abandoned', message);
}
