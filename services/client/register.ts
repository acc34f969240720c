/** The register of stations: who may connect. Stored passwords never leave it, in any form. */
import { randomBytes } from 'node:crypto';
import { checkPasswordKey } from '../access/password-key.ts';
import {
  checkStationEntry,
  EntryError,
  readStationEntry,
  STATION_PROFILES,
  type StationEntry,
  STATIONS,
} from '../access/station-entry.ts';
import type { PasswordStore } from '../csms/credentials/password-change.ts';
import { changeEntry } from '../csms/credentials/stored-entry.ts';
import { isIdentity } from '../ocpp/identity.ts';
import { TransportError } from '../transport/errors.ts';
import type { RegisteredStation, StationRegister } from './cluster-client.ts';
import { type ListSources, recordListing } from './tokens.ts';

/** 40 characters of hexadecimal, the most of 1.6, which 2.x allows too. */
const PASSWORD_BYTES = 20;

/** @param passwords omitted: no password can be set */
export function createRegister(sources: ListSources, passwords: PasswordStore | undefined): StationRegister {
  const { state } = sources;
  const get = async (stationId: string) => {
    const text = await state.field(STATIONS, stationId);
    return text === undefined ? undefined : viewOf(stationId, text);
  };
  const change = async (stationId: string, next: (entry: StationEntry) => StationEntry) => {
    if (!isIdentity(stationId)) throw badEntry(stationId, 'it cannot be the identity of a station');
    try {
      await changeEntry(state, stationId, (entry = {}) => next(entry));
    } catch (error) {
      throw error instanceof EntryError ? badEntry(stationId, error.message) : error;
    }
  };
  const remove = async (record: string, stationId: string) => {
    const isListed = (await state.field(record, stationId)) !== undefined;
    if (isListed)
      await state.amend({ writes: [{ kind: 'unset', key: record, names: [stationId] }], events: [] });
    return isListed;
  };
  return {
    list: () => recordListing(sources, STATIONS, viewOf),
    get,
    async set(stationId, changes) {
      await change(stationId, (entry) => {
        const merged = Object.entries({ ...entry, ...changes }).filter(([, value]) => value !== null);
        return checkStationEntry(Object.fromEntries(merged));
      });
      return (await get(stationId)) ?? viewOf(stationId, '{}');
    },
    remove: (stationId) => remove(STATIONS, stationId),
    async newPassword(stationId) {
      if (passwords === undefined)
        throw badEntry(
          stationId,
          'no key of the stored passwords is set (passwordKey), so none can be stored',
        );
      await checkPasswordKey(state, passwords.hasher);
      const password = randomBytes(PASSWORD_BYTES).toString('hex').toUpperCase();
      const stored = passwords.hasher.hash(stationId, password);
      // A password that is on its way to the station must not count beside it.
      await change(stationId, (entry) => ({ ...withoutNext(entry), password: stored }));
      return password;
    },
    async resetProfile(stationId) {
      await remove(STATION_PROFILES, stationId);
    },
  };
}

function withoutNext(entry: StationEntry): StationEntry {
  const { nextPassword: _, ...others } = entry;
  return others;
}

function viewOf(station: string, text: string): RegisteredStation {
  try {
    const { password, nextPassword, ...entry } = readStationEntry(text);
    const has = { hasPassword: password !== undefined, hasNextPassword: nextPassword !== undefined };
    return { station, ...shown(entry), ...has };
  } catch (error) {
    if (!(error instanceof EntryError)) throw error;
    return { station, hasPassword: false, hasNextPassword: false, problem: error.message };
  }
}

/** A later version may keep other fields in the entry, which may be secret. */
function shown({
  profile,
  certificateSerial,
  nextCertificateSerial,
  blocked,
  vendor,
  labels,
}: StationEntry): Omit<StationEntry, 'password' | 'nextPassword'> {
  return {
    ...(profile !== undefined && { profile }),
    ...(certificateSerial !== undefined && { certificateSerial }),
    ...(nextCertificateSerial !== undefined && { nextCertificateSerial }),
    ...(blocked !== undefined && { blocked }),
    ...(vendor !== undefined && { vendor }),
    ...(labels !== undefined && { labels }),
  };
}

function badEntry(stationId: string, why: string): TransportError {
  return new TransportError('bad-entry', `station ${JSON.stringify(stationId)} in the register: ${why}`);
}
