/** Messages that no processor could handle, and texts that could not be understood: seen, replayed and dropped, one or several at once. */
import { useState } from 'preact/hooks';
import { refusalOf } from '../api/caller.ts';
import { ActionButton, Outcome } from '../parts/action.tsx';
import { Choices } from '../parts/choices.tsx';
import { FilterField } from '../parts/filter-field.tsx';
import { count, when } from '../parts/format.ts';
import { emptyText, ListFooter, ListStatus } from '../parts/list-footer.tsx';
import { usePages } from '../parts/paged-list.ts';
import { type Column, Table, TIME_WIDTH } from '../parts/table.tsx';
import { linkTo, type Place, setQuery } from '../shell/router.ts';
import { TEXTS } from '../texts.ts';
import { type Ask, BulkDialog } from './bulk.tsx';
import { type Entry, type Kind, pagesOf } from './entries.ts';
import { LetterPanel, UnreadablePanel } from './panels.tsx';

const WORDS = TEXTS.deadLetters;

export function DeadLettersPage({ place }: { readonly place: Place }) {
  const kind: Kind = place.query.get('list') === 'unreadable' ? 'unreadable' : 'letters';
  const station = place.query.get('station') ?? '';
  return (
    <div class="page fills">
      <h1>{TEXTS.pages['dead-letters']}</h1>
      <LetterList key={kind} kind={kind} station={station} />
    </div>
  );
}

interface Handlers {
  readonly open: (entry: Entry) => void;
  readonly chosen: ReadonlySet<string>;
  readonly choose: (id: string, isChosen: boolean) => void;
}

const keyOf = ({ id }: Entry): string => id;

const columnsOf = (kind: Kind, { open, chosen, choose }: Handlers): readonly Column<Entry>[] => [
  {
    name: 'at',
    title: WORDS.columns.at,
    width: TIME_WIDTH,
    render: (entry) => (
      <button type="button" class="link" onClick={() => open(entry)}>
        {when(entry.at)}
      </button>
    ),
  },
  {
    name: 'chosen',
    title: WORDS.columns.chosen,
    width: '5.5rem',
    render: ({ id }) => (
      <input
        type="checkbox"
        aria-label={WORDS.choose(id)}
        checked={chosen.has(id)}
        onChange={({ currentTarget }) => choose(id, currentTarget.checked)}
      />
    ),
  },
  {
    name: 'station',
    title: WORDS.columns.station,
    render: ({ station }) =>
      station === undefined ? TEXTS.unknown : <a href={linkTo(['stations', station])}>{station}</a>,
  },
  kind === 'letters'
    ? {
        name: 'action',
        title: WORDS.columns.action,
        isMinor: true,
        render: ({ letter }) => letter?.action ?? TEXTS.unknown,
      }
    : {
        name: 'text',
        title: WORDS.columns.text,
        isMinor: true,
        // A long text is cut by the table; the panel has all of it.
        render: ({ unreadable }) => <code>{unreadable?.text.slice(0, 200)}</code>,
      },
  {
    name: 'reason',
    title: WORDS.columns.reason,
    isMinor: true,
    render: ({ reason }) => reason.slice(0, 300),
  },
  ...(kind === 'letters'
    ? [
        {
          name: 'deliveries',
          title: WORDS.columns.deliveries,
          width: '7rem',
          isMinor: true,
          isNumber: true,
          render: ({ letter }: Entry) => count(letter?.deliveries),
        },
        {
          name: 'repeat',
          title: WORDS.columns.repeat,
          width: '8rem',
          isMinor: true,
          render: ({ letter }: Entry) =>
            letter?.mayRepeat === true && <span class="badge warn">{WORDS.mayRepeat}</span>,
        },
      ]
    : []),
];

