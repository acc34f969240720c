/**
 * Calls with more items than the station takes in one message, as several calls with one outcome. Part i of the call with key K has the key
 * `K#i`, so a repetition joins the parts that were made and sends only the others. A stored plan says how the call was split: any
 * process finds the whole under K, and repeats it with the same parts, even if the limit of the station has changed.
 *
 * Parts are sent one after the other, each when the part before it has its answer. Only the process that makes the call begins parts: if it
 * dies, the others are not sent unless the call is repeated. It also announces the end of the whole.
 */
import { randomUUID } from 'node:crypto';
import { TransportError } from '../../transport/errors.ts';
import { keyConflict, prepareCall } from '../../transport/prepared-call.ts';
import {
  type CallOutcome,
  type CallState,
  type FoundCall,
  OUTCOME_SECONDS,
  type StationCalls,
} from '../../transport/station-call.ts';
import type { StateStore } from '../../transport/stored-state.ts';
import { eventOf } from '../facts.ts';
import { itemLimit, type LimitedCall } from './item-limit.ts';
import { itemsIn, listsOf, splitPayload } from './items-per-message.ts';
import { partKey, payloadDigest, readPlan, type SplitPlan, storePlan } from './split-plan.ts';
import { isEnded, type Parts, wholeState } from './split-state.ts';

export interface SplitPorts {
  /** They compare answers with their schemas (judged-calls.ts). */
  readonly calls: StationCalls;
  readonly state: Pick<StateStore, 'field' | 'fields' | 'amend'>;
}

export interface SplitCalls extends Pick<StationCalls, 'find' | 'stateOf' | 'cancel'> {
  /** As StationCalls.make, but later by the time of the question for the limit. `bad-call` for a call that needs too many parts. */
  make(call: LimitedCall): Promise<CallOutcome>;
  /** Sends a call that is never split: `bad-call` if it has more items than the station takes. */
  makeWhole(call: LimitedCall): Promise<CallOutcome>;
}

const MOST_PARTS = 100;
/** Another process may still begin a part for so long after the time to live: clocks differ; ms. */
const GRACE_MS = 5000;
/** From here on, parts without a record may have been sent and forgotten; ms. */
const FORGOTTEN_MS = (OUTCOME_SECONDS - 60) * 1000;

export function splitCalls(ports: SplitPorts): SplitCalls {
  const { calls, state } = ports;
  const find = async (stationId: string, idempotencyKey: string) =>
    (await calls.find(stationId, idempotencyKey)) ?? findSplit(ports, stationId, idempotencyKey);
  const stateOf = async (stationId: string, idempotencyKey: string) =>
    (await find(stationId, idempotencyKey))?.state;
  return {
    find,
    stateOf,
    make: (call) => makeSplit(ports, call),
    makeWhole: (call) => makeWhole(ports, call),
    async cancel(stationId, idempotencyKey) {
      const whole = await calls.cancel(stationId, idempotencyKey);
      if (whole !== undefined || (await readPlan(state, stationId, idempotencyKey)) === undefined)
        return whole;
      // A call that was sent is not cancelled, so only the first part can be.
      await calls.cancel(stationId, partKey(idempotencyKey, 1));
      return stateOf(stationId, idempotencyKey);
    },
  };
}

async function makeSplit(ports: SplitPorts, call: LimitedCall): Promise<CallOutcome> {
  const { calls, state } = ports;
  const { action, payload, protocol, idempotencyKey } = call;
  const startedAt = Date.now();
  if (protocol === 'ocpp1.6') return calls.make(call);
  const stored = await planOf(ports, call);
  if (stored !== undefined) return resume(ports, call, stored);
  const lists = listsOf(protocol, action);
  if (lists === undefined || itemsIn(lists, payload).length < 2 || (await isKnown(ports, call)))
    return calls.make(call);
  const prepared = prepareCall(call);
  const { length } = itemsIn(lists, payload);
  const size = (await itemLimit(ports, call, lists)) ?? length;
  const count = Math.ceil(length / size);
  if (count > MOST_PARTS) {
    throw refused(
      call,
      `${length} items need ${count} messages of ${size}, and at most ${MOST_PARTS} are sent`,
    );
  }
  const plan: SplitPlan = {
    action,
    protocol,
    size,
    count,
    madeAt: startedAt,
    beginBy: startedAt + prepared.ttlMs,
    digest: payloadDigest(action, payload),
  };
  // The first plan counts. One is stored for a call that is sent as it is, too: another process may learn a limit meanwhile.
  if (idempotencyKey !== undefined && !(await storePlan(state, prepared, idempotencyKey, plan))) {
    const first = await planOf(ports, call);
    if (first !== undefined) return resume(ports, call, first);
  }
  return count === 1 ? calls.make(call) : sendParts(ports, call, plan, []);
}

async function makeWhole(ports: SplitPorts, call: LimitedCall): Promise<CallOutcome> {
  const { calls } = ports;
  const lists = listsOf(call.protocol, call.action);
  if (lists === undefined) return calls.make(call);
  await planOf(ports, call);
  const { length } = itemsIn(lists, call.payload);
  if (length < 2 || (await isKnown(ports, call))) return calls.make(call);
  const limit = await itemLimit(ports, call, lists);
  if (limit !== undefined && length > limit) {
    const why = `the station takes ${limit} items in a message, this one has ${length}`;
    throw refused(call, `${why}, and a command with a password is never split: send the password alone`);
  }
  return calls.make(call);
}

