/**
 * What a program that is no processor can do with a cluster: command its stations, read what is stored, edit the lists that
 * handlers obey. The API program is this interface over HTTP, and its JSON has these shapes.
 *
 * Times are ISO 8601 in UTC unless a field says that it is as the station wrote it. Energy is in Wh, as exact decimals. Unknown
 * facts are omitted: missing is never zero. Every method rejects with `store-unavailable` while Redis is out of reach.
 */
import type { StationEntry } from '../access/station-entry.ts';
import type { Broadcast, BroadcastResult } from '../csms/commands/broadcast.ts';
import type { Command } from '../csms/commands/commands.ts';
import type { PasswordChange, PasswordOptions } from '../csms/credentials/password-change.ts';
import type { ConcurrentTransactions, TokenStatus } from '../csms/tokens.ts';
import type { Protocol } from '../ocpp/frame.ts';
import type { ActionOf, RequestOf, ResponseOf } from '../ocpp/messages.ts';
import type { Answer } from '../transport/outcome.ts';
import type { CallOutcome, CallState, FoundCall } from '../transport/station-call.ts';
import type { KeptRefusal } from '../transport/watch/refused-handshakes.ts';
import type { ClusterProcesses } from '../transport/watch/processes.ts';
import type { RecordedEntry } from '../transport/recorder/recorded-frames.ts';
import type { StateStore } from '../transport/stored-state.ts';
import type { Registration } from '../transport/delivery.ts';

export interface ClusterClient extends AsyncDisposable {
  /**
   * Sends a command and resolves to how it ended. Under a known idempotency key it sends nothing and resolves to the outcome of the
   * first call. Rejects with `bad-call` for what the station's version does not know, its schema refuses or a rule of OCPP forbids,
   * and as StationCalls.make does. Calls stay open while no process of the cluster runs.
   */
  call(command: Command): Promise<CallOutcome>;
  /** The same with the types of one version: its action, payload and answer. */
  callTyped<P extends Protocol, A extends ActionOf<P>>(
    command: TypedCommand<P, A>,
  ): Promise<TypedOutcome<ResponseOf<P, A>>>;
  /** The current state of a call; undefined for unknown calls, and from an hour after the end of a call on. */
  callState(stationId: string, idempotencyKey: string): Promise<CallState | undefined>;
  /** The same with its action, its version and when it was made. */
  findCall(stationId: string, idempotencyKey: string): Promise<FoundCall | undefined>;
  /** Ends a queued call as not sent. Resolves to its state afterwards. */
  cancel(stationId: string, idempotencyKey: string): Promise<CallState | undefined>;
  /** The same command to many stations, at a pace; yields one result per station. */
  broadcast(command: Broadcast): AsyncGenerator<BroadcastResult, void, undefined>;
  /** Gives a station a new random password, of which the register gets a hash. Needs `passwordKey`. */
  changePassword(options: PasswordOptions): Promise<PasswordChange>;

  /** Every station that ever connected, by identity. */
  stations(filter?: StationFilter): Listing<Station>;
  /** Undefined for a station that never connected. */
  station(stationId: string): Promise<Station | undefined>;
  /** Refused handshakes of the last day, the newest first: 1000 at most, each the last of its identity and reason. */
  refusals(): Promise<readonly KeptRefusal[]>;
  /** The subprotocol of the station's connection; undefined while it is offline. */
  protocolOf(stationId: string): Promise<Protocol | undefined>;

  /** Open transactions, the longest running first. */
  openTransactions(filter?: TransactionFilter): Listing<Transaction>;
  /** Bills, the newest first: about the last 100 000. */
  bills(filter?: TransactionFilter): Listing<Bill>;
  /** An open transaction, or the bill of a closed one while its mark is kept (7 days by default). */
  transaction(stationId: string, transactionId: string): Promise<Transaction | Bill | undefined>;

  /**
   * Replaces the bill of a closed transaction by a correction that a person made. Rejects with `bad-entry` for one that is open, unknown or
   * impossible, and with `key-conflict` if another correction came first. Only while the mark of the transaction is kept.
   */
  correctBill(correction: BillCorrection): Promise<Bill>;

  /** Events of the network, the oldest first: about the last 10 000. */
  events(filter?: EventFilter): FollowedListing<NetworkEvent>;
  /** Other streams of the network, the oldest first. */
  meterValues(filter?: EventFilter): Listing<StreamEntry>;
  reports(filter?: EventFilter): Listing<StreamEntry>;
  settlements(filter?: EventFilter): Listing<StreamEntry>;

