/** How a simulated station answers CALLs of the CSMS: it agrees to everything and does nothing. */
import { errorCode, type ErrorReason } from '../../services/ocpp/errors.ts';
import { type Call, type Frame, MessageType, type Protocol } from '../../services/ocpp/frame.ts';
import { knowsAction, validateRequest } from '../../services/ocpp/schema.ts';

/** Answers other than `{"status":"Accepted"}`, which most actions of all versions want. */
const RESPONSES: Readonly<Record<string, object>> = {
  GetConfiguration: { configurationKey: [], unknownKey: [] },
  GetDiagnostics: {},
  UpdateFirmware: {},
  UnlockConnector: { status: 'Unlocked' },
};

export function answerCommand(call: Call, protocol: Protocol): Frame {
  const { id, action, payload } = call;
  const refuse = (reason: ErrorReason, description: string): Frame => {
    const code = errorCode(protocol, reason);
    return { type: MessageType.CallError, id, code, description, details: {} };
  };
  if (!knowsAction(protocol, action)) return refuse('NotImplemented', `${protocol} has no ${action}`);
  const fault = validateRequest(protocol, action, payload);
  if (fault !== undefined) return refuse(fault.reason, fault.description);
  const response = responseTo(action, protocol);
  return { type: MessageType.CallResult, id, payload: response };
}

function responseTo(action: string, protocol: Protocol): object {
  if (action !== 'GetLocalListVersion') return RESPONSES[action] ?? { status: 'Accepted' };
  return protocol === 'ocpp1.6' ? { listVersion: 0 } : { versionNumber: 0 };
}
