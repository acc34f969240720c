/**
 * The stations of the network as rows: read once page by page, then kept up to date by events. A change is seen at most four times a
 * second, however many events there are.
 */
import { signal } from '@preact/signals';
import { ApiProblem, api, read, type Schemas } from '../api/client.ts';
import { listen, type NetworkEvent } from '../api/events.ts';

type Station = Schemas['Station'];

/** The worst that is true of a station. */
export type StationState = 'charging' | 'faulted' | 'available' | 'offline' | 'refused';

export interface Row {
  readonly id: string;
  readonly state: StationState;
  readonly isConnected: boolean;
  readonly vendor: string;
  readonly model: string;
  readonly protocol: string;
  /** Connector, such as `1` or `2.1` → its status. */
  readonly connectors: ReadonlyMap<string, string>;
  readonly transactions: number;
  readonly registration: Station['registration'];
  /** When it connected, or disconnected; ISO 8601. */
  readonly since: string;
  readonly proxy: string;
  /** Lower case, for the search. */
  readonly searched: string;
}

/** Rows that are read; a larger network is searched by the API. */
export const MOST_ROWS = 20_000;
const PAGE = 1000;
/** Between changes that are seen; ms. */
const SEEN_EVERY = 250;
/** Stations that are read again at once after an event that says too little. */
const REREAD = 20;

export interface StationList {
  readonly rows: readonly Row[];
  /** Whether all stations are in. */
  readonly state: 'reading' | 'complete' | 'first';
  readonly problem?: ApiProblem;
}

/** In the order of identities. */
export const stationList = signal<StationList>({ rows: [], state: 'reading' });

const rows = new Map<string, Row>();
const stale = new Set<string>();
/** Events that came while the list was read: they count after it. */
let early: NetworkEvent[] | undefined;
let seen = 0;
let order: readonly string[] = [];

/** Reads and follows until the signal aborts. */
export async function followStations(over: AbortSignal): Promise<void> {
  const end = listen({ onEvents: apply, onGap: () => void readAll(over) });
  over.addEventListener('abort', end, { once: true });
  await readAll(over);
}

let reading: Promise<void> | undefined;

function readAll(over: AbortSignal): Promise<void> {
  reading ??= readPages(over).finally(() => (reading = undefined));
  return reading;
}

async function readPages(over: AbortSignal): Promise<void> {
  early = [];
  const found = new Map<string, Row>();
  let state: StationList['state'] = 'complete';
  try {
    for (let after: string | undefined; ;) {
      const query = { limit: PAGE, ...(after !== undefined && { after }) };
      const page = await read(api.GET('/v1/stations', { params: { query }, signal: over }));
      for (const one of page.items) found.set(one.id, rowOf(one));
      // The first pages are seen while the others are read.
      if (rows.size < found.size) {
        for (const [id, row] of found) rows.set(id, row);
        show('reading');
      }
      after = page.next;
      if (after === undefined) break;
      if (found.size >= MOST_ROWS) {
        state = 'first';
        break;
      }
    }
  } catch (error) {
    if (over.aborted) return;
    const problem = error instanceof ApiProblem ? error : new ApiProblem(0, '', String(error));
    stationList.value = { ...stationList.value, problem };
    return;
  }
  rows.clear();
  for (const [id, row] of found) rows.set(id, row);
  const missed = early;
  early = undefined;
  if (missed !== undefined) apply(missed);
  show(state);
}

function show(state = stationList.peek().state): void {
  clearTimeout(seen);
  seen = 0;
  if (order.length !== rows.size) order = [...rows.keys()].sort((a, b) => (a < b ? -1 : 1));
  stationList.value = { rows: order.flatMap((id) => rows.get(id) ?? []), state };
}

function apply(events: readonly NetworkEvent[]): void {
  if (early !== undefined) {
    early.push(...events);
    if (early.length > MOST_ROWS) early.shift();
  }
  let hasChanged = false;
  for (const event of events) {
    if (event.station === '') continue;
    const row = rows.get(event.station);
    const next = row === undefined ? newRow(event) : changed(row, event);
    if (next === row || next === undefined) continue;
    if (row === undefined && rows.size >= MOST_ROWS) continue;
    rows.set(next.id, next);
    hasChanged = true;
    if (row === undefined || event.type === 'station-booted') stale.add(next.id);
  }
  if (hasChanged && seen === 0) seen = setTimeout(show, SEEN_EVERY);
  if (stale.size > 0) void reread();
}

