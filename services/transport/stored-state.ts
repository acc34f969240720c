/**
 * Stored state in domain words: what outcomes write, what handlers read. Keys are relative to the state prefix; the
 * processor's state module owns their names.
 */

/**
 * A change of stored state, as data. Keys are relative to the state prefix, such as
 * `transaction:17`; the processor's state module owns their names.
 */
export type StateWrite =
  /** Sets fields of a record and leaves its other fields alone. */
  | {
      readonly kind: 'set';
      readonly key: string;
      readonly fields: Readonly<Record<string, string>>;
      readonly expireSeconds?: number;
      /** Only where the record exists. */
      readonly existing?: true;
      /**
       * One of the fields, such as a time in ISO 8601: the write is left out when the stored one is greater as a text.
       * For what can be handled in another order than it was said: SENDs.
       */
      readonly newerBy?: string;
    }
  | { readonly kind: 'delete'; readonly key: string }
  /** Appends to a stream that keeps about the newest `maxLength` entries. */
  | {
      readonly kind: 'append';
      readonly key: string;
      readonly fields: Readonly<Record<string, string>>;
      readonly maxLength: number;
    }
  /** Adds a member to a sorted set, or changes its score. */
  | { readonly kind: 'add'; readonly key: string; readonly member: string; readonly score: number }
  /** Removes a member from a sorted set. */
  | { readonly kind: 'remove'; readonly key: string; readonly member: string }
  /** Forgets what was answered under a business key: the same fact is a new one from here on. */
  | { readonly kind: 'forget'; readonly businessKey: string };

export interface DomainEvent {
  readonly type: string;
  readonly stationId: string;
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Writes and events that belong to no delivery. They apply together, and only while the field of the record has this
 * value (undefined: while it does not exist): what was read is still so.
 */
export interface Amendment {
  readonly expected: { readonly key: string; readonly field: string; readonly value: string | undefined };
  readonly writes: readonly StateWrite[];
  readonly events: readonly DomainEvent[];
}

/** Reads of stored state. Handlers read; they never write (see Outcome). */
export interface StateReader {
  /** All fields of a record; undefined when it does not exist. */
  record(key: string): Promise<Readonly<Record<string, string>> | undefined>;
  field(key: string, field: string): Promise<string | undefined>;
  /** Some fields of a record, those that it has; undefined when it has none of them. */
  fields(key: string, names: readonly string[]): Promise<Readonly<Record<string, string>> | undefined>;
  /**
   * Reserves `count` consecutive numbers of a counter that never repeats, across processes and
   * restarts, and resolves to the first. `floor` is the least first number.
   */
  reserve(counter: string, count: number, floor: number): Promise<number>;
  /** Members of a sorted set with a score up to `max`, lowest first: at most `limit`, after the first `offset`. */
  members(key: string, max: number, limit: number, offset?: number): Promise<readonly Member[]>;
  /** How many members a sorted set has. */
  size(key: string): Promise<number>;
}

export interface Member {
  readonly member: string;
  readonly score: number;
}
