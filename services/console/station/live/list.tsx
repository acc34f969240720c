/**
 * The list of messages draws only the rows that are seen. The newest is the last one; at the end it stays at the end, and elsewhere what is
 * read stays where it is while others come and go.
 */
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { JsonView } from '../../parts/json-view.tsx';
import { TEXTS } from '../../texts.ts';
import { type Entry, contentOf } from './frames.ts';
import { clock, isMarker, markerText, notesOf, sizeText, typeText } from './words.ts';

const WORDS = TEXTS.station.live;
/** Pixels; style/live.css has it, too. */
const ROW = 26;
const MARGIN = 10;
const FIRST_HEIGHT = 400;

interface ListProps {
  readonly entries: readonly Entry[];
  readonly empty: string;
  readonly chosen: Entry | undefined;
  readonly onChoose: (entry: Entry) => void;
  readonly stays: boolean;
  readonly onStay: (stays: boolean) => void;
}

export function FrameList({ entries, empty, chosen, onChoose, stays, onStay }: ListProps) {
  const box = useRef<HTMLDivElement>(null);
  const prefix = useId();
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(FIRST_HEIGHT);
  /** The first row that is seen, and how far it is scrolled. */
  const anchor = useRef({ number: 0, offset: 0 });
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    if (stays) element.scrollTop = element.scrollHeight;
    else {
      const place = entries.findIndex(({ number }) => number >= anchor.current.number);
      if (place >= 0) element.scrollTop = place * ROW + anchor.current.offset;
    }
    setTop(element.scrollTop);
  }, [entries, stays, height]);

  const scrolled = (element: HTMLDivElement) => {
    const place = Math.floor(element.scrollTop / ROW);
    anchor.current = { number: entries[place]?.number ?? 0, offset: element.scrollTop % ROW };
    setTop(element.scrollTop);
  };
  /** One who scrolls up wants to read, and who scrolls to the end wants to see what comes. */
  const followed = ({ scrollHeight, scrollTop, clientHeight }: HTMLDivElement) => {
    const below = scrollHeight - scrollTop - clientHeight;
    if (stays && below > 3 * ROW) onStay(false);
    else if (!stays && below < 1) onStay(true);
  };
  const from = Math.max(0, Math.min(Math.floor(top / ROW) - MARGIN, entries.length));
  const to = Math.min(entries.length, Math.ceil((top + height) / ROW) + MARGIN);
  const at = chosen === undefined ? -1 : entries.findIndex(({ number }) => number === chosen.number);

  const move = (event: KeyboardEvent) => {
    const element = box.current;
    const target = targetOf(event.key, at, entries.length, Math.floor(height / ROW) - 1);
    const entry = target === undefined ? undefined : entries[target];
    if (element === null || target === undefined || entry === undefined) return;
    event.preventDefault();
    onStay(target === entries.length - 1);
    onChoose(entry);
    const place = target * ROW;
    if (place < element.scrollTop) element.scrollTop = place;
    else if (place + ROW > element.scrollTop + height) element.scrollTop = place + ROW - height;
    scrolled(element);
  };

  return (
    <div
      ref={box}
      class="frames"
      // A list of choices has at least one.
      role={entries.length === 0 ? 'region' : 'listbox'}
      aria-label={WORDS.title}
      aria-activedescendant={at >= from && at < to ? `${prefix}-${entries[at]?.number}` : undefined}
      tabIndex={0}
      onKeyDown={move}
      onScroll={(event) => {
        scrolled(event.currentTarget);
        followed(event.currentTarget);
      }}
    >
      {entries.length === 0 ? (
        <p class="empty">{empty}</p>
      ) : (
        <div class="frames-all" role="presentation" style={{ height: `${entries.length * ROW}px` }}>
          <div role="presentation" style={{ transform: `translateY(${from * ROW}px)` }}>
            {entries.slice(from, to).map((entry, place) => (
              <Row
                key={entry.number}
                id={`${prefix}-${entry.number}`}
                entry={entry}
                position={from + place + 1}
                total={entries.length}
                isChosen={entry.number === chosen?.number}
                onChoose={onChoose}
              />
            ))}
          </div>
        </div>
      )}
    </div>
  );
}

interface RowProps {
  readonly id: string;
  readonly entry: Entry;
  readonly position: number;
  readonly total: number;
  readonly isChosen: boolean;
  readonly onChoose: (entry: Entry) => void;
}

function Row({ id, entry, position, total, isChosen, onChoose }: RowProps) {
  const { direction, action, type, latencyMs } = entry;
  const shared = {
    id,
    role: 'option',
    'aria-selected': isChosen,
    'aria-posinset': position,
    'aria-setsize': total,
    onClick: () => onChoose(entry),
  } as const;
  if (isMarker(entry))
    return (
      <div {...shared} class={`frame marker ${type}`}>
        <span class="number quiet">{clock(entry.at)}</span>
        <span class="frame-marker">{markerText(entry)}</span>
      </div>
    );
  const notes = notesOf(entry);
  return (
    <div {...shared} class={`frame ${direction} ${type}`}>
      <span class="number quiet">{clock(entry.at)}</span>
      <span class="frame-arrow" aria-label={WORDS.directions[direction ?? 'in']}>
        {direction === 'in' ? '←' : '→'}
      </span>
      <span class="frame-action">{action ?? TEXTS.unknown}</span>
      <span class="quiet frame-type">{typeText(type)}</span>
      <span class="number frame-latency">{latencyMs === undefined ? '' : `${latencyMs} ms`}</span>
      <span class="frame-notes">{notes}</span>
    </div>
  );
}

function targetOf(key: string, now: number, total: number, page: number): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: now + 1,
    ArrowUp: now < 0 ? total - 1 : now - 1,
    PageDown: now + page,
    PageUp: now - page,
    Home: 0,
    End: total - 1,
  };
  const target = steps[key];
  return target === undefined || total === 0 ? undefined : Math.max(0, Math.min(target, total - 1));
}

/** The message that was chosen, as a tree. */
export function FrameDetails({ entry }: { readonly entry: Entry | undefined }) {
  if (entry === undefined)
    return (
      <div class="frame-details" role="region" aria-label={WORDS.details}>
        <p class="empty">{WORDS.choose}</p>
      </div>
    );
  const content = contentOf(entry);
  const { truncated, messageId, action, type } = entry;
  return (
    <div class="frame-details" role="region" aria-label={WORDS.details} tabIndex={0}>
      <p>
        <strong>{isMarker(entry) ? markerText(entry) : (action ?? TEXTS.unknown)}</strong>{' '}
        <span class="quiet">
          {[isMarker(entry) ? '' : typeText(type), clock(entry.at), sizeText(entry), messageId ?? '']
            .filter((one) => one !== '')
            .join(' · ')}
        </span>
      </p>
      {notesOf(entry) !== '' && <p class="station-notice">{notesOf(entry)}</p>}
      {truncated === true && <p class="station-notice">{WORDS.truncated}</p>}
      {content === undefined ? (
        !isMarker(entry) && <p class="quiet">{WORDS.noText}</p>
      ) : (
        <JsonView key={entry.number} value={content} />
      )}
    </div>
  );
}
