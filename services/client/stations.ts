/** Stations: the directory joined with what handlers stored of each. */
import { REGISTRATIONS, readRegistration } from '../csms/registrations.ts';
import { key } from '../csms/state.ts';
import { PROTOCOLS } from '../ocpp/frame.ts';
import type { DirectoryEntry, StationDirectory } from '../transport/station-directory.ts';
import { openOfStation, type StateReader } from '../transport/stored-state.ts';
import type { Connector, Listing, Station, StationFilter } from './cluster-client.ts';
import { listingOf, readCursor, writeCursor } from './listing.ts';

export interface StationSources {
  readonly directory: StationDirectory;
  readonly state: Pick<StateReader, 'record' | 'field' | 'fields' | 'size'>;
}

type Facts = Readonly<Record<string, string>>;

/** Statuses that mean a fault; 1.6 also reports an error code beside other statuses. */
const FAULTED = 'Faulted';

/** Field of a station's record → its name in `reported`. */
const REPORTED = {
  firmwareStatus: 'firmware',
  firmwarePublishStatus: 'firmwarePublish',
  diagnosticsStatus: 'diagnostics',
  logStatus: 'log',
} as const;

export function stationListing(sources: StationSources, filter: StationFilter = {}): Listing<Station> {
  const { directory } = sources;
  return listingOf<string, Station>({
    async read(after, limit) {
      const last = after === undefined ? undefined : readCursor(after);
      const entries = await directory.known(limit, last, filter.prefix);
      const end = entries.at(-1);
      return { entries, next: entries.length < limit || end === undefined ? undefined : writeCursor(end) };
    },
    cursorOf: writeCursor,
    async items(ids) {
      const part = filter.contains?.toLowerCase() ?? '';
      const found = await directory.entries(ids.filter((id) => id.toLowerCase().includes(part)));
      const isWanted = ({ session }: DirectoryEntry) =>
        filter.connected === undefined || (session !== undefined) === filter.connected;
      const stations = await stationsOf(sources, found.filter(isWanted));
      const kept = new Map(stations.filter((one) => isKept(one, filter)).map((one) => [one.id, one]));
      return ids.map((id) => kept.get(id));
    },
  });
}

/** Undefined for a station that never connected. */
export async function findStation(sources: StationSources, stationId: string): Promise<Station | undefined> {
  const [entry] = await sources.directory.entries([stationId]);
  if (entry === undefined) return undefined;
  const isKnown = entry.session !== undefined || entry.disconnectedAt !== undefined;
  if (!isKnown && (await sources.state.record(key.station(stationId))) === undefined) return undefined;
  return (await stationsOf(sources, [entry]))[0];
}

async function stationsOf(
  { state }: StationSources,
  entries: readonly DirectoryEntry[],
): Promise<readonly Station[]> {
  if (entries.length === 0) return [];
  const ids = entries.map(({ stationId }) => stationId);
  const [records, open, registrations = {}] = await Promise.all([
    Promise.all(ids.map((id) => state.record(key.station(id)))),
    Promise.all(ids.map((id) => state.size(openOfStation(id)))),
    state.fields(REGISTRATIONS, ids),
  ]);
  return entries.map((entry, place) => {
    const listed = Object.hasOwn(registrations, entry.stationId) ? registrations[entry.stationId] : undefined;
    return stationOf(entry, records[place] ?? {}, { listed, open: open[place] ?? 0 });
  });
}

function stationOf(
  { stationId, session, disconnectedAt }: DirectoryEntry,
  record: Facts,
  { listed, open }: { readonly listed: string | undefined; readonly open: number },
): Station {
  const connectors = connectorsOf(record);
  const protocol = session?.protocol ?? PROTOCOLS.find((known) => known === record['protocol']);
  const boot = bootOf(record);
  const lastFault = connectors
    .filter(({ status, errorCode }) => status === FAULTED || errorCode !== undefined)
    .toSorted((a, b) => (a.at < b.at ? 1 : -1))[0];
  return {
    id: stationId,
    connected: session !== undefined,
    ...(protocol !== undefined && { protocol }),
    ...(session !== undefined && {
      connection: {
        since: session.connectedAt,
        remoteAddress: session.remoteAddress,
        proxy: session.proxyId,
      },
    }),
    ...(disconnectedAt !== undefined && { disconnectedAt }),
    registration: readRegistration(listed),
    ...(boot !== undefined && { boot }),
    connectors,
    openTransactions: open,
    reported: reportedOf(record),
    ...(lastFault !== undefined && { lastFault }),
  };
}

function bootOf(record: Facts): Station['boot'] {
  const { bootedAt: at, boot: status = '', vendor, model, serial, firmware, bootReason: reason } = record;
  if (at === undefined) return undefined;
  return { at, status, ...known({ vendor, model, serial, firmware, reason }) };
}

function reportedOf(record: Facts): Station['reported'] {
  const found = Object.entries(REPORTED).map(([field, name]) => [name, objectIn(record[field])] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== undefined));
}

/** In the order of their numbers. */
function connectorsOf(record: Facts): readonly Connector[] {
  return Object.entries(record)
    .flatMap(([field, text]) => {
      const [, first, second] = /^status:(\d+)(?:\.(\d+))?$/.exec(field) ?? [];
      const facts = objectIn(text);
      if (first === undefined || facts === undefined) return [];
      const place =
        second === undefined
          ? { connector: Number(first) }
          : { evse: Number(first), connector: Number(second) };
      const { status, at, errorCode } = facts;
      const error = typeof errorCode === 'string' && { errorCode };
      return [{ ...place, status: textOf(status), at: textOf(at), ...error }];
    })
    .toSorted((a, b) => (a.evse ?? 0) - (b.evse ?? 0) || a.connector - b.connector);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** By what is stored of it. */
function isKept(station: Station, { status, vendor, charging }: StationFilter): boolean {
  const { connectors, boot, openTransactions } = station;
  if (status !== undefined && !connectors.some((one) => one.status === status)) return false;
  if (charging !== undefined && openTransactions > 0 !== charging) return false;
  return (boot?.vendor ?? '').toLowerCase().startsWith(vendor?.toLowerCase() ?? '');
}

function objectIn(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Without what is not known. */
export function known<T extends object>(facts: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
