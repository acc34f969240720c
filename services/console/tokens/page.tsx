/** Tokens: found, added, changed, deleted, imported and exported. The address names none of them, as it stays in the history of the browser. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { refusalOf } from '../api/caller.ts';
import { ActionButton, Outcome } from '../parts/action.tsx';
import { ExportCsv } from '../parts/export.tsx';
import { FilterField } from '../parts/filter-field.tsx';
import { when } from '../parts/format.ts';
import { emptyText, ListFooter, ListStatus } from '../parts/list-footer.tsx';
import { usePages } from '../parts/paged-list.ts';
import { type Column, Table } from '../parts/table.tsx';
import { TEXTS } from '../texts.ts';
import { ImportDialog } from './import.tsx';
import { TokenPanel } from './panel.tsx';
import { CSV, findToken, pagesOfTokens, STATUSES, type Token } from './tokens.ts';

const WORDS = TEXTS.tokens;

const keyOf = ({ token }: Token): string => token;

const columnsWith = (open: (token: Token) => void): readonly Column<Token>[] => [
  {
    name: 'token',
    title: WORDS.columns.token,
    render: (one) => (
      <button type="button" class="link" onClick={() => open(one)}>
        {one.token}
      </button>
    ),
  },
  {
    name: 'status',
    title: WORDS.columns.status,
    width: '11rem',
    render: ({ status, problem }) => (
      <span class={`badge ${problem !== undefined ? 'bad' : status === 'Accepted' ? 'good' : 'warn'}`}>
        {problem === undefined ? status : WORDS.unusable}
      </span>
    ),
  },
  {
    name: 'expiry',
    title: WORDS.columns.expiry,
    width: '12rem',
    isMinor: true,
    render: ({ expiry }) => when(expiry),
  },
  {
    name: 'parent',
    title: WORDS.columns.parent,
    isMinor: true,
    render: ({ parent }) => parent ?? TEXTS.unknown,
  },
  {
    name: 'type',
    title: WORDS.columns.type,
    width: '8rem',
    isMinor: true,
    render: ({ type }) => type ?? TEXTS.unknown,
  },
  { name: 'limits', title: WORDS.columns.limits, isMinor: true, render: limitsOf },
];

function limitsOf({ maxEnergyWh, maxDurationSeconds, concurrent }: Token): string {
  const limits = [
    maxEnergyWh !== undefined && `${maxEnergyWh} Wh`,
    maxDurationSeconds !== undefined && `${maxDurationSeconds} s`,
    concurrent !== undefined && WORDS.concurrent[concurrent],
  ].filter((one) => one !== false);
  return limits.length === 0 ? TEXTS.unknown : limits.join(', ');
}

export function TokensPage() {
  const [search, setSearch] = useState('');
  const [status, setStatus] = useState('');
  const [open, setOpen] = useState<Token | 'new' | undefined>(undefined);
  const [isImporting, setImporting] = useState(false);
  const [outcome, setOutcome] = useState('');
  const words = search.toLowerCase();
  const isWanted = (one: Token) =>
    (status === '' || one.status === status) &&
    [one.token, one.parent, one.type].some((text) => text?.toLowerCase().includes(words) === true);
  const list = usePages<Token>({
    readPage: pagesOfTokens,
    keyOf,
    keys: [],
    isWanted,
    filterKeys: [words, status],
  });
  // The API has no order; what is read later takes its place.
  const rows = useMemo(() => list.rows.toSorted((a, b) => (a.token < b.token ? -1 : 1)), [list.rows]);
  useLookUp(search, (found) => list.change((items) => withToken(items, found)));
  const refusal = refusalOf('admin');
  const columns = columnsWith((one) => {
    setOutcome('');
    setOpen(one);
  });
  return (
    <div class="page fills">
      <h1>{TEXTS.pages.tokens}</h1>
      <div class="filters">
        <FilterField label={WORDS.search} value={search} onChange={setSearch} isWide />
        <label>
          <span class="only-read">{WORDS.columns.status}</span>
          <select value={status} onChange={({ currentTarget }) => setStatus(currentTarget.value)}>
            <option value="">{WORDS.allStatuses}</option>
            {STATUSES.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <ActionButton refusal={refusal} kind="primary" onClick={() => setOpen('new')}>
          {WORDS.add}
        </ActionButton>
        <ActionButton refusal={refusal} onClick={() => setImporting(true)}>
          {WORDS.import.button}
        </ActionButton>
        <ExportCsv name="tokens" columns={CSV} readPage={pagesOfTokens} isWanted={isWanted} />
        <ListStatus list={list} />
      </div>
      {refusal !== undefined && <p class="quiet">{refusal}</p>}
      <Outcome text={outcome} />
      <div class="split">
        <Table
          label={TEXTS.pages.tokens}
          columns={columns}
          rows={rows}
          keyOf={keyOf}
          empty={emptyText(list, WORDS.none, search !== '' || status !== '')}
          footer={<ListFooter list={list} />}
        />
        {open !== undefined && (
          <TokenPanel
            key={open === 'new' ? '' : open.token}
            token={open === 'new' ? undefined : open}
            onClose={() => setOpen(undefined)}
            onChanged={(token, now, text) => {
              list.change((items) =>
                now === undefined ? items.filter((one) => one.token !== token) : withToken(items, now),
              );
              setOutcome(text);
              setOpen(now);
            }}
          />
        )}
      </div>
      {isImporting && (
        <ImportDialog
          onClose={() => setImporting(false)}
          onImported={(text) => {
            setOutcome(text);
            list.reload();
          }}
        />
      )}
    </div>
  );
}

/** In place of what was read of it. */
function withToken(items: readonly Token[], token: Token): readonly Token[] {
  const isThere = items.some((one) => one.token === token.token);
  return isThere ? items.map((one) => (one.token === token.token ? token : one)) : [token, ...items];
}

/** A text that is a whole token is found at once, on whichever page it is. */
function useLookUp(search: string, onFound: (token: Token) => void): void {
  useEffect(() => {
    if (search === '') return undefined;
    const over = new AbortController();
    findToken(search, over.signal)
      .then((found) => {
        if (found !== undefined && !over.signal.aborted) onFound(found);
      })
      // The list itself says what is wrong.
      .catch(() => undefined);
    return () => over.abort();
  }, [search]);
}
