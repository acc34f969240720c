/**
 * What joins stations to the programs that answer them, in domain words.
 *
 * A **Gateway** holds the sockets of many stations (ws-proxy). A **Transport** is the CSMS side
 * (processor): it hands out deliveries and completes each with its outcome in one atomic step.
 * A **ClientTransport** is one station. Every implementation (memory, Redis, WebSocket) runs the
 * suite in test/conformance.
 *
 * The delivery contract, which no implementation may weaken:
 * - forward() resolves when the frame is stored; what is not stored is never acknowledged.
 * - a delivery whose outcome was not completed comes again, to any processor, with a higher
 *   deliveryCount;
 * - answer, writes, events and removal of a delivery take effect together or not at all;
 * - an answer is written only to the connection that asked, and only while that CALL is open there;
 * - a frame of a connection that is no longer the station's session has no effect at all.
 */
import type { Frame, Protocol } from '../ocpp/frame.ts';
import type { Outcome } from './outcome.ts';
import type { Amendment, DomainEvent, StateReader } from './stored-state.ts';
import type { CallOutcome, CallState, StationCall } from './station-call.ts';
import type { UnreadableText } from './unreadable.ts';

// Part of this interface, and of its export in the package.
export type { Amendment, DomainEvent, Member, StateReader, StateWrite } from './stored-state.ts';
export type { Answer, Outcome } from './outcome.ts';
export { BUSINESS_KEY_SECONDS } from './outcome.ts';
export type { UnreadableText } from './unreadable.ts';

/** One frame of one station, handed to a processor. */
export interface Delivery {
  readonly stationId: string;
  /** Epoch of the connection that sent it: a number that rises with every connect of any station. */
  readonly epoch: number;
  readonly protocol: Protocol;
  readonly frame: Frame;
  /** When the proxy read it, in ms since 1970. */
  readonly receivedAt: number;
  /** 1 for the first time; more when a processor died with it in hand. */
  readonly deliveryCount: number;
  /** What the last BootNotification on this connection was answered; left out before one, and where it is not known. */
  readonly registration?: Registration;
  /** What the proxy repaired so that the text could be read; left out for a text that was valid JSON. */
  readonly repaired?: RepairedText;
}

/** The registration status of a station (RegistrationStatus of 1.6, RegistrationStatusEnumType of 2.x). */
export const REGISTRATION_STATUSES = ['Accepted', 'Pending', 'Rejected'] as const;
export type Registration = (typeof REGISTRATION_STATUSES)[number];

/** A text of a station that was not valid JSON, or not a frame, and was repaired. */
export interface RepairedText {
  /** The station's own text, cut at `RAW_TEXT_KEPT` characters. */
  readonly raw: string;
  /** Kinds of repair, such as `control-characters`. */
  readonly kinds: readonly string[];
}

export type MessageHandler = (delivery: Delivery) => Promise<Outcome>;

export interface ConnectionEvent {
  readonly stationId: string;
  readonly epoch: number;
  /** Name of the process that holds the socket. */
  readonly proxyId: string;
  readonly remoteAddress: string;
  /** ms since 1970 */
  readonly at: number;
}

/** The CSMS side. */
export interface Transport extends AsyncDisposable {
  readonly state: StateReader;
  start(): Promise<void>;
  /** Takes no more, completes what is in hand within `graceMs`, hands back the rest. */
  stop(graceMs?: number): Promise<void>;
  isRunning(): boolean;
  /** Sends a frame nobody asked for to a connected station. Rejects with `station-offline` otherwise. */
  write(stationId: string, frame: Frame): Promise<void>;
  /** The same for all connected stations; resolves to the errors by station id. */
  writeToAll(frame: (stationId: string) => Frame): Promise<ReadonlyMap<string, Error>>;
  /**
   * Calls a station, wherever it is connected, and resolves to how that ended: within `ttlMs` + `timeoutMs`, give
   * or take a second. Rejects only when nothing is known to have been done (`bad-call`, `key-conflict`, `too-many-calls`),
   * or when this process cannot learn of the outcome (`store-unavailable`, `call-abandoned` by stop()): then the same
   * idempotency key may be asked for again, here or in another process, and nothing is sent twice.
   */
  call(call: StationCall): Promise<CallOutcome>;
  /** How it stands with a call; undefined when no such call is known (any more: an hour after its end). */
  callState(stationId: string, idempotencyKey: string): Promise<CallState | undefined>;
  /** Ends a call as not sent if it waits still. Resolves to how it stands with it then. */
  cancelCall(stationId: string, idempotencyKey: string): Promise<CallState | undefined>;
  connectedClients(): Promise<string[]>;
  isClientConnected(stationId: string): Promise<boolean>;
  /** The subprotocol of the station's connection; undefined when it is not connected. */
  connectedProtocol(stationId: string): Promise<Protocol | undefined>;
  /** One handler; set it before start(). A handler that throws leaves the delivery unfinished. */
  onMessage(handler: MessageHandler): void;
  onConnection(listener: (event: ConnectionEvent) => void): void;
  onDisconnection(listener: (event: ConnectionEvent) => void): void;
  /** Trouble that concerns no single call: lost connections, undecodable entries, failing handlers. */
  onError(listener: (error: Error) => void): void;
  /** Applies an amendment, or nothing of it. @returns whether it was applied */
  amend(amendment: Amendment): Promise<boolean>;
  /** A snapshot for metrics and autoscaling. */
  load(): Promise<TransportLoad>;
}

