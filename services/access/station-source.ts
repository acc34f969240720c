/** Where the entries of stations are: one interface; in the register, in files, or behind a webhook. */
import type { Lookup, Presented } from './decide.ts';
import type { SecurityProfile } from './security-profile.ts';
import type { StationEntry } from './station-entry.ts';

export interface SourceRequest {
  readonly presented: Presented;
  readonly profile: SecurityProfile;
  /** Of the station, or of its side of the network. */
  readonly address: string;
}

export interface StationSource {
  /** Rejects with SourceError when the source cannot say, and with BusyError when too many ask: that is no refusal of the station. */
  find(request: SourceRequest): Promise<Lookup>;
  /** Entries of connected stations, in their order. Omitted where entries cannot be asked for. */
  findAll?(identities: readonly string[]): Promise<readonly Lookup[]>;
  /** Stores an entry unless there is another one than `text` (undefined: none). @returns whether it was stored */
  store?(identity: string, entry: StationEntry, text: string | undefined): Promise<boolean>;
}

/** The source cannot be asked. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}
