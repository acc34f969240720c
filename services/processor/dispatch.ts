/**
 * From one delivery to its outcome: validate, repair what can be understood, hand to the handler of version and action.
 * What a station says wrong beyond repair is answered by the error of its version, and kept for a person. What goes
 * wrong here is not the station's fault:
 *
 * - the store is out of reach: nothing is decided, and the transport delivers the message again;
 * - a handler fails, or takes longer than its bound: InternalError. Not for transaction messages: an error would use up
 *   the station's TransactionMessageAttempts and could destroy billing data (1.6 §3.7). They stay unanswered, the
 *   station sends them again, and they are dead letters, to be replayed once the handler is mended.
 */
import { errorCode, type ErrorReason } from '../ocpp/errors.ts';
import { type Call, MessageType, type Protocol, type Send } from '../ocpp/frame.ts';
import { writeExact } from '../ocpp/exact-numbers.ts';
import { repair, type Repaired } from '../ocpp/repair.ts';
import { actionLike, knowsAction, TRANSACTION_MESSAGES, validateRequest } from '../ocpp/schema.ts';
import { utc } from '../ocpp/time.ts';
import type { Clock } from '../runtime/clock.ts';
import { errorFields, type Log } from '../runtime/log.ts';
import { TransportError } from '../transport/errors.ts';
import type { Delivery, MessageHandler, Outcome } from '../transport/transport.ts';
import { RAW_TEXT_KEPT } from '../transport/unreadable.ts';
import { ChronicRepairs } from './chronic-repairs.ts';
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
  /** Called for each message that was repaired, with the kinds of repair. */
  readonly onRepaired?: (kinds: ReadonlySet<string>) => void;
  /** Called for each message whose payload could not be understood. */
  readonly onRefused?: () => void;
}

/** Characters of a faulty message that are kept in its event. */
const EVIDENCE = 2000;
const NOTHING: Outcome = { writes: [], events: [] };

export function createDispatch(options: DispatchOptions): MessageHandler {
  const { log } = options;
  const chronic = new ChronicRepairs();
  return async (delivery) => {
    const { frame, stationId } = delivery;
    switch (frame.type) {
      case MessageType.Call:
        return handle(delivery, frame, options, chronic);
      case MessageType.Send: {
        // A SEND takes effect like a CALL but is never answered (2.1 Part 4 §4.2.5).
        const { answer: _never, ...outcome } = await handle(delivery, frame, options, chronic);
        return outcome;
      }
      default:
        // The transport matches it with its call, or drops it.
        log.debug({ stationId, messageId: frame.id, type: frame.type }, 'answer of a station');
        return NOTHING;
    }
  };
}

async function handle(
  delivery: Delivery,
  frame: Call | Send,
  options: DispatchOptions,
  chronic: ChronicRepairs,
): Promise<Outcome> {
  const { protocol, stationId } = delivery;
  const tolerant = options.settings.validation === 'Tolerant';
  const action = actionOf(protocol, frame.action, tolerant);
  const refuse = (reason: ErrorReason, description: string): Outcome => {
    options.log.debug({ stationId, messageId: frame.id, action, reason, description }, 'refused');
    return { ...NOTHING, answer: { kind: 'error', code: errorCode(protocol, reason), description } };
  };

  if (!knowsAction(protocol, action)) return refuse('NotImplemented', `${protocol} has no such action`);
  const table = options.handlers[protocol];
  const handler = Object.hasOwn(table, action) ? table[action] : undefined;
  if (handler === undefined) return refuse('NotSupported', `${action} is not supported here`);
  const registration = await options.state.registration(stationId, delivery.registration);
  if (!mayCall(registration, action)) {
    return refuse('SecurityError', `the station is ${registration}: send a BootNotification`);
  }
  const { payload } = frame;
  const fault = validateRequest(protocol, action, payload, !tolerant);
  if (fault === undefined && delivery.repaired === undefined && action === frame.action) {
    return run(handler, payload, contextOf(delivery, options, frame.exact), action, options);
  }
  const understood = fault === undefined ? asItIs(frame) : tolerant && repairOf(delivery, frame, action);
  if (!understood) {
    options.onRefused?.();
    const description = fault?.description ?? '';
    return withRefusal(refuse(fault?.reason ?? 'FormatViolation', description), description, delivery, frame);
  }
  const { exact, places, faults } = understood;
  const context = contextOf(delivery, options, exact, places);
  const outcome = await run(handler, understood.payload, context, action, options);
  const inText = [...(delivery.repaired?.kinds ?? []), ...(action === frame.action ? [] : ['spelling'])];
  const kinds = new Set<string>([...inText, ...understood.kinds]);
  options.onRepaired?.(kinds);
  if (!chronic.isNews(stationId, frame, kinds, options.clock.now())) return outcome;
  return withRepair(outcome, { kinds, faults }, delivery, frame);
}

