/** Events from before the live ones: a step is read at first, and another one at each `more`. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { type ApiProblem, api, read } from '../api/client.ts';
import type { NetworkEvent } from '../api/events.ts';
import { patiently, problemFrom } from '../api/patience.ts';
import { FIRST_SPAN, readOlder } from './older.ts';
import type { Filter } from './rows.ts';

interface Held {
  /** The newest first. */
  readonly items: readonly NetworkEvent[];
  readonly state: 'reading' | 'more' | 'complete' | 'failed';
  readonly problem: ApiProblem | undefined;
}

/** ms */
const AHEAD = 3_600_000;

const NOTHING: Held = { items: [], state: 'reading', problem: undefined };

/** @param live the newest first: older ones than the last of them are read */
export function useOlder(filter: Filter, live: readonly NetworkEvent[]) {
  const { type, station } = filter;
  const held = useSignal<Held>(NOTHING);
  const more = useRef<() => void>(() => undefined);
  useEffect(() => {
    const over = new AbortController();
    held.value = NOTHING;
    const last = live.at(-1)?.id;
    // Where no event was seen yet, the clock of Redis may be ahead.
    let before = last ?? `${Date.now() + AHEAD}-0`;
    let span = last === undefined ? FIRST_SPAN + AHEAD : FIRST_SPAN;
    const get = (query: object, signal: AbortSignal) =>
      read(api.GET('/v1/events', { params: { query }, signal }));
    const readEvents = (after: string | undefined) =>
      patiently(
        async (signal) => {
          const query = {
            limit: 1000,
            ...(after !== undefined && { after }),
            ...(type !== '' && { type }),
            ...(station !== '' && { station }),
          };
          const { items, next = after ?? '0-0' } = await get(query, signal);
          return { items, next };
        },
        over.signal,
        (problem) => void (held.value = { ...held.peek(), problem }),
      );
    const step = async () => {
      held.value = { ...held.peek(), state: 'reading' };
      try {
        const first = await patiently((signal) => get({ limit: 1 }, signal), over.signal);
        const oldest = first.items[0]?.id;
        const found = await readOlder(readEvents, before, span, oldest);
        if (over.signal.aborted) return;
        span = found.span;
        if (found.from !== undefined) before = found.from;
        held.value = {
          items: [...held.peek().items, ...found.items],
          state: found.from === undefined ? 'complete' : 'more',
          problem: undefined,
        };
      } catch (error) {
        if (!over.signal.aborted) held.value = { ...held.peek(), state: 'more', problem: problemFrom(error) };
      }
    };
    more.current = () => {
      if (held.peek().state === 'more') void step();
    };
    void step();
    return () => over.abort();
  }, [type, station]);
  return { ...held.value, more: () => more.current() };
}
