/** The end of a list that is read page by page: more rows are read when it is scrolled to, or with its button. */
import { useEffect, useRef } from 'preact/hooks';
import { TEXTS } from '../texts.ts';
import { count } from './format.ts';
import type { PagedList } from './paged-list.ts';
import { Problem } from './problem.tsx';

const WORDS = TEXTS.list;

type Shown = Pick<PagedList<unknown>, 'rows' | 'examined' | 'state' | 'problem' | 'more' | 'reload'>;

export function ListFooter({ list }: { readonly list: Shown }) {
  const { state, problem, rows, examined } = list;
  const element = useRef<HTMLDivElement>(null);
  const more = useRef(list.more);
  more.current = list.more;
  useEffect(() => {
    const root = element.current?.closest('.table-box');
    if (element.current === null || !root || state !== 'more') return undefined;
    const observer = new IntersectionObserver(
      ([entry]) => {
        // A short list ends in the window: there the user decides.
        if (entry?.isIntersecting === true && root.scrollTop > 0) more.current();
      },
      { root, rootMargin: '200px' },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [state, examined]);
  if (state === 'complete') return null;
  return (
    <div class="list-footer" ref={element}>
      <Problem of={problem} {...(state === 'failed' && { onRetry: list.reload })} />
      {state === 'more' && (
        <>
          {rows.length === 0 && <p>{WORDS.noneYet(count(examined))}</p>}
          <button type="button" onClick={list.more}>
            {TEXTS.more}
          </button>
        </>
      )}
    </div>
  );
}

/** How much of a list is shown, also for screen readers. */
export function ListStatus({ list }: { readonly list: Shown }) {
  const { state, rows, examined } = list;
  return (
    <p class="quiet" role="status">
      {WORDS.shown(count(rows.length), count(examined), state !== 'complete')}{' '}
      {state === 'reading' && TEXTS.loading}
    </p>
  );
}

/** What a list shows instead of rows. @param words what would be here @param isFiltered whether a filter is set */
export function emptyText(list: Shown, words: string, isFiltered: boolean): string {
  if (list.state === 'reading') return TEXTS.loading;
  if (list.state === 'failed' || list.state === 'more') return '';
  return isFiltered ? WORDS.noMatch : words;
}