  readonly tokens: Tokens;
  readonly registrations: Registrations;
  readonly register: StationRegister;
  readonly deadLetters: DeadLetterList;
  readonly unreadable: UnreadableList;
  readonly recordings: Recordings;
  /** Who changed what through a door: about the last 100 000 entries. Each append is one entry; it never changes. */
  readonly audit: {
    append(fields: Readonly<Record<string, string>>): Promise<void>;
    /** The newest first. */
    list(): Listing<AuditEntry>;
  };
  /** Depth of the queue and what is open; a field is omitted where a transport does not have it. */
  figures(): Promise<Figures>;
  /** The processes of the cluster, and what each has; undefined where a transport has no processes. */
  processes(): Promise<ClusterProcesses | undefined>;
  /**
   * Reads of stored state; docs/stored-data.md of the repository names the keys. `amend` is for state that the program itself keeps
   * there: what handlers keep is theirs to change.
   */
  readonly state: Pick<
    StateStore,
    'record' | 'field' | 'fields' | 'members' | 'size' | 'memoryShare' | 'amend'
  >;
  /** Closes the connections. Calls that are still awaited reject with `call-abandoned`, and go on in the cluster. */
  close(): Promise<void>;
}

export interface TypedCommand<P extends Protocol, A extends string> extends Omit<Command, 'payload'> {
  readonly protocol: P;
  readonly action: A;
  readonly payload: RequestOf<P, A>;
}

export type TypedOutcome<Response> =
  | Exclude<CallOutcome, { readonly kind: 'answered' }>
  | {
      readonly kind: 'answered';
      readonly answer:
        | { readonly kind: 'result'; readonly payload: Response }
        | Extract<Answer, { readonly kind: 'error' }>;
    };

export interface PageRequest {
  /** `next` of the page before. Rejects with `bad-cursor` for any other text. */
  readonly after?: string;
  /** 1 to 1000; 100 by default. */
  readonly limit?: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Cursor of the next page; omitted at the end. With a filter a page may be empty and still have one. */
  readonly next?: string;
  /** Of a listing that is followed: entries after the cursor were dropped before this page, which begins with the oldest one. */
  readonly isGap?: true;
}

/** Read page by page, or with `for await` all of it. */
export interface Listing<T> extends AsyncIterable<T> {
  page(request?: PageRequest): Promise<Page<T>>;
}

/** A stream that grows: its pages always have `next`, from where reading can go on. */
export interface FollowedListing<T> extends Listing<T> {
  page(request?: PageRequest): Promise<FollowedPage<T>>;
  /** The page after `after`; if it would be empty, waits up to `waitMs` for a first entry. */
  wait(request: PageRequest, waitMs: number, signal?: AbortSignal): Promise<FollowedPage<T>>;
  /** Where new entries begin: a cursor for the other methods. */
  end(): Promise<string>;
  /**
   * Pages of the entries after `after` (omitted: new ones only) as they come, until `signal` aborts. One may be empty: at least every
   * second there is a page, so that the reader notices the signal. The reader sets the pace, and nothing is buffered for a
   * slow one. Rejects with `store-unavailable`; call it again with the last cursor.
   */
  follow(options: FollowOptions): AsyncIterable<FollowedPage<T>>;
}

export interface FollowOptions {
  readonly after?: string;
  readonly signal: AbortSignal;
}

export type FollowedPage<T> = Page<T> & { readonly next: string };

export interface StationFilter {
  readonly connected?: boolean;
  /** Beginning of the identity. */
  readonly prefix?: string;
  /** A status that one of its connectors has, such as `Faulted`. */
  readonly status?: string;
  /** A part of the identity, and the beginning of the vendor; case is ignored. */
  readonly contains?: string;
  readonly vendor?: string;
  /** Whether it has an open transaction. */
  readonly charging?: boolean;
}

export interface Station {
  readonly id: string;
  readonly connected: boolean;
  /** Of the connection, or of the last boot. */
  readonly protocol?: Protocol;
  readonly connection?: {
    readonly since: string;
    readonly remoteAddress: string;
    /** The ws-proxy that holds the socket. */
    readonly proxy: string;
  };
  /** When its last connection ended; omitted while it is connected. */
  readonly disconnectedAt?: string;
  readonly registration: Registration;
  /** The last BootNotification. */
  readonly boot?: {
    readonly at: string;
    readonly status: string;
    readonly vendor?: string;
    readonly model?: string;
    readonly serial?: string;
    readonly firmware?: string;
    readonly reason?: string;
  };
  readonly connectors: readonly Connector[];
  /** Number of its open transactions. */
  readonly openTransactions: number;
  /** Last status of firmware, diagnostics and logs, as the station reported it. */
  readonly reported: Readonly<
    Partial<Record<'firmware' | 'firmwarePublish' | 'diagnostics' | 'log', object>>
  >;
  /** The newest connector status that is a fault. */
  readonly lastFault?: Connector;
}