/** A valid payload: only the text around it was repaired. */
function asItIs({ payload, exact = NO_NUMBERS }: Call | Send): Repaired {
  const faults = ['the text was not valid OCPP-J'];
  return { payload: payload as object, exact, faults, kinds: new Set(), places: NO_REPAIRS };
}

function repairOf(
  { protocol, receivedAt }: Delivery,
  frame: Call | Send,
  action: string,
): Repaired | undefined {
  return repair(protocol, action, frame.payload, utc(receivedAt), frame.exact);
}

function actionOf(protocol: Protocol, spelling: string, tolerant: boolean): string {
  if (!tolerant || knowsAction(protocol, spelling)) return spelling;
  return actionLike(protocol, spelling) ?? spelling;
}

/** What was repaired in a message, for metrics and its event. */
interface Repair {
  readonly kinds: ReadonlySet<string>;
  readonly faults: readonly string[];
}

function withRepair(
  outcome: Outcome,
  { kinds, faults }: Repair,
  delivery: Delivery,
  frame: Call | Send,
): Outcome {
  const facts = { kinds: [...kinds].join(' '), faults: faults.join('; ') };
  return {
    ...outcome,
    events: [...outcome.events, messageEvent('message-repaired', delivery, frame, facts)],
  };
}

/** What cannot be understood is kept as the station sent it. */
function withRefusal(outcome: Outcome, fault: string, delivery: Delivery, frame: Call | Send): Outcome {
  const { stationId, protocol, connection, receivedAt } = delivery;
  const { type, id, action, payload, exact } = frame;
  const head = `[${type},${JSON.stringify(id)},${JSON.stringify(action)},`;
  const text = (delivery.repaired?.raw ?? `${head}${writeExact(payload, exact)}]`).slice(0, RAW_TEXT_KEPT);
  const reason = `${action}: ${fault}`.slice(0, 500);
  return {
    ...outcome,
    events: [messageEvent('message-refused', delivery, frame, { faults: fault })],
    unreadable: { stationId, protocol, connection, at: receivedAt, reason, text },
  };
}

function messageEvent(
  type: string,
  { stationId, repaired }: Delivery,
  { action, id, payload, exact }: Call | Send,
  facts: Readonly<Record<string, string>>,
) {
  const said = repaired?.raw ?? writeExact(payload, exact);
  return eventOf(type, stationId, { action, messageId: id, ...facts, payload: said }, EVIDENCE);
}

/** @param request valid, or what is left of it that a handler can rely on */
async function run(
  handler: Handler,
  request: unknown,
  context: HandlerContext,
  action: string,
  options: DispatchOptions,
): Promise<Outcome> {
  try {
    // never: the schema has proved what the handler's own type says.
    const work = handler(request as never, context);
    const { response, ...rest } = await within(options.handlerTimeoutMs ?? HANDLER_TIMEOUT_MS, work);
    return { ...NOTHING, ...rest, answer: { kind: 'result', payload: response } };
  } catch (error) {
    if (error instanceof TransportError && error.retryable) throw error;
    options.onHandlerError?.(error instanceof HandlerTimeout ? 'timeout' : 'failed');
    const about = { stationId: context.stationId, action };
    options.log.error({ ...about, ...errorFields(error) }, 'handler failed');
    return TRANSACTION_MESSAGES.has(action)
      ? {
          ...NOTHING,
          giveUp: `its handler failed: ${error instanceof Error ? error.message : String(error)}`,
        }
      : { ...NOTHING, answer: { kind: 'error', code: 'InternalError', description: 'the handler failed' } };
  }
}

const NO_NUMBERS: ReadonlyMap<string, string> = new Map();
const NO_REPAIRS: HandlerContext['repaired'] = new Map();

function contextOf(
  { stationId, protocol, connection, receivedAt }: Delivery,
  { settings, state, clock, log }: DispatchOptions,
  exact = NO_NUMBERS,
  repaired = NO_REPAIRS,
): HandlerContext {
  const now = new Date(clock.now());
  const received = new Date(receivedAt);
  return {
    stationId,
    protocol,
    connection,
    now,
    receivedAt: received,
    exact,
    repaired,
    settings,
    state,
    log,
  };
}
