/** Open transactions and bills: filtered, exported, and one of them in detail. */
import { energy, when } from '../parts/format.ts';
import { Choices } from '../parts/choices.tsx';
import { ExportCsv } from '../parts/export.tsx';
import { FilterField } from '../parts/filter-field.tsx';
import { emptyText, ListFooter, ListStatus } from '../parts/list-footer.tsx';
import { usePages } from '../parts/paged-list.ts';
import { type Column, Table } from '../parts/table.tsx';
import { linkTo, type Place, setQuery } from '../shell/router.ts';
import { TEXTS } from '../texts.ts';
import { TransactionDetail } from './detail.tsx';
import {
  CSV,
  type Filter,
  filterOf,
  isStale,
  isWanted,
  keyOf,
  KINDS,
  pagesOf,
  queryOf,
  type Transaction,
  useLive,
} from './list.ts';
import { Notes } from './notes.tsx';

const WORDS = TEXTS.transactions;

const START: readonly Column<Transaction>[] = [
  {
    name: 'transaction',
    title: WORDS.columns.transaction,
    render: ({ station, transaction }) => (
      <a href={linkTo(['transactions', station, transaction])}>{transaction}</a>
    ),
  },
  {
    name: 'station',
    title: WORDS.columns.station,
    render: ({ station }) => <a href={linkTo(['stations', station])}>{station}</a>,
  },
  { name: 'token', title: WORDS.columns.token, isMinor: true, render: ({ token }) => token ?? TEXTS.unknown },
  {
    name: 'started',
    title: WORDS.columns.started,
    width: '12rem',
    isMinor: true,
    render: ({ startedAt }) => when(startedAt),
  },
];

const ENERGY: Column<Transaction> = {
  name: 'energy',
  title: WORDS.columns.energy,
  width: '8.5rem',
  isNumber: true,
  render: (one) => energy(one.energy),
};

const NOTES: Column<Transaction> = {
  name: 'notes',
  title: WORDS.columns.notes,
  isMinor: true,
  render: (one) => <Notes of={one} />,
};

const COLUMNS: Readonly<Record<Filter['state'], readonly Column<Transaction>[]>> = {
  open: [
    ...START,
    ENERGY,
    {
      name: 'heard',
      title: WORDS.columns.heard,
      width: '12rem',
      isMinor: true,
      render: ({ heardAt }) => when(heardAt),
    },
    NOTES,
  ],
  closed: [
    ...START,
    {
      name: 'stopped',
      title: WORDS.columns.stopped,
      width: '12rem',
      isMinor: true,
      render: ({ stoppedAt }) => when(stoppedAt),
    },
    ENERGY,
    {
      name: 'kind',
      title: WORDS.columns.kind,
      width: '8rem',
      render: ({ kind }) => kind !== undefined && <span class="badge">{WORDS.kinds[kind]}</span>,
    },
    NOTES,
  ],
};

export function TransactionsPage({ place }: { readonly place: Place }) {
  const [, station, transaction] = place.parts;
  if (station !== undefined && transaction !== undefined)
    return (
      <TransactionDetail key={`${station}\n${transaction}`} station={station} transaction={transaction} />
    );
  return <TransactionList filter={filterOf(place.query)} />;
}

function TransactionList({ filter }: { readonly filter: Filter }) {
  const { state, station, token, id, kind } = filter;
  const readPage = pagesOf(filter);
  const wanted = isWanted(filter);
  const list = usePages<Transaction>({
    readPage,
    keyOf,
    keys: [state, station, token],
    isWanted: wanted,
    filterKeys: [id, kind, filter.isDoubtful],
  });
  useLive(list, filter);
  const set = (change: Partial<Filter>) => setQuery(queryOf({ ...filter, ...change }));
  const isFiltered = [station, token, id, kind].some((one) => one !== '') || filter.isDoubtful;
  return (
    <div class="page fills">
      <h1>{TEXTS.pages.transactions}</h1>
      <div class="filters">
        <Choices
          label={WORDS.state}
          options={[
            ['open', WORDS.open],
            ['closed', WORDS.closed],
          ]}
          value={state}
          onChange={(one) => set({ state: one })}
        />
        <FilterField
          label={WORDS.filters.station}
          value={station}
          onChange={(one) => set({ station: one })}
        />
        <FilterField label={WORDS.filters.token} value={token} onChange={(one) => set({ token: one })} />
        <FilterField label={WORDS.filters.id} value={id} onChange={(one) => set({ id: one })} />
        {state === 'closed' && (
          <label>
            <span class="only-read">{WORDS.columns.kind}</span>
            <select value={kind} onChange={({ currentTarget }) => set({ kind: currentTarget.value })}>
              <option value="">{WORDS.allKinds}</option>
              {KINDS.map((one) => (
                <option key={one} value={one}>
                  {WORDS.kinds[one]}
                </option>
              ))}
            </select>
          </label>
        )}
        <label class="check">
          <input
            type="checkbox"
            checked={filter.isDoubtful}
            onChange={({ currentTarget }) => set({ isDoubtful: currentTarget.checked })}
          />
          {WORDS.doubtful}
        </label>
        <ExportCsv name={`transactions-${state}`} columns={CSV} readPage={readPage} isWanted={wanted} />
        <ListStatus list={list} />
      </div>
      {isStale.value && (
        <p class="notice">
          {WORDS.stale}{' '}
          <button
            type="button"
            onClick={() => {
              isStale.value = false;
              list.reload();
            }}
          >
            {TEXTS.readAgain}
          </button>
        </p>
      )}
      <Table
        label={TEXTS.pages.transactions}
        columns={COLUMNS[state]}
        rows={list.rows}
        keyOf={keyOf}
        empty={emptyText(list, state === 'open' ? WORDS.noneOpen : WORDS.noneClosed, isFiltered)}
        footer={<ListFooter list={list} />}
      />
    </div>
  );
}
