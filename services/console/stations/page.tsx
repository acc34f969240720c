/** All stations: searched, filtered and sorted in the page. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { token } from '../api/token.ts';
import { count, when } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { linkTo, type Place, setQuery } from '../shell/router.ts';
import { TEXTS } from '../texts.ts';
import { Refusals, useRefusals } from './refusals.tsx';
import { followStations, MOST_ROWS, type Row, stationList, type StationState } from './rows.ts';

const WORDS = TEXTS.stations;
const STATES: readonly StationState[] = ['faulted', 'offline', 'charging', 'available', 'refused'];

const COLUMNS: readonly Column<Row>[] = [
  { name: 'id', title: WORDS.columns.id, render: ({ id }) => <a href={linkTo(['stations', id])}>{id}</a> },
  {
    name: 'state',
    title: WORDS.columns.state,
    width: '8.5rem',
    render: ({ state }) => <span class={`badge ${state}`}>{WORDS.states[state]}</span>,
  },
  { name: 'connectors', title: WORDS.columns.connectors, render: connectorsOf },
  {
    name: 'vendor',
    title: WORDS.columns.vendor,
    isMinor: true,
    render: ({ vendor, model }) => `${vendor} ${model}`.trim(),
  },
  {
    name: 'protocol',
    title: WORDS.columns.protocol,
    width: '6rem',
    isMinor: true,
    render: ({ protocol }) => protocol,
  },
  {
    name: 'since',
    title: WORDS.columns.since,
    width: '11rem',
    isMinor: true,
    render: ({ since }) => when(since),
  },
];

const SORTS: Readonly<Record<string, (row: Row) => string | number>> = {
  id: ({ id }) => id,
  state: ({ state }) => STATES.indexOf(state),
  vendor: ({ vendor, model }) => `${vendor} ${model}`.toLowerCase(),
  protocol: ({ protocol }) => protocol,
  since: ({ since }) => since,
};

export function StationsPage({ place }: { readonly place: Place }) {
  const access = token.value;
  useEffect(() => {
    const over = new AbortController();
    void followStations(over.signal);
    return () => over.abort();
  }, [access]);
  const [sort, setSort] = useState({ column: 'id', isDescending: false });
  const { rows, state, problem } = stationList.value;
  const search = place.query.get('search') ?? '';
  const wanted = STATES.find((one) => one === place.query.get('state'));
  const counts = useMemo(() => countsOf(rows), [rows]);
  const shown = useMemo(() => sorted(filtered(rows, search, wanted), sort), [rows, search, wanted, sort]);
  const refusals = useRefusals();
  const rejected = useMemo(() => rows.filter((row) => row.state === 'refused'), [rows]);
  const numberOf = (one: StationState) =>
    (counts.get(one) ?? 0) + (one === 'refused' ? (refusals.value.value?.items.length ?? 0) : 0);
  const filter = (change: { search?: string; state?: string }) =>
    setQuery({ search, state: wanted ?? '', ...change });
  return (
    <div class="page fills">
      <h1>{TEXTS.pages.stations}</h1>
      <div class="filters">
        <label>
          <span class="only-read">{WORDS.search}</span>
          <input
            type="search"
            placeholder={WORDS.search}
            value={search}
            onInput={(event) => filter({ search: event.currentTarget.value })}
          />
        </label>
        <div class="choices" role="group" aria-label={WORDS.columns.state}>
          <Choice
            label={WORDS.all}
            number={rows.length}
            isOn={wanted === undefined}
            onClick={() => filter({ state: '' })}
          />
          {STATES.map((one) => (
            <Choice
              key={one}
              label={WORDS.states[one]}
              number={numberOf(one)}
              isOn={wanted === one}
              onClick={() => filter({ state: wanted === one ? '' : one })}
            />
          ))}
        </div>
        {wanted !== 'refused' && (
          <p class="quiet" role="status">
            {WORDS.shown(count(shown.length), count(rows.length))}{' '}
            {state === 'first' && WORDS.first(count(MOST_ROWS))}
            {state === 'reading' && TEXTS.loading}
          </p>
        )}
      </div>
      <Problem of={problem} />
      {wanted === 'refused' ? (
        <Refusals found={refusals} rejected={rejected} search={search} />
      ) : (
        <Table
          label={TEXTS.pages.stations}
          columns={COLUMNS}
          rows={shown}
          keyOf={({ id }) => id}
          empty={state === 'reading' ? TEXTS.loading : rows.length === 0 ? WORDS.none : WORDS.noMatch}
          sort={sort}
          sortable={Object.keys(SORTS)}
          onSort={(column) => setSort({ column, isDescending: sort.column === column && !sort.isDescending })}
        />
      )}
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly number: number;
  readonly isOn: boolean;
  readonly onClick: () => void;
}

function Choice({ label, number, isOn, onClick }: ChoiceProps) {
  return (
    <button type="button" aria-pressed={isOn} onClick={onClick}>
      {label} <span class="quiet">{count(number)}</span>
    </button>
  );
}

function connectorsOf({ connectors }: Row) {
  return [...connectors].map(([name, status]) => (
    <span key={name} class="connector">
      <span class="quiet">{name}</span> {status}
    </span>
  ));
}

function countsOf(rows: readonly Row[]): ReadonlyMap<StationState, number> {
  const counts = new Map<StationState, number>();
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1);
  return counts;
}

function filtered(rows: readonly Row[], search: string, state: StationState | undefined): readonly Row[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  if (words.length === 0 && state === undefined) return rows;
  return rows.filter(
    (row) =>
      (state === undefined || row.state === state) && words.every((word) => row.searched.includes(word)),
  );
}

function sorted(
  rows: readonly Row[],
  { column, isDescending }: { readonly column: string; readonly isDescending: boolean },
): readonly Row[] {
  const by = SORTS[column];
  // They are in the order of identities.
  if (by === undefined || (column === 'id' && !isDescending)) return rows;
  const sign = isDescending ? -1 : 1;
  return rows.toSorted((a, b) => (by(a) < by(b) ? -sign : by(a) > by(b) ? sign : 0));
}
