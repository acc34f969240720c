/** Rows of the table of events: the live ones, then older ones; a row of its own says where events are missing. */
import type { components } from '../api/openapi.generated.ts';

type NetworkEvent = components['schemas']['NetworkEvent'];

export interface Filter {
  /** '' for all. */
  readonly type: string;
  readonly station: string;
}

export interface EventRow {
  readonly key: string;
  /** Undefined: events are missing here. */
  readonly event: NetworkEvent | undefined;
}

export interface Sources {
  /** The newest first, as are the older ones. */
  readonly live: readonly NetworkEvent[];
  readonly older: readonly NetworkEvent[];
  readonly filter: Filter;
  /** Ids of events before which others were lost. */
  readonly losses: ReadonlySet<string>;
}

export function rowsOf({ live, older, filter: { type, station }, losses }: Sources): readonly EventRow[] {
  const rows: EventRow[] = [];
  const known = new Set<string>();
  const isWanted = (event: NetworkEvent) =>
    (type === '' || event.type === type) && (station === '' || event.station === station);
  for (const event of [...live, ...older]) {
    if (known.has(event.id)) continue;
    known.add(event.id);
    if (isWanted(event)) rows.push({ key: event.id, event });
    // A loss concerns every filter: what is missing could be of any kind.
    if (losses.has(event.id)) rows.push({ key: `lost ${event.id}`, event: undefined });
  }
  return rows;
}