let rereading = false;

/** Facts that no event has, such as the vendor of a station that booted. */
async function reread(): Promise<void> {
  if (rereading) return;
  rereading = true;
  try {
    while (stale.size > 0) {
      const ids = [...stale].slice(0, REREAD);
      for (const id of ids) stale.delete(id);
      await Promise.all(ids.map(rereadOne));
      if (seen === 0) seen = setTimeout(show, SEEN_EVERY);
    }
  } finally {
    rereading = false;
  }
}

async function rereadOne(station: string): Promise<void> {
  try {
    const found = await read(api.GET('/v1/stations/{station}', { params: { path: { station } } }));
    rows.set(station, rowOf(found));
  } catch (error) {
    // The next event of the station, or the next reading of the list, has the facts.
    if (!(error instanceof ApiProblem)) throw error;
  }
}

export function rowOf(station: Station): Row {
  const { id, connected, connection, disconnectedAt, boot, protocol = '', registration } = station;
  const connectors = new Map(
    station.connectors.map(({ evse, connector, status }) => [nameOf(evse, connector), status]),
  );
  return withState({
    id,
    isConnected: connected,
    vendor: boot?.vendor ?? '',
    model: boot?.model ?? '',
    protocol,
    connectors,
    transactions: chargingOf(connectors),
    registration,
    since: connection?.since ?? disconnectedAt ?? '',
    proxy: connection?.proxy ?? '',
    searched: [id, boot?.vendor, boot?.model, boot?.serial].join('\n').toLowerCase(),
  });
}

const nameOf = (evse: number | string | undefined, connector: number | string): string =>
  evse === undefined || evse === '' ? String(connector) : `${evse}.${connector}`;

/** How many connectors charge. */
const chargingOf = (connectors: Row['connectors']): number =>
  [...connectors.values()].filter((status) => status === 'Charging').length;

function withState(row: Omit<Row, 'state'>): Row {
  return { ...row, state: stateOf(row) };
}

function stateOf({ isConnected, transactions, connectors, registration }: Omit<Row, 'state'>): StationState {
  if (registration === 'Rejected') return 'refused';
  if (!isConnected) return 'offline';
  if ([...connectors.values()].includes('Faulted')) return 'faulted';
  return transactions > 0 ? 'charging' : 'available';
}

function newRow(event: NetworkEvent): Row | undefined {
  if (event.type !== 'station-connected' && event.type !== 'station-booted') return undefined;
  const { station: id, at, fields } = event;
  return withState({
    id,
    isConnected: true,
    vendor: '',
    model: '',
    protocol: fields['protocol'] ?? '',
    connectors: new Map(),
    transactions: 0,
    registration: 'Accepted',
    since: at,
    proxy: '',
    searched: id.toLowerCase(),
  });
}

/** @returns the same row where nothing changes */
export function changed(row: Row, { type, at, fields }: Pick<NetworkEvent, 'type' | 'at' | 'fields'>): Row {
  switch (type) {
    case 'station-connected':
      return withState({
        ...row,
        isConnected: true,
        since: at,
        protocol: fields['protocol'] ?? row.protocol,
      });
    case 'station-disconnected':
      return fields['reason'] === 'replaced'
        ? row
        : withState({ ...row, isConnected: false, since: at, proxy: '' });
    case 'connector-status': {
      const name = nameOf(fields['evse'], fields['connector'] ?? '');
      return withState({ ...row, connectors: new Map(row.connectors).set(name, fields['status'] ?? '') });
    }
    case 'transaction-started':
      return withState({ ...row, transactions: row.transactions + 1 });
    case 'transaction-stopped':
    case 'transaction-abandoned':
      return withState({ ...row, transactions: Math.max(0, row.transactions - 1) });
    case 'station-booted':
      return { ...row };
    default:
      return row;
  }
}
