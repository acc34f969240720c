/** Events as they come, and older ones page by page. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { afterLoss, type NetworkEvent, recentEvents } from '../api/events.ts';
import { Facts } from '../parts/facts.tsx';
import { FilterField } from '../parts/filter-field.tsx';
import { count, when } from '../parts/format.ts';
import { JsonView } from '../parts/json-view.tsx';
import { Panel } from '../parts/panel.tsx';
import { Problem } from '../parts/problem.tsx';
import { type Column, Table, TIME_WIDTH } from '../parts/table.tsx';
import { linkTo, type Place, setQuery } from '../shell/router.ts';
import { TEXTS } from '../texts.ts';
import { type EventRow, rowsOf, type Filter } from './rows.ts';
import { useOlder } from './use-older.ts';

const WORDS = TEXTS.events;

/** Between changes that are seen; ms. */
const SEEN_EVERY = 250;

const columnsWith = (open: (event: NetworkEvent) => void): readonly Column<EventRow>[] => [
  {
    name: 'at',
    title: WORDS.columns.at,
    width: TIME_WIDTH,
    render: ({ event }) =>
      event === undefined ? (
        <span class="badge warn">{WORDS.lost}</span>
      ) : (
        <button type="button" class="link" onClick={() => open(event)}>
          {when(event.at)}
        </button>
      ),
  },
  {
    name: 'type',
    title: WORDS.columns.type,
    render: ({ event }) => (event === undefined ? WORDS.lostWhy : event.type),
  },
  {
    name: 'station',
    title: WORDS.columns.station,
    render: ({ event }) =>
      event !== undefined &&
      event.station !== '' && <a href={linkTo(['stations', event.station])}>{event.station}</a>,
  },
  {
    name: 'fields',
    title: WORDS.columns.fields,
    isMinor: true,
    render: ({ event }) => (event === undefined ? '' : summaryOf(event)),
  },
];

/** Characters of the fields in one line, and of one of them. */
const LINE = 200;
const VALUE = 60;

function summaryOf({ fields }: NetworkEvent): string {
  const text = Object.entries(fields)
    .map(([name, value]) => `${name} ${value.slice(0, VALUE)}`)
    .join(' · ');
  return text.slice(0, LINE);
}

export function EventsPage({ place }: { readonly place: Place }) {
  const filter: Filter = {
    type: place.query.get('type') ?? '',
    station: place.query.get('station') ?? '',
  };
  const [open, setOpen] = useState<NetworkEvent | undefined>(undefined);
  const { live, isPaused, waiting, setPaused } = useLive();
  const older = useOlder(filter, live);
  const losses = afterLoss.value;
  const rows = useMemo(
    () => rowsOf({ live, older: older.items, filter, losses }),
    [live, older.items, filter.type, filter.station, losses],
  );
  const types = useMemo(
    () => [...new Set(live.concat(older.items).map(({ type }) => type))].sort(),
    [live, older.items],
  );
  const set = (change: Partial<Filter>) => setQuery({ ...filter, ...change });
  return (
    <div class="page fills">
      <h1>{TEXTS.pages.events}</h1>
      <div class="filters">
        <button type="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {isPaused ? WORDS.resume(count(waiting)) : WORDS.pause}
        </button>
        <FilterField
          label={WORDS.filters.type}
          value={filter.type}
          options={types}
          onChange={(type) => set({ type })}
        />
        <FilterField
          label={WORDS.filters.station}
          value={filter.station}
          onChange={(station) => set({ station })}
        />
        <p class="quiet" role="status">
          {isPaused ? WORDS.paused(count(rows.length)) : WORDS.live(count(rows.length))}
        </p>
      </div>
      <div class="split">
        <Table
          label={TEXTS.pages.events}
          columns={columnsWith(setOpen)}
          rows={rows}
          keyOf={({ key }) => key}
          empty={older.state === 'reading' ? TEXTS.loading : older.state === 'complete' ? WORDS.none : ''}
          footer={
            <div class="list-footer">
              <Problem of={older.problem} />
              {older.state === 'more' && (
                <button type="button" onClick={older.more}>
                  {WORDS.older}
                </button>
              )}
              {older.state === 'reading' && rows.length > 0 && <p>{TEXTS.loading}</p>}
              {older.state === 'complete' && rows.length > 0 && <p>{WORDS.oldest}</p>}
            </div>
          }
        />
        {open !== undefined && <EventPanel key={open.id} event={open} onClose={() => setOpen(undefined)} />}
      </div>
    </div>
  );
}

function EventPanel({ event, onClose }: { readonly event: NetworkEvent; readonly onClose: () => void }) {
  const { id, at, type, station, fields } = event;
  const transaction = fields['transactionId'];
  return (
    <Panel title={type} onClose={onClose}>
      <Facts
        of={[
          [WORDS.columns.at, <time title={at}>{when(at)}</time>],
          [WORDS.columns.station, station !== '' && <a href={linkTo(['stations', station])}>{station}</a>],
          [
            WORDS.transaction,
            transaction !== undefined && (
              <a href={linkTo(['transactions', station, transaction])}>{transaction}</a>
            ),
          ],
          [WORDS.id, id],
        ]}
      />
      <h3>{WORDS.columns.fields}</h3>
      <JsonView value={fields} />
    </Panel>
  );
}

/** The events of this tab, at most four times a second; or those at the moment of the pause. */
function useLive() {
  const [live, setLive] = useState<readonly NetworkEvent[]>(recentEvents.peek());
  const [isPaused, setPaused] = useState(false);
  const [waiting, setWaiting] = useState(0);
  useEffect(() => {
    let timer = 0;
    const show = () => {
      timer = 0;
      const now = recentEvents.peek();
      if (!isPaused) return setLive(now);
      const place = now.findIndex(({ id }) => id === live[0]?.id);
      setWaiting(place === -1 ? now.length : place);
    };
    const end = recentEvents.subscribe(() => {
      if (timer === 0) timer = setTimeout(show, SEEN_EVERY);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [isPaused, live]);
  return {
    live,
    isPaused,
    waiting,
    setPaused: (paused: boolean) => {
      setWaiting(0);
      setPaused(paused);
      if (!paused) setLive(recentEvents.peek());
    },
  };
}
