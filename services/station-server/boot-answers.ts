/** What a station's BootNotification was answered, as it passes on one connection. */
import { type Frame, MessageType } from '../ocpp/frame.ts';
import type { CsmsFrame } from '../ocpp/peer.ts';
import { type Registration, REGISTRATION_STATUSES } from '../transport/transport.ts';

export class BootAnswers {
  /** The status in the last answer; undefined before one. */
  last: Registration | undefined;
  /** Message id of the BootNotification that is open. */
  #open: string | undefined;

  /** A frame of the station goes on to the CSMS. */
  forwarded(frame: Frame): void {
    if (frame.type === MessageType.Call && frame.action === 'BootNotification') this.#open = frame.id;
  }

  /** A frame goes on to the station. */
  written({ type, messageId, text }: CsmsFrame): void {
    if (type === MessageType.Call || messageId !== this.#open) return;
    this.#open = undefined;
    this.last = registrationIn(text) ?? this.last;
  }
}

/** The status in an answer to a BootNotification; undefined where it has none, as a CALLERROR. @param text JSON */
function registrationIn(text: string): Registration | undefined {
  const [type, , payload] = JSON.parse(text) as readonly unknown[];
  if (type !== MessageType.CallResult || typeof payload !== 'object' || payload === null) return undefined;
  const { status } = payload as { readonly status?: unknown };
  return REGISTRATION_STATUSES.find((known) => known === status);
}
