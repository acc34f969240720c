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
import { bounded } from '../ocpp/bounded.ts';
import { errorCode, type ErrorReason } from '../ocpp/errors.ts';
import { type Call, MessageType, type Protocol, type Send } from '../ocpp/frame.ts';
import { writeExact } from '../ocpp/exact-numbers.ts';
import { repair, type Repair } from '../ocpp/repair.ts';
import {
  actionLike,
  knowsAction,
  type SchemaFault,
  TRANSACTION_MESSAGES,
  validateRequest,
} from '../ocpp/schema.ts';
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
        return handle(delivery, frame, options, chronic).catch(refuseTooDeep(delivery, frame));
      case MessageType.Send: {
        // A SEND takes effect like a CALL but is never answered (2.1 Part 4 §4.2.5).
        const { answer: _never, ...outcome } = await handle(delivery, frame, options, chronic).catch(
          refuseTooDeep(delivery, frame),
        );
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

  if (!knowsAction(protocol, action)) {
    const description = `${protocol} has no such action`;
    return {
      ...withRefusal(refuse('NotImplemented', description), description, delivery, frame),
      events: [],
    };
  }
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
  const understood = understand(delivery, frame, action, fault, tolerant);
  const isNews = (kinds: Iterable<string>) =>
    chronic.isNews({ stationId, type: frame.type, action, payload }, kinds, options.clock.now());
  if (!understood.ok) {
    options.onRefused?.();
    const { reason, path, description } = understood.fault;
    const refused = withRefusal(refuse(reason, description), description, delivery, frame);
    return isNews(['refused', path]) ? refused : { ...refused, events: [] };
  }
  const { exact, places, faults } = understood;
  const context = contextOf(delivery, options, exact, places);
  const outcome = await run(handler, understood.payload, context, action, options);
  const inText = [...(delivery.repaired?.kinds ?? []), ...(action === frame.action ? [] : ['spelling'])];
  const kinds = new Set<string>([...inText, ...understood.kinds]);
  options.onRepaired?.(kinds);
  return isNews(kinds) ? withRepair(outcome, { kinds, faults }, delivery, frame) : outcome;
}

/** @param fault undefined for a valid payload, whose text or action was repaired */
function understand(
  { protocol, receivedAt, repaired }: Delivery,
  { payload, exact = NO_NUMBERS }: Call | Send,
  action: string,
  fault: SchemaFault | undefined,
  tolerant: boolean,
): Repair {
  if (fault === undefined) {
    const faults = [
      repaired === undefined ? `the action is spelled ${action}` : 'the text was not valid OCPP-J',
    ];
    return { ok: true, payload: payload as object, exact, faults, kinds: new Set(), places: NO_REPAIRS };
  }
  return tolerant ? repair(protocol, action, payload, utc(receivedAt), exact) : { ok: false, fault };
}

/** A payload that nests deeper than a handler can follow is no payload of OCPP, whatever its schema allows. */
const refuseTooDeep =
  (delivery: Delivery, frame: Call | Send) =>
  (error: unknown): Outcome => {
    if (!isTooDeep(error)) throw error;
    const description = 'the payload nests too deeply';
    const code = errorCode(delivery.protocol, 'FormatViolation');
    return withRefusal(
      { ...NOTHING, answer: { kind: 'error', code, description } },
      description,
      delivery,
      frame,
    );
  };

function isTooDeep(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack');
}

function actionOf(protocol: Protocol, spelling: string, tolerant: boolean): string {
  if (!tolerant || knowsAction(protocol, spelling)) return spelling;
  return actionLike(protocol, spelling) ?? spelling;
}

/** What was repaired in a message, for its event. */
interface Mended {
  readonly kinds: ReadonlySet<string>;
  readonly faults: readonly string[];
}

function withRepair(
  outcome: Outcome,
  { kinds, faults }: Mended,
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
  const { stationId, protocol, epoch, receivedAt } = delivery;
  const { type, id, action, payload, exact } = frame;
  const head = `[${type},${JSON.stringify(id)},${JSON.stringify(action)},`;
  const text = (delivery.repaired?.raw ?? `${head}${textOf(payload, exact)}]`).slice(0, RAW_TEXT_KEPT);
  const reason = `${action}: ${fault}`.slice(0, 500);
  return {
    ...outcome,
    events: [messageEvent('message-refused', delivery, frame, { faults: fault })],
    unreadable: {
      stationId,
      protocol,
      epoch,
      at: receivedAt,
      reason,
      text,
      ...(TRANSACTION_MESSAGES.has(action) && { quota: 'transactions' as const }),
    },
  };
}

/** JSON nests deeper than its writer can follow. */
function textOf(payload: unknown, exact: ReadonlyMap<string, string> | undefined): string {
  try {
    return writeExact(payload, exact);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return JSON.stringify(bounded(payload).payload);
  }
}

function messageEvent(
  type: string,
  { stationId, repaired }: Delivery,
  { action, id, payload, exact }: Call | Send,
  facts: Readonly<Record<string, string>>,
) {
  const said = repaired?.raw ?? textOf(payload, exact);
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
    if ((error instanceof TransportError && error.retryable) || isTooDeep(error)) throw error;
    options.onHandlerError?.(error instanceof HandlerTimeout ? 'timeout' : 'failed');
    const about = { stationId: context.stationId, action };
    options.log.error({ ...about, ...errorFields(error) }, 'handler failed');
    return TRANSACTION_MESSAGES.has(action)
      ? {
          ...NOTHING,
          deadLetter: `its handler failed: ${error instanceof Error ? error.message : String(error)}`,
        }
      : { ...NOTHING, answer: { kind: 'error', code: 'InternalError', description: 'the handler failed' } };
  }
}

const NO_NUMBERS: ReadonlyMap<string, string> = new Map();
const NO_REPAIRS: HandlerContext['repaired'] = new Map();

function contextOf(
  { stationId, protocol, epoch, receivedAt }: Delivery,
  { settings, state, clock, log }: DispatchOptions,
  exact = NO_NUMBERS,
  repaired = NO_REPAIRS,
): HandlerContext {
  const now = new Date(clock.now());
  return {
    stationId,
    protocol,
    epoch,
    now,
    receivedAt,
    exact,
    repaired,
    settings,
    state,
    log,
  };
}
