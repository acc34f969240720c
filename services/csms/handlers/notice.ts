/**
 * Notifications: there is nothing to decide, and the response is empty. Each emits an event; the last status of a long
 * task is also stored in the station's record.
 */
import { businessKey, digest, eventOf, type Facts } from '../facts.ts';
import type { Handler } from '../handler.ts';
import { rememberStation } from '../state.ts';

/**
 * Emits an event of this type with the facts that `factsOf` selects from the request. A dated request has a time of its
 * own, which distinguishes a duplicate from a second occurrence: a duplicate emits no second event.
 */
export function notice<Request extends object>(
  type: string,
  factsOf: (request: Request) => Facts,
  dated?: 'dated',
): Handler<Request> {
  return async (request, { stationId }) => ({
    response: {},
    events: [eventOf(type, stationId, factsOf(request))],
    ...(dated !== undefined && { businessKey: businessKey(type, stationId, digest(request)) }),
  });
}

/** Progress of a task of the station: an event, and the `field` of its record. */
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
