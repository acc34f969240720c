/** What the states of the parts of a split call mean for the whole. Pure. */
import type { CallOutcome, CallState } from '../../transport/station-call.ts';
import { type ItemLists, mergePayloads } from './items-per-message.ts';

/** The states of the first parts, in their order, and what became of the first part that is not among them. */
export interface Parts {
  readonly lists: ItemLists;
  readonly count: number;
  readonly states: readonly CallState[];
  /** The time to live of the whole is over: parts that were not begun never will be. */
  readonly isOver: boolean;
}

/**
 * The whole is answered if each part has a CALLRESULT; the first part alone may end it with a CALLERROR, or as not sent. If a later
 * part fails, the station has acted on a part of the command: the whole is uncertain, and no further part is sent.
 */
export function wholeState({ lists, count, states, isOver }: Parts): CallState {
  const payloads: unknown[] = [];
  for (const state of states) {
    if (state.kind !== 'answered' || state.answer.kind === 'error')
      return stateAt(state, payloads.length, count);
    payloads.push(state.answer.payload);
  }
  if (payloads.length === count)
    return { kind: 'answered', answer: { kind: 'result', payload: mergePayloads(lists, payloads) } };
  if (isOver) return stateAt({ kind: 'not-sent', reason: 'expired' }, payloads.length, count);
  return { kind: payloads.length === 0 ? 'queued' : 'sent' };
}

/** @param state of the first part without a CALLRESULT @param answered parts before it */
function stateAt(state: CallState, answered: number, count: number): CallState {
  if (!isEnded(state)) return answered === 0 ? state : { kind: 'sent' };
  if (answered === 0 && state.kind !== 'uncertain') return state;
  const part = `part ${answered + 1} of ${count}`;
  const before = `parts answered before it: ${answered}; parts not sent after it: ${count - answered - 1}`;
  return uncertainAt(state, (what) => `${part} ${what}; ${before}`);
}

function uncertainAt(state: CallOutcome, detailOf: (what: string) => string): CallOutcome {
  if (state.kind === 'uncertain') {
    const why = state.detail === undefined ? state.reason : `${state.reason}: ${state.detail}`;
    return { ...state, detail: detailOf(`is uncertain (${why})`) };
  }
  const what =
    state.kind === 'not-sent'
      ? `was not sent (${state.reason})`
      : `was refused by the CALLERROR ${state.answer.kind === 'error' ? state.answer.code : ''}`;
  return { kind: 'uncertain', reason: 'incomplete', detail: detailOf(what) };
}

export function isEnded(state: CallState): state is CallOutcome {
  return state.kind !== 'queued' && state.kind !== 'sent';
}
