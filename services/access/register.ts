/** The register of stations as stored state: entries, and the highest security profile that each station has used. */
import { TransportError } from '../transport/errors.ts';
import type { StateStore } from '../transport/stored-state.ts';
import type { Lookup } from './decide.ts';
import { readProfile, type SecurityProfile } from './security-profile.ts';
import {
  EntryError,
  readStationEntry,
  STATION_PROFILES,
  type StationEntry,
  STATIONS,
  writeStationEntry,
} from './station-entry.ts';
import { SourceError, type SourceRequest, type StationSource } from './station-source.ts';

export type RegisterState = Pick<StateStore, 'field' | 'fields' | 'amend'>;

/** To keep a profile that others change, too. */
const ATTEMPTS = 5;

export class Register implements StationSource {
  readonly #state: RegisterState;

  constructor(state: RegisterState) {
    this.#state = state;
  }

  async find({ presented: { identity } }: Pick<SourceRequest, 'presented'>): Promise<Lookup> {
    return lookupOf(await asSource(this.#state.field(STATIONS, identity)));
  }

  async findAll(identities: readonly string[]): Promise<readonly Lookup[]> {
    const found = (await asSource(this.#state.fields(STATIONS, identities))) ?? {};
    return identities.map((identity) =>
      lookupOf(Object.hasOwn(found, identity) ? found[identity] : undefined),
    );
  }

  store(identity: string, entry: StationEntry, text: string | undefined): Promise<boolean> {
    return this.#set(STATIONS, identity, writeStationEntry(entry), text);
  }

  /** Undefined for a station that has used none, or whose record is not a profile. */
  async keptProfile(identity: string): Promise<SecurityProfile | undefined> {
    return readProfile(await asSource(this.#state.field(STATION_PROFILES, identity)));
  }

  /** Keeps a higher profile than the one that was read; another process may keep one at the same time. */
  async keepProfile(
    identity: string,
    profile: SecurityProfile,
    kept: SecurityProfile | undefined,
  ): Promise<void> {
    let before = kept;
    for (let attempt = 0; attempt < ATTEMPTS && (before ?? 0) < profile; attempt++) {
      const text = before === undefined ? undefined : String(before);
      if (await this.#set(STATION_PROFILES, identity, String(profile), text)) return;
      before = await this.keptProfile(identity);
    }
  }

  #set(key: string, field: string, value: string, before: string | undefined): Promise<boolean> {
    return this.#state.amend({
      expected: { key, field, value: before },
      writes: [{ kind: 'set', key, fields: { [field]: value } }],
      events: [],
    });
  }
}

function lookupOf(text: string | undefined): Lookup {
  if (text === undefined) return { kind: 'unknown' };
  try {
    return { kind: 'entry', entry: readStationEntry(text), text };
  } catch (error) {
    if (error instanceof EntryError) return { kind: 'unusable', reason: error.message };
    throw error;
  }
}

async function asSource<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof TransportError)) throw error;
    throw new SourceError(`the register cannot be read: ${error.message}`, { cause: error });
  }
}
