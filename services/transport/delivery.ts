/** A frame of a station on its way to a handler. */
import type { Frame, Protocol } from '../ocpp/frame.ts';
import type { TraceContext } from '../runtime/tracing/tracing.ts';
import type { Outcome } from './outcome.ts';

/** One frame of one station, handed to a processor. */
export interface Delivery {
  readonly stationId: string;
  /** Session epoch of the connection that sent it: it rises with every connect of any station. */
  readonly epoch: number;
  readonly protocol: Protocol;
  readonly frame: Frame;
  /** When the proxy read it; ms since 1970. */
  readonly receivedAt: number;
  /** 1 at first; higher after a handler that threw or the death of a processor that had it in flight. */
  readonly deliveryCount: number;
  /** An outcome of it met another record than it expected: the handler must read the record now. */
  readonly unexpected?: true;
  /** Status in the response to the last BootNotification of this connection; omitted before one, and where it is unknown. */
  readonly registration?: Registration;
  /** What the proxy repaired to make the text readable; omitted for valid JSON. */
  readonly repaired?: RepairedText;
  /** Of a CALL that is traced. */
  readonly trace?: TraceContext;
}

/** The registration status of a station (RegistrationStatus of 1.6, RegistrationStatusEnumType of 2.x). */
export const REGISTRATION_STATUSES = ['Accepted', 'Pending', 'Rejected'] as const;
export type Registration = (typeof REGISTRATION_STATUSES)[number];

/** A text that was not valid JSON, or not a frame, and was repaired. */
export interface RepairedText {
  /** The original text, cut at `RAW_TEXT_KEPT` characters. */
  readonly raw: string;
  /** Kinds of repair, such as `control-characters`. */
  readonly kinds: readonly string[];
}

export type MessageHandler = (delivery: Delivery) => Promise<Outcome>;