/** Last status of a connector; `connector` is 0 for the station itself (1.6). */
export interface Connector {
  readonly evse?: number;
  readonly connector: number;
  readonly status: string;
  /** As the station wrote it. */
  readonly at: string;
  readonly errorCode?: string;
}

export interface TransactionFilter {
  readonly station?: string;
  /** Case is ignored. */
  readonly token?: string;
}

/** An open transaction. */
export interface Transaction {
  readonly state: 'open';
  readonly station: string;
  readonly transaction: string;
  readonly protocol?: string;
  readonly connector?: number;
  readonly evse?: number;
  readonly token?: string;
  /** The decision about the token at the start. */
  readonly authorization?: string;
  /** As the station wrote it. */
  readonly startedAt?: string;
  readonly meterStart?: string;
  /** The newest reading of the register, and its time as the station wrote it. */
  readonly lastMeter?: string;
  readonly lastMeterAt?: string;
  /** lastMeter - meterStart, where both are known and comparable. */
  readonly energy?: string;
  readonly chargingState?: string;
  readonly remoteStartId?: number;
  readonly reservationId?: number;
  readonly notes?: readonly string[];
  /** When its last message was received, or up to ten minutes earlier. */
  readonly heardAt?: string;
}

/** An entry of the stream of bills. */
export interface Bill extends Omit<Transaction, 'state' | 'lastMeter' | 'lastMeterAt' | 'heardAt'> {
  readonly state: 'closed';
  readonly billId: string;
  readonly kind: 'final' | 'abandoned' | 'correction';
  /** The bill that this one replaces. */
  readonly supersedes?: string;
  readonly meterStop?: string;
  readonly stoppedAt?: string;
  readonly reason?: string;
  readonly gaps?: string;
  /** Of a correction that a person made. */
  readonly correctedBy?: string;
  readonly correctedBecause?: string;
  /** When it was stored. */
  readonly recordedAt: string;
}

/** What is right instead: the energy, or one or both registers, from which it is computed. Wh as decimals. */
export interface BillCorrection {
  readonly station: string;
  readonly transaction: string;
  /** The bill that it replaces. */
  readonly billId: string;
  readonly meterStart?: string;
  readonly meterStop?: string;
  readonly energy?: string;
  /** Who made it, and why; part of the entry. */
  readonly by: string;
  readonly because: string;
}

export interface EventFilter {
  readonly station?: string;
  readonly type?: string;
}

