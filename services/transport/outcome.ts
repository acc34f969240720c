/** What a handler decided about one delivery: plain data that the transport applies in one step. */
import type { DomainEvent, StateWrite } from './stored-state.ts';
import type { UnreadableText } from './unreadable.ts';

/** How a CALL is answered. The transport adds the message id and the envelope. */
export type Answer =
  | { readonly kind: 'result'; readonly payload: unknown }
  | {
      readonly kind: 'error';
      readonly code: string;
      readonly description: string;
      readonly details?: unknown;
    };

/** What a handler decided. Plain data: applied whole by the transport, or not at all. */
export interface Outcome {
  /** Left out for frames that are never answered, and where silence is the right answer to a CALL. */
  readonly answer?: Answer;
  readonly writes: readonly StateWrite[];
  /** For whoever watches the network: appended to the bounded stream `events`. */
  readonly events: readonly DomainEvent[];
  /**
   * Names the business fact, such as `stop:17`. A second outcome under the same key, on whatever
   * connection, replays the first answer and applies no writes.
   */
  readonly businessKey?: string;
  /** How long that holds; `BUSINESS_KEY_SECONDS` where left out. A key costs about 200 bytes of the store. */
  readonly businessKeySeconds?: number;
  /** A text of the station that could not be understood: kept in the stream `unreadable`, within the station's quota. */
  readonly unreadable?: UnreadableText;
  /**
   * Why nobody can handle it for now: it has no effect and no answer, and is kept as a dead letter where the transport
   * keeps some. What else the outcome says does not count.
   */
  readonly deadLetter?: string;
}

/** How long the answer under a business key is kept where its outcome does not say. */
export const BUSINESS_KEY_SECONDS = 86_400;
