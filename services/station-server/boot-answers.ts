/** Reads the registration status from responses to BootNotification on one connection. */
import { type Frame, MessageType } from '../ocpp/frame.ts';
import type { CsmsFrame } from '../ocpp/peer.ts';
import { type Registration, REGISTRATION_STATUSES } from '../transport/transport.ts';

export class BootAnswers {
  /** The status in the last response; undefined before one. */
  last: Registration | undefined;
  /** Message id of the BootNotification that is open. */
  #open: string | undefined;

  /** A frame of the station is forwarded to the CSMS. */
  forwarded(frame: Frame): void {
    if (frame.type === MessageType.Call && frame.action === 'BootNotification') this.#open = frame.id;
  }

  /** A frame is written to the station. */
  written({ type, messageId, text }: CsmsFrame): void {
    if (type === MessageType.Call || messageId !== this.#open) return;
    this.#open = undefined;
    this.last = registrationIn(text) ?? this.last;
  }
}

/** The status in a response to BootNotification; undefined without one, as in a CALLERROR. @param text JSON */
function registrationIn(text: string): Registration | undefined {
  const [type, , payload] = JSON.parse(text) as readonly unknown[];
  if (type !== MessageType.CallResult || typeof payload !== 'object' || payload === null) return undefined;
  const { status } = payload as { readonly status?: unknown };
  return REGISTRATION_STATUSES.find((known) => known === status);
}
