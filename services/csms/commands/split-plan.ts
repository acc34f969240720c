/** How a call was split, stored under its idempotency key: the first plan counts, for every process and until the key is forgotten. */
import { createHash } from 'node:crypto';
import { type Protocol, PROTOCOLS } from '../../ocpp/frame.ts';
import type { PreparedCall } from '../../transport/prepared-call.ts';
import { OUTCOME_SECONDS } from '../../transport/station-call.ts';
import type { StateStore } from '../../transport/stored-state.ts';
import { digest } from '../facts.ts';
import { key } from '../state.ts';

export interface SplitPlan {
  readonly action: string;
  readonly protocol: Protocol;
  /** Of action and payload: another command under the same key is refused. */
  readonly digest: string;
  /** Items of a part. */
  readonly size: number;
  /** 1: the call is sent as it is, under its own key. */
  readonly count: number;
  /** ms since 1970: when it was made, and until when parts are begun. */
  readonly madeAt: number;
  readonly beginBy: number;
}

const FIELD = 'plan';

export function payloadDigest(action: string, payload: unknown): string {
  return digest([action, payload]);
}

/** The idempotency key of a part: none that a caller chooses. @param part from 1 on */
export function partKey(idempotencyKey: string, part: number): string {
  return `${createHash('sha256').update(idempotencyKey).digest('hex')}\n${part}`;
}

export async function readPlan(
  state: Pick<StateStore, 'field'>,
  stationId: string,
  idempotencyKey: string,
): Promise<SplitPlan | undefined> {
  const text = await state.field(key.splitCall(stationId, idempotencyKey), FIELD);
  if (text === undefined) return undefined;
  const plan = JSON.parse(text) as SplitPlan;
  return PROTOCOLS.includes(plan.protocol) ? plan : undefined;
}

/**
 * The plan outlives the records of all parts.
 * @returns false if the key has a plan
 */
export function storePlan(
  state: Pick<StateStore, 'amend'>,
  { stationId, timeoutMs, ttlMs }: PreparedCall,
  idempotencyKey: string,
  plan: SplitPlan,
): Promise<boolean> {
  const record = key.splitCall(stationId, idempotencyKey);
  const fields = { [FIELD]: JSON.stringify(plan) };
  const expireSeconds = Math.ceil((ttlMs + timeoutMs) / 1000) + OUTCOME_SECONDS + 60;
  return state.amend({
    expected: { key: record, field: FIELD, value: undefined },
    writes: [{ kind: 'set', key: record, fields, expireSeconds }],
    events: [],
  });
}
