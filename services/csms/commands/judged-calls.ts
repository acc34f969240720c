/**
 * Calls whose answers are compared with the schema of the station's version, wherever an outcome is read: transports know no
 * schemas. An answer outside of its schema is no answer: the station may have acted, and nothing says how. The outcome is
 * `uncertain` then, with the answer for a person.
 */
import type { Protocol } from '../../ocpp/frame.ts';
import { readResponse } from '../../ocpp/response-repair.ts';
import { isAnswered } from '../../ocpp/schema.ts';
import type { CallState, FoundCall, StationCalls } from '../../transport/station-call.ts';

export function judgedCalls(calls: StationCalls): StationCalls {
  const find = async (stationId: string, idempotencyKey: string): Promise<FoundCall | undefined> => {
    const found = await calls.find(stationId, idempotencyKey);
    return found && { ...found, state: judge(found.protocol, found.action, found.state) };
  };
  const stateOf: StationCalls['stateOf'] = async (stationId, idempotencyKey) =>
    (await find(stationId, idempotencyKey))?.state;
  return {
    find,
    stateOf,
    async make(call) {
      const { stationId, action, protocol, idempotencyKey } = call;
      const outcome = await calls.make(call);
      const judged = judge(protocol, action, outcome);
      if (judged === outcome || idempotencyKey === undefined) return judged;
      // Another process may have made it, while the station had another version.
      const found = await calls.find(stationId, idempotencyKey).catch(() => undefined);
      return found?.protocol === undefined ? judged : judge(found.protocol, action, outcome);
    },
    async cancel(stationId, idempotencyKey) {
      const state = await calls.cancel(stationId, idempotencyKey);
      return state?.kind === 'answered' ? stateOf(stationId, idempotencyKey) : state;
    },
    protocolOf: (stationId) => calls.protocolOf(stationId),
  };
}

/** @param protocol undefined if it is unknown: the answer then counts as it is */
function judge<S extends CallState>(protocol: Protocol | undefined, action: string, state: S): S;
function judge(protocol: Protocol | undefined, action: string, state: CallState): CallState {
  if (state.kind !== 'answered' || state.answer.kind === 'error') return state;
  if (protocol === undefined || !isAnswered(protocol, action)) return state;
  const { answer } = state;
  const read = readResponse(protocol, action, answer.payload);
  if (!('fault' in read)) {
    return read.payload === answer.payload
      ? state
      : { ...state, answer: { ...answer, payload: read.payload } };
  }
  const detail = `the answer violates the schema of ${action} in ${protocol}: ${read.fault.description}`;
  return { kind: 'uncertain', reason: 'malformed', answer, detail };
}
