/** Which stations there are, their connections, and which were refused: for programs that show them. */
import type { Protocol } from '../ocpp/frame.ts';
import type { KeptRefusal } from './watch/refused-handshakes.ts';

export interface SessionFacts {
  readonly proxyId: string;
  readonly protocol: Protocol;
  readonly remoteAddress: string;
  /** ISO 8601 */
  readonly connectedAt: string;
}

export interface DirectoryEntry {
  readonly stationId: string;
  /** Undefined while it is offline. */
  readonly session: SessionFacts | undefined;
  /** ISO 8601; of the last connection that ended, and only while the station is offline. */
  readonly disconnectedAt: string | undefined;
}

export interface StationDirectory {
  /** Identities of the stations that ever connected, in the order of their UTF-8 bytes, after one of them. At most a million are kept. */
  known(limit: number, after?: string, prefix?: string): Promise<readonly string[]>;
  knownCount(): Promise<number>;
  connectedCount(): Promise<number>;
  /** One for each identity, in their order. */
  entries(stationIds: readonly string[]): Promise<readonly DirectoryEntry[]>;
  /** Refused handshakes, the newest first. */
  refused(): Promise<readonly KeptRefusal[]>;
}

/** Most identities that are kept: a client that connects under many names must not fill the store. */
export const STATIONS_KNOWN = 1_000_000;
