/**
 * The CSMS side (processor): a Transport hands out deliveries and acknowledges each with its outcome in one atomic step. Its
 * counterparts are the Gateway of a ws-proxy (gateway.ts) and the ClientTransport of a station (client-transport.ts). Every
 * implementation (memory, Redis, WebSocket) runs the suite in test/conformance.
 *
 * The delivery contract, which no implementation may weaken:
 * - forward() resolves when the frame is stored; what is not stored is never acknowledged.
 * - a delivery without an acknowledged outcome is delivered again, to any processor, with a higher deliveryCount;
 * - response, writes, events and removal of a delivery take effect together or not at all;
 * - a response is written only to the connection that asked, and only while that CALL is open there;
 * - a frame of a connection that has lost its station's session has no effect at all.
 */
import type { Frame } from '../ocpp/frame.ts';
import type { MessageHandler } from './delivery.ts';
import type { SessionMetadata } from './gateway.ts';
import type { ReadLoad } from './load.ts';
import type { StationCalls } from './station-call.ts';
import type { StateStore } from './stored-state.ts';
import type { ReadStoreStatus } from './store-status.ts';

// Part of this interface, and of its export in the package.
export type { ClientTransport } from './client-transport.ts';
export type { Delivery, MessageHandler, Registration, RepairedText } from './delivery.ts';
export { REGISTRATION_STATUSES } from './delivery.ts';
export type {
  Gateway,
  GatewayConnection,
  GatewayEvents,
  IncomingFrame,
  OutgoingFrame,
  Revocation,
  SessionMetadata,
  StationSession,
  StationSessions,
  StationSink,
} from './gateway.ts';
export type { ReadLoad, TransportLoad } from './load.ts';
export type { LeaseRates, RateLease, RateName, RateRequest, RateRequests, RateShare } from './rates.ts';
export type { Answer, Outcome } from './outcome.ts';
export { BUSINESS_KEY_SECONDS } from './outcome.ts';
export type { CallOutcome, CallState, StationCall, StationCalls } from './station-call.ts';
export type {
  Amendment,
  DomainEvent,
  Member,
  StateReader,
  StateStore,
  StateWrite,
  StreamSize,
} from './stored-state.ts';
export type { UnreadableText } from './unreadable.ts';

export interface ConnectionEvent {
  readonly stationId: string;
  readonly epoch: number;
  /** Name of the process that holds the socket. */
  readonly proxyId: string;
  readonly remoteAddress: string;
  /** ms since 1970 */
  readonly at: number;
}

/** A delivery that this process failed, and processors of another release are to handle. */
export interface HandOver {
  /** Of this process. */
  readonly release: string;
  readonly reason: string;
}

export interface Transport extends AsyncDisposable {
  readonly calls: StationCalls;
  readonly state: StateStore;
  readonly load: ReadLoad;
  /** Omitted where there is no store that could refuse. */
  readonly store?: ReadStoreStatus;
  start(): Promise<void>;
  /** Whether all gateways are leaving, and so the last stations; omitted where gateways end with the transport. */
  isEnding?(): Promise<boolean>;
  /** Claims no more, completes what is in flight within `graceMs`, requeues the rest. */
  stop(graceMs?: number): Promise<void>;
  isRunning(): boolean;
  /** Sends an unsolicited frame to a connected station. Rejects with `station-offline` otherwise. */
  write(stationId: string, frame: Frame): Promise<void>;
  /** The same for all connected stations; resolves to the errors by station id. */
  writeToAll(frame: (stationId: string) => Frame): Promise<ReadonlyMap<string, Error>>;
  connectedClients(): Promise<string[]>;
  isClientConnected(stationId: string): Promise<boolean>;
  /** What the gateway stored with a connection; undefined if the station's session is of another connection by now, or has ended. */
  sessionMetadata(stationId: string, epoch: number): Promise<SessionMetadata | undefined>;
  /** One handler; set it before start(). A handler that throws leaves the delivery unacknowledged. */
  onMessage(handler: MessageHandler): void;
  onConnection(listener: (event: ConnectionEvent) => void): void;
  onDisconnection(listener: (event: ConnectionEvent) => void): void;
  /** Errors that concern no single call: lost connections, undecodable entries, failing handlers. */
  onError(listener: (error: Error) => void): void;
  /** Omitted where all processors are of one release. */
  onHandOver?(listener: (handOver: HandOver) => void): void;
}
