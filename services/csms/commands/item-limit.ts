/**
 * How many items of a command a station takes in one message. The station is asked once, and its record keeps the answer for a day or until
 * the next boot. While it cannot be asked, as it is offline, its last answer counts. Without any, it gets commands as they are.
 */
import type { Protocol } from '../../ocpp/frame.ts';
import type { StationCall, StationCalls } from '../../transport/station-call.ts';
import type { StateStore } from '../../transport/stored-state.ts';
import { key } from '../state.ts';
import { itemsIn, type ItemLists, limitIn, limitRequest } from './items-per-message.ts';

/** Real limits are seldom lower, so that a short command costs no second CALL. A lower limit that is known counts nevertheless. */
const ASKED_ABOVE = 4;
const KEPT_MS = 86_400_000;
/** How long the question may wait for the station, and the station may take for it; ms. */
const LONGEST_MS = 10_000;
const FIELD = 'itemsPerMessage';

export interface LimitPorts {
  readonly calls: Pick<StationCalls, 'make'>;
  readonly state: Pick<StateStore, 'fields' | 'amend'>;
}

/** By action: the limit, and when the station was asked for it; ms since 1970. */
type Limits = Readonly<Record<string, { readonly limit?: number; readonly at: number }>>;

export type LimitedCall = StationCall & { readonly protocol: Protocol };

/** The most items of the call's action in one message; undefined if it is unknown or does not matter. */
export async function itemLimit(
  { calls, state }: LimitPorts,
  call: LimitedCall,
  lists: ItemLists,
): Promise<number | undefined> {
  const { stationId, action, protocol, priority } = call;
  const { length } = itemsIn(lists, call.payload);
  if (length < 2) return undefined;
  const record = key.station(stationId);
  const { [FIELD]: stored, bootedAt = '' } = (await state.fields(record, [FIELD, 'bootedAt'])) ?? {};
  const limits = limitsIn(stored);
  const known = limits[action];
  const now = Date.now();
  const isBootNewer = known !== undefined && Date.parse(bootedAt) > known.at;
  if (known !== undefined && !isBootNewer && now - known.at < KEPT_MS) return known.limit;
  if (length <= ASKED_ABOVE) return undefined;
  const outcome = await calls.make({
    stationId,
    action: 'GetVariables',
    payload: limitRequest(lists, action),
    protocol,
    ttlMs: Math.min(call.ttlMs ?? LONGEST_MS, LONGEST_MS),
    timeoutMs: Math.min(call.timeoutMs ?? LONGEST_MS, LONGEST_MS),
    ...(priority !== undefined && { priority }),
  });
  if (outcome.kind !== 'answered') return known?.limit;
  const limit = limitIn(outcome.answer);
  const next: Limits = { ...limits, [action]: { ...(limit !== undefined && { limit }), at: now } };
  const fields = { [FIELD]: JSON.stringify(next) };
  await state.amend({ writes: [{ kind: 'set', key: record, fields, existing: true }], events: [] });
  return limit;
}

/** Only this file writes the field; a text that is no JSON counts as none. */
function limitsIn(text: string | undefined): Limits {
  try {
    return JSON.parse(text ?? '{}') as Limits;
  } catch {
    return {};
  }
}
