/**
 * From one delivery to its outcome: validate, repair what can be understood, run the handler of version and action.
 * A message that is wrong beyond repair is answered with the error of its version, and kept as evidence. While the
 * store is out of reach nothing is decided: the transport delivers the message again.
 */
import { errorCode, type ErrorReason } from '../ocpp/errors.ts';
import { type Call, MessageType, type Protocol, type Send } from '../ocpp/frame.ts';
import { repair, type Repair } from '../ocpp/repair.ts';
import { actionLike, knowsAction, type SchemaFault, validateRequest } from '../ocpp/schema.ts';
import { utc } from '../ocpp/time.ts';
import { handlerLog } from '../runtime/quiet-log.ts';
import { isSelfTest, SELF_TEST_OUTCOME } from '../transport/self-test.ts';
import type { Delivery, MessageHandler, Outcome, Registration } from '../transport/transport.ts';
import { ChronicRepairs } from './chronic-repairs.ts';
import type { HandlerTable } from './handler.ts';
import { withRefusal, withRepair } from './message-evidence.ts';
import { mayCall } from './registrations.ts';
import { contextOf, isTooDeep, NO_REPAIRS, NOTHING, runHandler, type RunOptions } from './run-handler.ts';

export interface DispatchOptions extends RunOptions {
  readonly handlers: HandlerTable;
  /** Called for each message that was repaired, with the kinds of repair. */
  readonly onRepaired?: (kinds: ReadonlySet<string>) => void;
  /** Called for each message whose payload could not be understood. */
  readonly onRefused?: () => void;
}

/** @param given its log gets the warnings and errors of handlers at a limited rate */
export function createDispatch(given: DispatchOptions): MessageHandler {
  const options = { ...given, log: handlerLog(given.log, given.clock) };
  const chronic = new ChronicRepairs();
  return async (delivery) => {
    if (isSelfTest(delivery.stationId)) return SELF_TEST_OUTCOME;
    const { frame } = delivery;
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
        // A response: the transport matches it with its CALL. Only the transport knows whether there is one.
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
    options.log.debug(
      { stationId, messageId: frame.id, action, reason, description },
      'a message of a station is refused',
    );
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
  const held = (outcome: Outcome) => holding(outcome, action, registration);
  if (!mayCall(registration, action)) {
    return held(refuse('SecurityError', `the station is ${registration}: send a BootNotification`));
  }
  const { payload } = frame;
  const fault = validateRequest(protocol, action, payload, !tolerant);
  if (fault === undefined && delivery.repaired === undefined && action === frame.action) {
    const context = contextOf(delivery, options, frame.exact);
    return held(await runHandler(handler, payload, context, action, options));
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
  // It reads what it needs: if it were handled again, its repair would be no news any more.
  const context = contextOf({ ...delivery, unexpected: true }, options, exact, places);
  const outcome = held(await runHandler(handler, understood.payload, context, action, options));
  const inText = [...(delivery.repaired?.kinds ?? []), ...(action === frame.action ? [] : ['spelling'])];
  const kinds = new Set<string>([...inText, ...understood.kinds]);
  options.onRepaired?.(kinds);
  return isNews(kinds) ? withRepair(outcome, { kinds, faults }, delivery, frame) : outcome;
}

/** Calls that wait for a rejected station are held: whether it is one, the response to a boot decides. */
function holding(outcome: Outcome, action: string, before: Registration): Outcome {
  const { answer } = outcome;
  const isBoot = action === 'BootNotification' && answer?.kind === 'result';
  const status = isBoot ? (answer.payload as { readonly status?: unknown }).status : before;
  return status === 'Rejected' ? { ...outcome, holdsCalls: true } : outcome;
}

/** @param fault undefined for a valid payload, whose text or action was repaired */
function understand(
  { protocol, receivedAt, repaired }: Delivery,
  { payload, exact = new Map() }: Call | Send,
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

/** A payload that nests deeper than a handler can follow is no OCPP payload, whatever its schema allows. */
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

function actionOf(protocol: Protocol, spelling: string, tolerant: boolean): string {
  if (!tolerant || knowsAction(protocol, spelling)) return spelling;
  return actionLike(protocol, spelling) ?? spelling;
}
