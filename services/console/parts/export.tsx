/** Exports a list as CSV: its pages are read one after the other, up to a bound, and the file is made in the page. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ApiProblem } from '../api/client.ts';
import { patiently, problemFrom } from '../api/patience.ts';
import { TEXTS } from '../texts.ts';
import { type CsvColumn, csvHeader, csvRow } from './csv.ts';
import { Dialog } from './dialog.tsx';
import { count } from './format.ts';
import type { ReadPage } from './paged-list.ts';
import { Problem } from './problem.tsx';

const WORDS = TEXTS.export;

/** Of one request; rows of a file. */
const LIMIT = 1000;
export const MOST_ROWS = 100_000;

export interface ExportProps<T> {
  /** Of the file, without its date. */
  readonly name: string;
  readonly columns: readonly CsvColumn<T>[];
  readonly readPage: ReadPage<T>;
  readonly isWanted?: (item: T) => boolean;
}

export function ExportCsv<T>(props: ExportProps<T>) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        {WORDS.button}
      </button>
      {isOpen && <ExportDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

interface Progress {
  readonly read: number;
  readonly rows: number;
  readonly state: 'reading' | 'complete' | 'bound' | 'failed';
  readonly problem?: ApiProblem;
}

function ExportDialog<T>({
  name,
  columns,
  readPage,
  isWanted = () => true,
  onClose,
}: ExportProps<T> & { readonly onClose: () => void }) {
  const progress = useSignal<Progress>({ read: 0, rows: 0, state: 'reading' });
  const lines = useRef<string[]>([]);
  useEffect(() => {
    const over = new AbortController();
    const note = (change: Partial<Progress>) => void (progress.value = { ...progress.peek(), ...change });
    const readAll = async () => {
      lines.current = [csvHeader(columns)];
      let after: string | undefined;
      let read = 0;
      do {
        const page = await patiently(
          (signal) => readPage({ limit: LIMIT, ...(after !== undefined && { after }) }, signal),
          over.signal,
          (problem) => note({ problem }),
        );
        if (over.signal.aborted) return;
        after = page.next;
        read += page.items.length;
        const wanted = page.items.filter(isWanted).slice(0, MOST_ROWS + 1 - lines.current.length);
        lines.current.push(...wanted.map((item) => csvRow(columns, item)));
        const rows = lines.current.length - 1;
        const isFull = rows >= MOST_ROWS && after !== undefined;
        const state = isFull ? 'bound' : after === undefined ? 'complete' : 'reading';
        progress.value = { read, rows, state };
        if (state !== 'reading') return save(name, lines.current);
      } while (after !== undefined);
    };
    readAll().catch((error: unknown) => {
      if (!over.signal.aborted) note({ state: 'failed', problem: problemFrom(error) });
    });
    return () => over.abort();
  }, []);
  const { rows, read, state, problem } = progress.value;
  const [done, all] = [count(rows), count(read)];
  return (
    <Dialog title={WORDS.title} onClose={onClose}>
      <div class="confirm">
        <p role="status">
          {state === 'reading' && WORDS.reading(done, all)}
          {state === 'complete' && WORDS.complete(done)}
          {state === 'bound' && WORDS.bound(done)}
        </p>
        <p class="quiet">{WORDS.formulas}</p>
        <Problem of={problem} />
        <div class="buttons">
          <button type="button" onClick={onClose}>
            {state === 'reading' ? TEXTS.cancel : TEXTS.close}
          </button>
          {state !== 'reading' && state !== 'failed' && (
            <button type="button" onClick={() => save(name, lines.current)}>
              {WORDS.again}
            </button>
          )}
        </div>
      </div>
    </Dialog>
  );
}

function save(name: string, lines: readonly string[]): void {
  const url = URL.createObjectURL(new Blob([...lines], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${name}-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}Z.csv`;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
