/** Reads a DrainOrder that comes from outside. */
import type { DrainOrder } from '../../contract.ts';
import { RequestError } from '../../runtime/admin-routes.ts';

export const MODES: readonly DrainOrder['mode'][] = ['accepting', 'refusing', 'draining', 'shedding'];
const FIELDS: ReadonlySet<string> = new Set([
  'mode',
  'moves',
  'ratePerSecond',
  'rollout',
  'leaving',
] satisfies (keyof DrainOrder)[]);
/** Characters that the id of a rollout may have: it ends up in Redis and in logs. */
const ROLLOUT = /^[\w.:-]{1,128}$/;

/** @throws RequestError that names the bad field */
export function readDrainOrder(body: unknown): DrainOrder {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw bad('the body', 'a JSON object');
  const { mode, moves, ratePerSecond, rollout, leaving, ...rest } = body as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(rest)[0];
  if (unknown !== undefined) {
    throw new RequestError(400, `${unknown}: is no field; the fields are ${[...FIELDS].join(', ')}`);
  }
  const known = MODES.find((one) => one === mode);
  if (known === undefined) throw bad('mode', `one of ${MODES.join(', ')}`);
  if (moves !== undefined && !isWhole(moves)) throw bad('moves', 'a whole number from 0');
  if (known === 'shedding' && moves === undefined) throw bad('moves', 'given with the mode shedding');
  if (leaving !== undefined && typeof leaving !== 'boolean') throw bad('leaving', 'true or false');
  if (leaving === true && known === 'shedding') throw bad('leaving', 'left out with the mode shedding');
  if (ratePerSecond !== undefined && !isRate(ratePerSecond)) throw bad('ratePerSecond', 'a number above 0');
  return {
    mode: known,
    ...(moves !== undefined && { moves }),
    ...(ratePerSecond !== undefined && { ratePerSecond }),
    rollout: readRollout(rollout, 'rollout'),
    ...(leaving === true && { leaving }),
  };
}

/** @throws RequestError that names the field */
export function readRollout(value: unknown, field: string): string {
  if (typeof value === 'string' && ROLLOUT.test(value)) return value;
  throw bad(field, '1 to 128 of the characters A-Z a-z 0-9 _ . : -');
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRate(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

function bad(field: string, expected: string): RequestError {
  return new RequestError(400, `${field}: must be ${expected}`);
}
