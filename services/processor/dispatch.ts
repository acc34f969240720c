/**
 * From one delivery to its outcome. What a station says wrong is answered by the error of its version;
 * what goes wrong here is not the station's fault:
 *
 * - the store is out of reach: nothing is decided, the delivery comes again (the transport's business);
 * - a handler fails, or takes longer than its bound: InternalError. Not for transaction messages: an error would use up the station's
 *   TransactionMessageAttempts and could destroy billing data (1.6 §3.7). They stay unanswered, and
 *   the station sends them again, but not for ever: so they are dead letters, to be replayed once the handler is mended. For the same reason what is wrong beside their billing data is put right
 *   (ocpp/salvage), and told in an event.
 */
import { errorCode, type ErrorReason } from '../ocpp/errors.ts';
import { MessageType, type Call, type Send } from '../ocpp/frame.ts';
import { knowsAction, TRANSACTION_MESSAGES, validateRequest } from '../ocpp/schema.ts';
import { salvage } from '../ocpp/salvage.ts';
import type { Clock } from '../runtime/clock.ts';
import { errorFields, type Log } from '../runtime/log.ts';
import { TransportError } from '../transport/errors.ts';
import type { Delivery, MessageHandler, Outcome } from '../transport/transport.ts';
import { eventOf } from './domain-event.ts';
import type { Handler, HandlerContext, HandlerSettings, HandlerTable } from './handler.ts';
import { mayCall } from './registrations.ts';
import type { ProcessorState } from './state.ts';
import { HANDLER_TIMEOUT_MS, HandlerTimeout, within } from './time-bound.ts';

export type HandlerFailure = 'failed' | 'timeout';

export interface DispatchOptions {
  readonly handlers: HandlerTable;
  readonly settings: HandlerSettings;
  readonly state: ProcessorState;
  readonly clock: Clock;
  readonly log: Log;
  /** How long a handler may take; ms. */
  readonly handlerTimeoutMs?: number;
  readonly onHandlerError?: (reason: HandlerFailure) => void;
}

/** Characters of a faulty transaction message that are kept in its event. */
const EVIDENCE = 2000;
const NOTHING: Outcome = { writes: [], events: [] };

export function createDispatch(options: DispatchOptions): MessageHandler {
  const { log } = options;
  return async (delivery) => {
    const { frame, stationId } = delivery;
    switch (frame.type) {
      case MessageType.Call:
        return handle(delivery, frame, options);
      case MessageType.Send: {
        // A SEND takes effect like a CALL but is never answered (2.1 Part 4 §4.2.5).
        const { answer: _never, ...outcome } = await handle(delivery, frame, options);
        return outcome;
      }
      default:
        log.debug({ stationId, messageId: frame.id, type: frame.type }, 'answer to no call of ours');
        return NOTHING;
    }
  };
}

async function handle(delivery: Delivery, frame: Call | Send, options: DispatchOptions): Promise<Outcome> {
  const { protocol, stationId } = delivery;
  const { action, payload, id } = frame;
  const about = { stationId, messageId: id, action };
  const refuse = (reason: ErrorReason, description: string): Outcome => {
    options.log.debug({ ...about, reason, description }, 'refused');
    return { ...NOTHING, answer: { kind: 'error', code: errorCode(protocol, reason), description } };
  };

  if (!knowsAction(protocol, action)) return refuse('NotImplemented', `${protocol} has no such action`);
  const table = options.handlers[protocol];
  const handler = Object.hasOwn(table, action) ? table[action] : undefined;
  if (handler === undefined) return refuse('NotSupported', `${action} is not supported here`);
  const registration = await options.state.registration(stationId);
  if (!mayCall(registration, action)) {
    return refuse('SecurityError', `the station is ${registration}: send a BootNotification`);
  }
  const fault = validateRequest(protocol, action, payload);
  if (fault === undefined) return run(handler, payload, delivery, action, options);
  const refused = refuse(fault.reason, fault.description);
  if (!TRANSACTION_MESSAGES.has(action)) return refused;

  const salvaged = salvage(protocol, action, payload);
  const tell = (type: string, faults: string) =>
    eventOf(type, stationId, { action, messageId: id, faults, payload: JSON.stringify(payload) }, EVIDENCE);
  if (salvaged === undefined) return { ...refused, events: [tell('message-refused', fault.description)] };
  const outcome = await run(handler, salvaged.payload, delivery, action, options);
  const repaired = tell('message-repaired', salvaged.faults.join('; ') || fault.description);
  return { ...outcome, events: [...outcome.events, repaired] };
}

/** @param request valid, or what is left of it that a handler can rely on */
async function run(
  handler: Handler,
  request: unknown,
  delivery: Delivery,
  action: string,
  options: DispatchOptions,
): Promise<Outcome> {
  try {
    // never: the schema has proved what the handler's own type says.
    const work = handler(request as never, contextOf(delivery, options));
    const { response, ...rest } = await within(options.handlerTimeoutMs ?? HANDLER_TIMEOUT_MS, work);
    return { ...NOTHING, ...rest, answer: { kind: 'result', payload: response } };
  } catch (error) {
    if (error instanceof TransportError && error.retryable) throw error;
    options.onHandlerError?.(error instanceof HandlerTimeout ? 'timeout' : 'failed');
    const about = { stationId: delivery.stationId, messageId: delivery.frame.id, action };
    options.log.error({ ...about, ...errorFields(error) }, 'handler failed');
    return TRANSACTION_MESSAGES.has(action)
      ? {
          ...NOTHING,
          giveUp: `its handler failed: ${error instanceof Error ? error.message : String(error)}`,
        }
      : { ...NOTHING, answer: { kind: 'error', code: 'InternalError', description: 'the handler failed' } };
  }
}

function contextOf(delivery: Delivery, options: DispatchOptions): HandlerContext {
  const { stationId, protocol, connection } = delivery;
  const { settings, state, clock, log } = options;
  return { stationId, protocol, connection, now: new Date(clock.now()), settings, state, log };
}