export interface AuditEntry {
  readonly id: string;
  readonly at: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** `id` is a cursor too: `after` in any listing of the same stream. */
export interface StreamEntry {
  readonly id: string;
  /** When it was stored. */
  readonly at: string;
  readonly station: string;
  readonly fields: Readonly<Record<string, string>>;
}

export interface NetworkEvent extends StreamEntry {
  readonly type: string;
}

/** Who may charge: csms/tokens.ts. */
export interface Tokens {
  list(): Listing<Token>;
  get(token: string): Promise<Token | undefined>;
  /** Rejects with `bad-entry` for an entry that handlers could not use. */
  set(token: Token): Promise<void>;
  /** @returns whether it was listed */
  remove(token: string): Promise<boolean>;
  /**
   * Erases the token from bills, marks of closed transactions and events: a part of them at a time. Call it again with `next` until
   * there is none. The entry of the list stays. Rejects with `token-charging` while a transaction of the token is open.
   */
  eraseHistory(token: string, after?: string): Promise<ErasedHistory>;
}

/** What one call has erased. */
export interface ErasedHistory {
  /** Bills and marks that have the token `ERASED` now. */
  readonly bills: number;
  readonly marks: number;
  /** Events that were removed, as they quoted a message with the token. */
  readonly events: number;
  /** More is left: `after` of the next call. */
  readonly next?: string;
}

export interface Token {
  /** In upper case. */
  readonly token: string;
  readonly status: TokenStatus;
  readonly expiry?: string;
  /** Parent in 1.6, group in 2.x. */
  readonly parent?: string;
  /** IdTokenType of 2.x, such as ISO14443. */
  readonly type?: string;
  /** Whether it may charge in two transactions at once; omitted: as the cluster says. */
  readonly concurrent?: ConcurrentTransactions;
  /** Limits of each transaction, which only stations of 2.1 get: energy in Wh, and time from start to end in s. */
  readonly maxEnergyWh?: number;
  readonly maxDurationSeconds?: number;
  /** Why handlers refuse the entry as it is stored; its status then counts as Invalid. */
  readonly problem?: string;
}

/** Stations that are not accepted. */
export interface Registrations {
  list(): Listing<{ readonly station: string; readonly status: Registration }>;
  /** `Accepted` removes the entry. */
  set(stationId: string, status: Registration): Promise<void>;
}

/** The register of stations: who may connect. Passwords are never returned in any form. */
export interface StationRegister {
  list(): Listing<RegisteredStation>;
  get(stationId: string): Promise<RegisteredStation | undefined>;
  /** Sets the given fields and leaves the others; null removes a field. Rejects with `bad-entry`. */
  set(stationId: string, changes: RegisterChanges): Promise<RegisteredStation>;
  /** @returns whether it was listed */
  remove(stationId: string): Promise<boolean>;
  /** Sets a new random password without OCPP, and returns it, once. Needs `passwordKey`. */
  newPassword(stationId: string): Promise<string>;
  /** Forgets the highest security profile that the station has used. */
  resetProfile(stationId: string): Promise<void>;
}

export interface RegisteredStation extends Omit<StationEntry, 'password' | 'nextPassword'> {
  readonly station: string;
  readonly hasPassword: boolean;
  /** A new password that the station has not used yet. */
  readonly hasNextPassword: boolean;
  /** Why the entry cannot be used. */
  readonly problem?: string;
}

export type RegisterChanges = {
  readonly [K in 'profile' | 'certificateSerial' | 'blocked' | 'vendor' | 'labels']?: StationEntry[K] | null;
};

export interface DeadLetterList {
  list(): Listing<DeadLetterView>;
  /** With `entry`. */
  get(id: string): Promise<DeadLetterView | undefined>;
  /** Rejects with `no-dead-letter`, `bad-envelope`. */
  replay(id: string): Promise<void>;
  /** Rejects with `no-dead-letter`. */
  drop(id: string): Promise<void>;
}

export interface DeadLetterView {
  readonly id: string;
  readonly at: string;
  readonly reason: string;
  readonly deliveries: number;
  /** What it holds; omitted where it cannot be read. */
  readonly station?: string;
  readonly protocol?: string;
  readonly action?: string;
  readonly messageId?: string;
  readonly receivedAt?: string;
  /** It is older than the keys that recognize repeated messages: a replay could take effect twice. */
  readonly mayRepeat: boolean;
  /** As it was in the queue; only of get(). */
  readonly entry?: string;
}

export interface UnreadableList {
  list(filter?: { readonly station?: string }): Listing<UnreadableView>;
  /** Rejects with `no-unreadable-text`. */
  drop(id: string): Promise<void>;
}

export interface UnreadableView {
  readonly id: string;
  readonly at: string;
  readonly station: string;
  readonly protocol: string;
  readonly reason: string;
  readonly text: string;
}

/** The flight recorder: frames of chosen stations, redacted. */
export interface Recordings {
  /** Those that run, the one that ends first first; 100 at most. */
  list(): Promise<readonly Recording[]>;
  /** Starts a recording, or makes a running one end later or sooner. Rejects with `too-many-recordings`. @param options minutes: 15 by default */
  start(stationId: string, options: { readonly minutes?: number; readonly by: string }): Promise<Recording>;
  /** Rejects with `no-recording`. Frames that are recorded stay. */
  end(stationId: string): Promise<void>;
  /** Frames of a station, the oldest first, as long as they are kept, whether it is still recorded or not. */
  frames(stationId: string): FollowedListing<RecordedFrame>;
}

export interface Recording {
  readonly station: string;
  readonly since: string;
  /** When it ends by itself. */
  readonly until: string;
  /** Who started it, or set its end. */
  readonly by: string;
}

/** `id` is a cursor too. */
export interface RecordedFrame extends RecordedEntry {
  readonly id: string;
}

export interface Figures {
  readonly stationsKnown?: number;
  readonly stationsConnected?: number;
  readonly openTransactions?: number;
  readonly queueDepth?: number;
  readonly queueOldestSeconds?: number;
  readonly deadLetters?: number;
  /** Messages that processors have claimed and not acknowledged. */
  readonly inFlight?: number;
  /** Commands to stations that have not ended. */
  readonly callsOpen?: number;
  /** Share of its `maxmemory` that Redis uses. */
  readonly storeMemoryShare?: number;
}
