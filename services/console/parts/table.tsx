/**
 * A table that draws only the rows that are seen: 10 000 rows cost as much as 40. All rows have one height. Arrow keys, Page Up and
 * Page Down, Home and End move between the rows, as each row begins with a link or a button.
 */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface Column<Row> {
  readonly name: string;
  readonly title: string;
  /** CSS width; the columns without one share what is left. */
  readonly width?: string;
  /** Left out on narrow screens. */
  readonly isMinor?: boolean;
  readonly isNumber?: boolean;
  render(row: Row): ComponentChildren;
}

export interface TableProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** What is shown instead of rows. */
  readonly empty: ComponentChildren;
  /** Below the last row, such as a button for more. */
  readonly footer?: ComponentChildren;
  readonly sort?: { readonly column: string; readonly isDescending: boolean };
  readonly onSort?: (column: string) => void;
  /** Columns that may be sorted by. */
  readonly sortable?: readonly string[];
}

/** Of a column with times that is there on narrow screens, too. */
export const TIME_WIDTH = 'clamp(7rem, 28vw, 12.5rem)';

/** Pixels; style/table.css has it, too. */
const ROW = 36;
/** Rows beyond the edge of the window that are drawn as well. */
const MARGIN = 8;
/** Rows before the window was measured. */
const FIRST = 30;

export function Table<Row>({
  label,
  columns,
  rows,
  keyOf,
  empty,
  footer,
  sort,
  onSort,
  sortable = [],
}: TableProps<Row>) {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(FIRST * ROW);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const from = Math.max(0, Math.min(Math.floor(top / ROW) - MARGIN, rows.length - 1));
  const to = Math.min(rows.length, Math.ceil((top + height) / ROW) + MARGIN);
  const classOf = ({ isMinor, isNumber }: Column<Row>) =>
    `${isMinor ? 'minor' : ''} ${isNumber ? 'number' : ''}`;

  const move = (event: KeyboardEvent) => {
    const element = box.current;
    const row = (event.target as HTMLElement).closest('tr[aria-rowindex]');
    if (element === null || row === null) return;
    const now = Number(row.getAttribute('aria-rowindex')) - 2;
    const target = targetOf(event.key, now, rows.length, Math.floor(height / ROW) - 1);
    if (target === undefined) return;
    event.preventDefault();
    const place = target * ROW;
    if (place < element.scrollTop) element.scrollTop = place;
    else if (place + 2 * ROW > element.scrollTop + height) element.scrollTop = place + 2 * ROW - height;
    setTop(element.scrollTop);
    // After the row is drawn.
    requestAnimationFrame(() =>
      requestAnimationFrame(() =>
        element
          .querySelector<HTMLElement>(`tr[aria-rowindex="${target + 2}"] :is(a, button)`)
          ?.focus({ preventScroll: true }),
      ),
    );
  };

  return (
    <div
      class="table-box"
      ref={box}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={move}
      role="region"
      aria-label={label}
      tabIndex={0}
    >
      <table aria-label={label} aria-rowcount={rows.length + 1}>
        <colgroup>
          {columns.map((column) => (
            <col key={column.name} class={classOf(column)} style={{ width: column.width ?? 'auto' }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => {
              const isSorted = sort?.column === column.name;
              const direction = sort?.isDescending === true ? 'descending' : 'ascending';
              return (
                <th
                  key={column.name}
                  scope="col"
                  class={classOf(column)}
                  aria-sort={isSorted ? direction : undefined}
                >
                  {sortable.includes(column.name) ? (
                    <button type="button" class="sort" onClick={() => onSort?.(column.name)}>
                      {column.title}
                    </button>
                  ) : (
                    column.title
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {from > 0 && <tr aria-hidden="true" class="gap" style={{ height: `${from * ROW}px` }} />}
          {rows.slice(from, to).map((row, place) => (
            <tr key={keyOf(row)} aria-rowindex={from + place + 2}>
              {columns.map((column) => (
                <td key={column.name} class={classOf(column)}>
                  {column.render(row)}
                </td>
              ))}
            </tr>
          ))}
          {to < rows.length && (
            <tr aria-hidden="true" class="gap" style={{ height: `${(rows.length - to) * ROW}px` }} />
          )}
        </tbody>
      </table>
      {rows.length === 0 && <div class="empty">{empty}</div>}
      {footer}
    </div>
  );
}

function targetOf(key: string, now: number, rows: number, page: number): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: now + 1,
    ArrowUp: now - 1,
    PageDown: now + page,
    PageUp: now - page,
    Home: 0,
    End: rows - 1,
  };
  const target = steps[key];
  return target === undefined ? undefined : Math.max(0, Math.min(target, rows - 1));
}