export interface TransportLoad {
  /** Frames stored and not yet taken by any processor: one global figure. */
  readonly depth: number;
  /** Age of the oldest of them in seconds; 0 when there is none. */
  readonly oldestSeconds: number;
  /** Deliveries taken by all living processors and not yet finished: one global figure. */
  readonly inFlight: number;
  /** Messages that were given up and wait for a person; left out where none are kept. */
  readonly deadLetters?: number;
  /** Calls to stations that wait or were sent and have not ended: one global figure. */
  readonly openCalls?: number;
  /** Share of the memory that the store may use; left out where it has no limit. */
  readonly memoryShare?: number;
}

/** A station that connects to a Gateway. */
export interface StationSession {
  readonly stationId: string;
  readonly protocol: Protocol;
  readonly remoteAddress: string;
  /** Further facts for operators, stored with the session. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What the gateway calls back about one connection. None of these may throw. */
export interface StationSink {
  /**
   * A frame for the station: an answer to its CALL, or a CALL of the CSMS. The sink writes an
   * answer only if that CALL is the one open on this socket, and drops it otherwise.
   * @returns false when it is certain that the frame was not and will not be written
   */
  deliver(frame: OutgoingFrame): boolean;
  /** The connection is not its station's session any more: close the socket. */
  revoked(why: Revocation, reason: string): void;
}

/** Another connection of the station has the session now; or the session was lost with a lease, or with data of the store. */
export type Revocation = 'replaced' | 'lost';

/** A frame on its way to a station: the OCPP-J text and what the proxy must know of it. */
export interface OutgoingFrame {
  readonly type: number;
  readonly messageId: string;
  readonly text: string;
  /** Of a CALL: how long the station may take to answer; ms. The link's own time-out where left out. */
  readonly timeoutMs?: number;
}

/** A frame of a station that was proved to be exactly one JSON array (see ocpp/frame). */
export interface IncomingFrame {
  readonly frame: Frame;
  /** The text as the station sent it: it is spliced into the envelope, never stringified again. */
  readonly text: string;
  /** ms since 1970 */
  readonly receivedAt: number;
  /** Number of a CALL on its connection, from 1; of a SEND among the SENDs, from 1; 0 for answers. */
  readonly sequence: number;
  /** See Delivery. */
  readonly registration?: Registration;
  readonly repaired?: RepairedText;
}

/** One open connection of a station on a gateway. */
export interface GatewayConnection {
  /** The connection's epoch. */
  readonly epoch: number;
  /** Resolves when the frame is stored. Frames of one connection are stored in the order of the calls. */
  forward(frame: IncomingFrame): Promise<void>;
  /** Ends the session if it is still this connection's. Safe to call twice. */
  close(): Promise<void>;
}

/** The proxy side: the sockets of many stations. */
export interface Gateway extends AsyncDisposable {
  /** Name of this process in the sessions that it holds (`ws_server_id`). */
  readonly id: string;
  start(): Promise<void>;
  /** Call after the last connection was closed; what is still open is ended. */
  stop(): Promise<void>;
  /** Whether frames can be stored now: false while the store is out of reach. */
  isHealthy(): boolean;
  /** Whether the store is nearly full: no further stations then, so that those that are here can go on. */
  isFull(): boolean;
  /** Takes the station's session, from whoever holds it. */
  open(session: StationSession, sink: StationSink): Promise<GatewayConnection>;
  /** Appends an event that belongs to no delivery. What cannot be stored now is lost. */
  emit(event: DomainEvent): void;
  /** Keeps a text that could not be understood, within its station's quota. What cannot be stored now is lost. */
  keepUnreadable(text: UnreadableText): void;
  onError(listener: (error: Error) => void): void;
  load(): Promise<TransportLoad>;
}

/** One station. */
export interface ClientTransport extends AsyncDisposable {
  start(): Promise<void>;
  stop(): Promise<void>;
  isConnected(): boolean;
  /** Sends OCPP-J text. Rejects with `not-connected` when there is no connection. */
  write(text: string): Promise<void>;
  onMessage(listener: (text: string) => void): void;
  onDisconnection(listener: (reason: string) => void): void;
  onReconnection(listener: () => void): void;
  onError(listener: (error: Error) => void): void;
}
