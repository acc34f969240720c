/** The outcome of one delivery: what its handler returns, and the transport applies in one step. */
import type { DomainEvent, Expectation, StateWrite } from './stored-state.ts';
import type { UnreadableText } from './unreadable.ts';

/** The response to a CALL. The transport adds the message id and the envelope. */
export type Answer =
  | { readonly kind: 'result'; readonly payload: unknown }
  | {
      readonly kind: 'error';
      readonly code: string;
      readonly description: string;
      readonly details?: unknown;
    };

/** Plain data that the transport applies completely or not at all. */
export interface Outcome {
  /** Omitted for frames that get no response, and for CALLs that must not get one. */
  readonly answer?: Answer;
  readonly writes: readonly StateWrite[];
  /** Where it is not met, nothing takes effect, and the delivery is handled again as `unexpected`. */
  readonly expects?: Expectation;
  /**
   * The network does not accept the station: calls that waited for it before it connected go on waiting. The acknowledgement of any
   * other message releases them.
   */
  readonly holdsCalls?: true;
  /** Appended to the bounded stream `events`, for monitoring. */
  readonly events: readonly DomainEvent[];
  /**
   * Idempotency key of a business fact, such as `stop:17`. A second outcome under the same key, on any connection,
   * replays the first answer and applies no writes.
   */
  readonly businessKey?: string;
  /** How long the key is kept; `BUSINESS_KEY_SECONDS` by default. A key costs about 200 bytes of the store. */
  readonly businessKeySeconds?: number;
  /** A text that could not be understood: kept in the stream `unreadable`, within the quota of its station. */
  readonly unreadable?: UnreadableText;
  /**
   * Why the delivery cannot be handled. It gets no effect and no answer, and becomes a dead letter in transports that
   * keep them, unless a process of another release may handle it. The other fields of the outcome are ignored.
   */
  readonly deadLetter?: string;
  /**
   * Why the handler failed, where the station gets an error. The outcome applies only if no process of another release may
   * handle the delivery.
   */
  readonly failure?: string;
}

/** How long the answer of a business key is kept by default. */
export const BUSINESS_KEY_SECONDS = 86_400;
