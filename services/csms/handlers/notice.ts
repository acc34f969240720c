/**
 * Messages that only tell something: there is nothing to decide, the answer is empty. What a person would
 * ask for becomes an event; the last status of a long task is also kept in the station's record.
 */
import { businessKey, digest, eventOf, type Facts } from '../facts.ts';
import type { Handler } from '../handler.ts';
import { rememberStation } from '../state.ts';

/**
 * An event of this type, with the facts that `tell` picks from the request. A dated request names its own time, so
 * that a repetition can be told from the same thing happening again: it makes no second event.
 */
export function notice<Request extends object>(
  type: string,
  tell: (request: Request) => Facts,
  dated?: 'dated',
): Handler<Request> {
  return async (request, { stationId }) => ({
    response: {},
    events: [eventOf(type, stationId, tell(request))],
    ...(dated !== undefined && { businessKey: businessKey(type, stationId, digest(request)) }),
  });
}

/** How far a task of the station is: an event, and the `field` of its record. */
export function progress<Request extends { readonly status: string; readonly requestId?: number }>(
  type: string,
  field: string,
): Handler<Request> {
  return async ({ status, requestId }, { stationId, now }) => {
    const event = eventOf(type, stationId, { status, requestId, at: now.toISOString() });
    const writes = [rememberStation(stationId, { [field]: JSON.stringify(event.fields) })];
    return { response: {}, writes, events: [event] };
  };
}
