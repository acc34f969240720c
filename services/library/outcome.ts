/** How a request ended, with the response checked against the schema of its version. */
import type { Protocol } from '../ocpp/frame.ts';
import { readResponse } from '../ocpp/response-repair.ts';
import type { CallOutcome } from '../transport/station-call.ts';
import type { Answer } from '../transport/outcome.ts';

export type RequestOutcome<Response = unknown> =
  /** The other side's CALLRESULT. */
  | { readonly kind: 'confirmed'; readonly response: Response }
  /** The other side's CALLERROR. */
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly description: string;
      readonly details?: unknown;
    }
  /** A CALLRESULT that fails its schema: the other side may have acted on the request. */
  | { readonly kind: 'malformed'; readonly payload: unknown; readonly fault: string }
  /** See CallOutcome. */
  | Exclude<CallOutcome, { kind: 'answered' }>;

export function outcomeOf(protocol: Protocol, action: string, answer: Answer): RequestOutcome {
  if (answer.kind === 'error') {
    const { kind: _error, ...error } = answer;
    return { kind: 'refused', ...error };
  }
  const { payload } = answer;
  const read = readResponse(protocol, action, payload);
  if (!('fault' in read)) return { kind: 'confirmed', response: read.payload };
  return { kind: 'malformed', payload, fault: read.fault.description };
}
