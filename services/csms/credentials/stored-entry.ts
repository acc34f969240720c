/**
 * Changes of a station's entry in the register. Proxies, commands and the issuer of certificates change entries at the same time,
 * so each change applies only to the entry that was read, and is computed again otherwise.
 */
import {
  readStationEntry,
  type StationEntry,
  STATIONS,
  writeStationEntry,
} from '../../access/station-entry.ts';
import { TransportError } from '../../transport/errors.ts';
import type { StateStore } from '../../transport/stored-state.ts';

export type EntryStore = Pick<StateStore, 'field' | 'amend'>;

/** Changes that others make meanwhile; more of them mean an error. */
const ATTEMPTS = 20;

/**
 * Changes an entry.
 * @param change the new entry, or undefined to leave it; called again after a concurrent change
 * @returns the entry before the change
 * @throws EntryError for an entry that cannot be read
 */
export async function changeEntry(
  state: EntryStore,
  stationId: string,
  change: (entry: StationEntry | undefined) => StationEntry | undefined,
): Promise<StationEntry | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const value = await state.field(STATIONS, stationId);
    const entry = value === undefined ? undefined : readStationEntry(value);
    const next = change(entry);
    if (next === undefined) return entry;
    const applied = await state.amend({
      expected: { key: STATIONS, field: stationId, value },
      writes: [{ kind: 'set', key: STATIONS, fields: { [stationId]: writeStationEntry(next) } }],
      events: [],
    });
    if (applied) return entry;
  }
  const what = `the entry of station ${stationId} in the register changes all the time`;
  throw new TransportError('store-unavailable', `${what}; repeat the command`);
}

type Next = 'nextPassword' | 'nextCertificateSerial';

/** Replaces a next credential by another one, or removes it. Not if it is not `from`: another change is newer. */
export async function replaceNext(
  state: EntryStore,
  stationId: string,
  name: Next,
  from: string,
  to: string | undefined,
): Promise<void> {
  await changeEntry(state, stationId, (entry) => {
    if (entry?.[name] !== from) return undefined;
    const { [name]: _removed, ...others } = entry;
    return to === undefined ? others : { ...others, [name]: to };
  });
}
