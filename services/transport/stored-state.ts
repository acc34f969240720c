/** Stored state: what outcomes write, what handlers read, and the port of the transport for both. */

/** Key of a station's open transactions (csms/transactions/register.ts), which both sides read. */
export const openOfStation = (stationId: string): string => `open:${stationId}`;

/** A change of stored state, as data. Keys are relative to the state prefix, such as `transaction:17`; csms/state.ts names them. */
export type StateWrite =
  /** Sets fields of a record and leaves the others unchanged. */
  | {
      readonly kind: 'set';
      readonly key: string;
      readonly fields: Readonly<Record<string, string>>;
      readonly expireSeconds?: number;
      /** Only if the record exists. */
      readonly existing?: true;
      /**
       * One of the fields, such as a time in ISO 8601: the write is skipped if the stored value is greater as text.
       * For messages that can be handled out of order: SENDs.
       */
      readonly newerBy?: string;
    }
  /** Removes fields of a record; a record without fields ends. */
  | { readonly kind: 'unset'; readonly key: string; readonly names: readonly string[] }
  | { readonly kind: 'delete'; readonly key: string }
  /**
   * Appends to a stream that keeps about the newest `maxLength` entries; omitted: all, as another program trims it. `keepsExcess`: a
   * stream that is longer by more than `EXCESS` is not trimmed, as its entries wait for another program.
   */
  | {
      readonly kind: 'append';
      readonly key: string;
      readonly fields: Readonly<Record<string, string>>;
      readonly maxLength?: number;
      readonly keepsExcess?: boolean;
    }
  /** Adds a member to a sorted set, or changes its score. */
  | { readonly kind: 'add'; readonly key: string; readonly member: string; readonly score: number }
  /** Removes a member from a sorted set. */
  | { readonly kind: 'remove'; readonly key: string; readonly member: string }
  /** Removes the stored answer of a business key: from now on the same fact is new. */
  | { readonly kind: 'forget'; readonly businessKey: string };

/** Entries beyond the bound of a stream; trimming whole nodes, as Redis does, leaves far fewer. */
export const EXCESS = 1000;

/** The stream of events keeps about the newest ones: some ten seconds of the busiest network, so that readers can change. */
export const EVENTS_KEPT = 100_000;

/** Events of connections, which the transport itself writes together with the session. */
export const CONNECTED = 'station-connected';
export const DISCONNECTED = 'station-disconnected';

export interface DomainEvent {
  readonly type: string;
  readonly stationId: string;
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Writes and events that belong to no delivery. They apply together, and only if the field of the record still has the
 * value that was read (undefined: it does not exist). Without `expected` they always apply.
 */
export interface Amendment {
  readonly expected?: { readonly key: string; readonly field: string; readonly value: string | undefined };
  readonly writes: readonly StateWrite[];
  readonly events: readonly DomainEvent[];
}

/** Reads of stored state. Handlers read; they never write (see Outcome). */
export interface StateReader {
  /** Its transport checks what an outcome expects, and a read costs a round trip. Without it, handlers read. */
  readonly checksExpectations?: true;
  /** All fields of a record; undefined when it does not exist. */
  record(key: string): Promise<Readonly<Record<string, string>> | undefined>;
  field(key: string, field: string): Promise<string | undefined>;
  /** Those of the named fields that the record has; undefined when it has none of them. */
  fields(key: string, names: readonly string[]): Promise<Readonly<Record<string, string>> | undefined>;
  /**
   * Reserves `count` consecutive numbers of a counter that never repeats, across processes and
   * restarts, and resolves to the first. `floor` is the least first number.
   */
  reserve(counter: string, count: number, floor: number): Promise<number>;
  /** Members of a sorted set with a score up to `max`, lowest first: at most `limit`, after the first `offset`. */
  members(key: string, max: number, limit: number, offset?: number): Promise<readonly Member[]>;
  /** The number of members of a sorted set. */
  size(key: string): Promise<number>;
}

/**
 * What a record must be like for an outcome to take effect, where its handler did not read it. A handler names what it needs of the
 * record, not what it remembers of it: other processes change the record, too.
 */
export interface Expectation {
  readonly key: string;
  /** Values of fields; '' means empty or missing. One of them is not '', so that the record must exist. No name has a space. */
  readonly fields: Readonly<Record<string, string>>;
  /**
   * A field with a time from `from` to before `before`, both as text. Each is written as `2026-11-23T09:10:00Z`, with or without a fraction,
   * and the stored one is as long as `before`; `from` may be the beginning of one.
   */
  readonly earlier?: { readonly field: string; readonly from: string; readonly before: string };
}

export interface StreamSize {
  readonly length: number;
  /** ms since 1970; undefined for an empty stream, and where it cannot be read. */
  readonly oldestAt: number | undefined;
}

export interface StateStore extends StateReader {
  /** How long a stream is, and when its oldest entry was stored. */
  streamSize(key: string): Promise<StreamSize>;
  /** Share of the memory that the store may use; undefined where it has no limit. */
  memoryShare(): Promise<number | undefined>;
  /** Applies an amendment completely or not at all. @returns whether it was applied */
  amend(amendment: Amendment): Promise<boolean>;
}

export interface Member {
  readonly member: string;
  readonly score: number;
}
