/**
 * A message that a gateway sends to the processors to prove the way there and back. It is a CALL of an identity that no station
 * can have, so it belongs to no session; a processor answers it before it looks at anything else. One of an earlier version
 * answers it too, as a DataTransfer of an unknown vendor has no effect.
 */
import { type Call, MessageType, type Protocol } from '../ocpp/frame.ts';
import type { IncomingFrame } from './gateway.ts';
import type { Outcome } from './outcome.ts';

/** A control character: ocpp/identity.ts refuses it in every version. */
const MARK = '\u0000self-test:';

export const SELF_TEST_PROTOCOL: Protocol = 'ocpp1.6';

/** The identity of a gateway's own messages. */
export function selfTestIdentity(gatewayId: string): string {
  return `${MARK}${gatewayId}`;
}

export function isSelfTest(stationId: string): boolean {
  return stationId.startsWith(MARK);
}

/** @param now ms since 1970 */
export function selfTestCall(now: number): IncomingFrame {
  const payload = { vendorId: 'dev.ocpp.self-test' };
  const frame: Call = { type: MessageType.Call, id: crypto.randomUUID(), action: 'DataTransfer', payload };
  const text = JSON.stringify([frame.type, frame.id, frame.action, payload]);
  return { frame, text, receivedAt: now, sequence: 1 };
}

/** What a processor answers: it has no effect. */
export const SELF_TEST_OUTCOME: Outcome = {
  answer: { kind: 'result', payload: { status: 'Accepted' } },
  writes: [],
  events: [],
};

/** Why a test failed. @param timeoutMs how long it waited */
export function noAnswer(store: string, timeoutMs: number): string {
  return `no answer through ${store} within ${timeoutMs / 1000} s: is a processor running?`;
}