/** The plan of the call's key. @throws TransportError key-conflict if it is of another command */
async function planOf({ state }: SplitPorts, call: LimitedCall): Promise<SplitPlan | undefined> {
  const { stationId, action, payload, idempotencyKey } = call;
  if (idempotencyKey === undefined) return undefined;
  const plan = await readPlan(state, stationId, idempotencyKey);
  if (plan !== undefined && plan.digest !== payloadDigest(action, payload))
    throw keyConflict(prepareCall(call));
  return plan;
}

async function isKnown({ calls }: SplitPorts, { stationId, idempotencyKey }: LimitedCall): Promise<boolean> {
  return idempotencyKey !== undefined && (await calls.find(stationId, idempotencyKey)) !== undefined;
}

/** Goes on with a call that was planned before, here or in another process: makes no part twice. */
async function resume(ports: SplitPorts, call: LimitedCall, plan: SplitPlan): Promise<CallOutcome> {
  const { stationId, idempotencyKey = '' } = call;
  if (plan.count === 1) return ports.calls.make(call);
  const made = await madeParts(ports.calls, stationId, idempotencyKey, plan);
  if (made === undefined) {
    const detail = 'the records of its first parts have expired; they may have been sent';
    return { kind: 'uncertain', reason: 'record-lost', detail };
  }
  return sendParts(ports, call, plan, made);
}

/** Makes the parts, and announces the end of the whole where that is wanted; not again for a call that had ended. */
async function sendParts(
  ports: SplitPorts,
  call: LimitedCall,
  plan: SplitPlan,
  made: readonly CallState[],
): Promise<CallOutcome> {
  const { announce, idempotencyKey, stationId, action } = call;
  const outcome = await run(ports, { ...call, announce: false }, plan, made.length);
  if (announce === true && !isEnded(wholeState(partsOf(plan, made)))) {
    const events = [eventOf('command-ended', stationId, { command: idempotencyKey, action })];
    // The outcome counts, also if the event cannot be stored.
    await ports.state.amend({ writes: [], events }).catch(() => undefined);
  }
  return outcome;
}

/** Makes the parts in turn, until one fails or the time to live is over. @param made parts that have a record */
async function run(
  ports: SplitPorts,
  call: LimitedCall,
  plan: SplitPlan,
  made: number,
): Promise<CallOutcome> {
  const { idempotencyKey = randomUUID() } = call;
  const states: CallOutcome[] = [];
  const payloads = splitPayload(partsOf(plan, []).lists, call.payload, plan.size);
  for (const [index, payload] of payloads.entries()) {
    const leftMs = plan.beginBy - Date.now();
    if (index >= made && leftMs <= 0) break;
    const part = { ...call, payload, idempotencyKey: partKey(idempotencyKey, index + 1) };
    states.push(await makePart(ports, { ...part, ttlMs: Math.max(leftMs, 1) }, index));
    const state = wholeState(partsOf(plan, states));
    if (isEnded(state)) return state;
  }
  const { lists, count } = partsOf(plan, states);
  return wholeState({ lists, count, states, isOver: true }) as CallOutcome;
}

/** A part is refused for what holds for each of them, or as too many calls are open. */
async function makePart({ calls }: SplitPorts, part: LimitedCall, index: number): Promise<CallOutcome> {
  try {
    return await calls.make(part);
  } catch (error) {
    if (index === 0 || !(error instanceof TransportError) || error.code === 'store-unavailable') throw error;
    const what = `${part.action} to station ${part.stationId}: parts before part ${index + 1} were answered`;
    const message = `${what}; repeat the call under its idempotency key for the others (${error.message})`;
    throw new TransportError('call-abandoned', message);
  }
}

async function findSplit(
  { calls, state }: SplitPorts,
  stationId: string,
  idempotencyKey: string,
): Promise<FoundCall | undefined> {
  const plan = await readPlan(state, stationId, idempotencyKey);
  if (plan === undefined || plan.count === 1) return undefined;
  const states = await madeParts(calls, stationId, idempotencyKey, plan);
  if (states === undefined) return undefined;
  const isOver = Date.now() > plan.beginBy + GRACE_MS;
  const { action, protocol, madeAt } = plan;
  return { action, protocol, madeAt, state: wholeState({ ...partsOf(plan, states), isOver }) };
}

/** The states of the parts that were made; undefined if the record of an earlier part than the last one has expired. */
async function madeParts(
  calls: StationCalls,
  stationId: string,
  idempotencyKey: string,
  { count, madeAt }: SplitPlan,
): Promise<readonly CallState[] | undefined> {
  const keys = Array.from({ length: count }, (_, index) => partKey(idempotencyKey, index + 1));
  const all = await Promise.all(keys.map((one) => calls.stateOf(stationId, one)));
  const found = all.filter((one) => one !== undefined);
  const isGap = all.slice(0, found.length).includes(undefined);
  const isForgotten = found.length === 0 && Date.now() - madeAt > FORGOTTEN_MS;
  return isGap || isForgotten ? undefined : found;
}

function partsOf({ protocol, action, count }: SplitPlan, states: readonly CallState[]): Parts {
  const lists = listsOf(protocol, action);
  if (lists === undefined) throw new Error(`${action} of ${protocol} is never split`);
  return { lists, count, states, isOver: false };
}

function refused({ stationId, action }: LimitedCall, why: string): TransportError {
  return new TransportError('bad-call', `${action} to station ${stationId}: ${why}`);
}
