/**
 * The proxy side: a Gateway holds the sessions of many stations, stores their frames, and delivers frames to their sockets.
 * It is in two ports, so that a decorator implements one of them: `StationSessions`, and `events` for what belongs to
 * no delivery.
 */
import type { Frame, Protocol } from '../ocpp/frame.ts';
import type { Registration, RepairedText } from './delivery.ts';
import type { ReadLoad } from './load.ts';
import type { RecordedEntry } from './recorder/recorded-frames.ts';
import type { GatewayRollouts } from './rollout.ts';
import type { LeaseRates } from './rates.ts';
import type { ReadStoreStatus } from './store-status.ts';
import type { DomainEvent, StateStore } from './stored-state.ts';
import type { NotedRefusal } from './watch/refused-handshakes.ts';
import type { UnreadableText } from './unreadable.ts';

/** A station that connects to a Gateway. */
export interface StationSession {
  readonly stationId: string;
  readonly protocol: Protocol;
  readonly remoteAddress: string;
  /** Further facts, stored with the session. */
  readonly metadata?: SessionMetadata;
}

export type SessionMetadata = Readonly<Record<string, string>>;

/** Of SessionMetadata: 'true' where the station has proved who it is. */
export const PROVEN = 'proven';

/** What the gateway calls on one connection. None of these may throw. */
export interface StationSink {
  /**
   * A frame for the station: a response to its CALL, or a CALL of the CSMS. The sink writes a response only if that
   * CALL is open on this socket, and drops it otherwise.
   * @returns false when it is certain that the frame was not and will not be written
   */
  deliver(frame: OutgoingFrame): boolean;
  /** The connection has lost its station's session: close the socket. */
  revoked(why: Revocation, reason: string): void;
}

/** `replaced`: another connection of the station has the session. `lost`: a lease expired, or the store lost data. */
export type Revocation = 'replaced' | 'lost';

/** A frame for a station: the OCPP-J text, and what the proxy must know about it. */
export interface OutgoingFrame {
  readonly type: number;
  readonly messageId: string;
  readonly text: string;
  /** Of a CALL: how long the station may take to respond; ms. Default: the time-out of the link. */
  readonly timeoutMs?: number;
}

/** A frame of a station that is proved to be exactly one JSON array (see ocpp/frame). */
export interface IncomingFrame {
  readonly frame: Frame;
  /** The text as the station sent it: it is spliced into the envelope, never stringified again. */
  readonly text: string;
  /** ms since 1970 */
  readonly receivedAt: number;
  /** Number of a CALL on its connection, from 1; of a SEND among the SENDs, from 1; 0 for responses. */
  readonly sequence: number;
  /** How long it may wait for others before it is stored, as no driver and no caller waits for what follows; ms. Omitted: 0. */
  readonly deferredMs?: number;
  /** See Delivery. */
  readonly registration?: Registration;
  readonly repaired?: RepairedText;
  /** Of a CALL that is traced: W3C Trace Context. */
  readonly traceparent?: string;
}

/** One open connection of a station on a gateway. */
export interface GatewayConnection {
  /** The session epoch of the connection. */
  readonly epoch: number;
  /** Resolves when the frame is stored. Frames of one connection are stored in the order of the calls. */
  forward(frame: IncomingFrame): Promise<void>;
  /** Ends the session if this connection still has it. Safe to call twice. */
  close(): Promise<void>;
}

export interface StationSessions {
  /** Opens a session of the station, and takes it over from an older connection. */
  open(session: StationSession, sink: StationSink): Promise<GatewayConnection>;
}

/** What belongs to no delivery. It is lost if the store is unavailable at that moment. */
export interface GatewayEvents {
  emit(event: DomainEvent): void;
  /** Keeps a text that could not be understood, within the quota of its station. */
  keepUnreadable(text: UnreadableText): void;
  /** Keeps the last refused handshakes, for people who look for a station. */
  noteRefused(refusals: readonly NotedRefusal[]): void;
  /** Appends to the stream of recorded frames, in this order. Rejects if they may be lost; nothing is retried. */
  recordFrames(entries: readonly RecordedEntry[]): Promise<void>;
}

export interface Gateway extends StationSessions, AsyncDisposable {
  /** Proxy id of this process, stored in its sessions (`ws_server_id`). */
  readonly id: string;
  readonly events: GatewayEvents;
  /** Of the register of stations: a proxy reads no other state. */
  readonly state: StateStore;
  readonly load: ReadLoad;
  readonly rollouts: GatewayRollouts;
  /** This process's shares of the rates of the cluster; stop() releases them. */
  readonly leaseRates: LeaseRates;
  /** Omitted where there is no store that could refuse. */
  readonly store?: ReadStoreStatus;
  start(): Promise<void>;
  /** This process drains before it stops: others may have to wait for its stations. Omitted where no one waits. */
  leave?(): void;
  /** Call it after the last connection was closed; it ends those that are still open. */
  stop(): Promise<void>;
  /** Whether frames can be stored now: false while the store is unavailable. */
  isHealthy(): boolean;
  /** Whether the store is nearly full: refuse further stations, so that connected ones keep working. */
  isFull(): boolean;
  /**
   * Sends a message to the processors and back, as a station's CALL without a station (self-test.ts). Rejects with what is wrong
   * when there is no answer.
   */
  selfTest(timeoutMs: number): Promise<void>;
  onError(listener: (error: Error) => void): void;
}
