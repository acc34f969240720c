/** The response of a station to a CALL of the central system, by the handlers of its profiles. */
import { errorCode, type ErrorReason } from '../ocpp/errors.ts';
import { type Call, type CallError, type CallResult, MessageType, type Protocol } from '../ocpp/frame.ts';
import { knowsAction, validateRequest } from '../ocpp/schema.ts';
import type { StationHandler } from './profile.ts';

/** @param onError called when a handler fails; the central system gets an InternalError */
export async function answerCall(
  protocol: Protocol,
  handlers: Readonly<Record<string, StationHandler>>,
  { id, action, payload }: Call,
  onError: (error: Error) => void,
): Promise<CallResult | CallError> {
  const refuse = (reason: ErrorReason, description: string): CallError => {
    const code = errorCode(protocol, reason);
    return { type: MessageType.CallError, id, code, description, details: {} };
  };
  if (!knowsAction(protocol, action)) return refuse('NotImplemented', `${protocol} has no such action`);
  const handler = Object.hasOwn(handlers, action) ? handlers[action] : undefined;
  if (handler === undefined) return refuse('NotSupported', `${action} is not supported here`);
  const fault = validateRequest(protocol, action, payload);
  if (fault !== undefined) return refuse(fault.reason, fault.description);
  try {
    // never: the schema has proved the type of the handler's parameter.
    return { type: MessageType.CallResult, id, payload: await handler(payload as never) };
  } catch (error) {
    onError(new Error(`the handler of ${action} failed`, { cause: error }));
    return refuse('InternalError', 'the handler failed');
  }
}