function LetterList({ kind, station }: { readonly kind: Kind; readonly station: string }) {
  const [open, setOpen] = useState<Entry | undefined>(undefined);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [ask, setAsk] = useState<Ask | undefined>(undefined);
  const [outcome, setOutcome] = useState('');
  const isOfStation = (entry: Entry) => station === '' || entry.station === station;
  const list = usePages<Entry>({
    readPage: pagesOf(kind, station),
    keyOf,
    keys: [kind, kind === 'unreadable' ? station : ''],
    isWanted: isOfStation,
    filterKeys: [station],
  });
  const refusal = refusalOf('admin');
  const handlers: Handlers = {
    open: setOpen,
    chosen,
    choose: (id, isChosen) => {
      const next = new Set(chosen);
      if (isChosen) next.add(id);
      else next.delete(id);
      setChosen(next);
    },
  };
  const rows = list.rows.filter(({ id }) => chosen.has(id));
  const isAll = list.rows.length > 0 && rows.length === list.rows.length;
  const asked = (verb: Ask['verb'], entries: readonly Entry[]) =>
    setAsk({
      verb,
      kind,
      entries: entries.map(({ id, letter }) => ({ id, mayRepeat: letter?.mayRepeat === true })),
    });
  const nothing = rows.length === 0 ? WORDS.noneChosen : undefined;
  return (
    <>
      <div class="filters">
        <Choices
          label={WORDS.which}
          options={[
            ['letters', WORDS.letters],
            ['unreadable', WORDS.unreadable],
          ]}
          value={kind}
          onChange={(one) => setQuery({ list: one === 'unreadable' ? one : '', station })}
        />
        <FilterField
          label={WORDS.columns.station}
          value={station}
          onChange={(one) => setQuery({ list: kind === 'unreadable' ? kind : '', station: one })}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={isAll}
            disabled={list.rows.length === 0}
            onChange={() => setChosen(isAll ? new Set() : new Set(list.rows.map(({ id }) => id)))}
          />
          {WORDS.chooseAll(count(list.rows.length))}
        </label>
        {kind === 'letters' && (
          <ActionButton refusal={refusal ?? nothing} onClick={() => asked('replay', rows)}>
            {WORDS.replayMany(count(rows.length))}
          </ActionButton>
        )}
        <ActionButton refusal={refusal ?? nothing} kind="danger" onClick={() => asked('drop', rows)}>
          {WORDS.dropMany(count(rows.length))}
        </ActionButton>
        <button type="button" onClick={list.reload}>
          {TEXTS.readAgain}
        </button>
        <ListStatus list={list} />
      </div>
      {refusal !== undefined && <p class="quiet">{refusal}</p>}
      <Outcome text={outcome} />
      <div class="split">
        <Table
          label={WORDS[kind]}
          columns={columnsOf(kind, handlers)}
          rows={list.rows}
          keyOf={keyOf}
          empty={emptyText(list, kind === 'letters' ? WORDS.noLetters : WORDS.noUnreadable, station !== '')}
          footer={<ListFooter list={list} />}
        />
        {open?.letter !== undefined && (
          <LetterPanel
            key={open.id}
            letter={open.letter}
            onClose={() => setOpen(undefined)}
            onReplay={() => asked('replay', [open])}
            onDrop={() => asked('drop', [open])}
          />
        )}
        {open?.unreadable !== undefined && (
          <UnreadablePanel
            key={open.id}
            entry={open.unreadable}
            onClose={() => setOpen(undefined)}
            onDrop={() => asked('drop', [open])}
          />
        )}
      </div>
      {ask !== undefined && (
        <BulkDialog
          ask={ask}
          onClose={() => setAsk(undefined)}
          onEnd={(gone, text) => {
            list.change((items) => items.filter(({ id }) => !gone.has(id)));
            setChosen(new Set([...chosen].filter((id) => !gone.has(id))));
            if (open !== undefined && gone.has(open.id)) setOpen(undefined);
            setOutcome(text);
          }}
        />
      )}
    </>
  );
}
