/** A value that is read again and again while something shows it; not while the tab is hidden, and never twice at once. */
import { useSignal, type ReadonlySignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { ApiProblem } from './client.ts';
import { token } from './token.ts';

export interface Polled<T> {
  /** The last value that was read; it stays while readings fail. */
  readonly value: ReadonlySignal<T | undefined>;
  /** Why the last reading failed. */
  readonly problem: ReadonlySignal<ApiProblem | undefined>;
  /** When `value` was read. */
  readonly at: ReadonlySignal<number | undefined>;
  /** Reads at once. */
  readonly refresh: () => void;
}

/** @param everyMs 0: once @param keys what the reading depends on */
export function usePolled<T>(
  readOne: (signal: AbortSignal) => Promise<T>,
  everyMs: number,
  keys: readonly unknown[],
): Polled<T> {
  const value = useSignal<T | undefined>(undefined);
  const problem = useSignal<ApiProblem | undefined>(undefined);
  const at = useSignal<number | undefined>(undefined);
  const turn = useSignal(0);
  // Read here, so that the poll begins again when another token is typed in.
  const [access, refreshed] = [token.value, turn.value];
  useEffect(() => {
    value.value = undefined;
    problem.value = undefined;
  }, keys);
  useEffect(() => {
    const over = new AbortController();
    let timer = 0;
    const isOver = () => over.signal.aborted;
    const turnOnce = async () => {
      if (!document.hidden || value.peek() === undefined) {
        try {
          const found = await readOne(over.signal);
          if (isOver()) return;
          value.value = found;
          at.value = Date.now();
          problem.value = undefined;
        } catch (error) {
          if (isOver()) return;
          problem.value = error instanceof ApiProblem ? error : new ApiProblem(0, '', String(error));
        }
      }
      if (everyMs > 0 && !isOver()) timer = setTimeout(() => void turnOnce(), everyMs);
    };
    void turnOnce();
    return () => {
      over.abort();
      clearTimeout(timer);
    };
  }, [...keys, access, refreshed, everyMs]);
  return { value, problem, at, refresh: () => void turn.value++ };
}
