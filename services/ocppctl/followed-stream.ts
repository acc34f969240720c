/**
 * A stream of the API, followed until Ctrl-C. A connection that breaks, or is silent for longer than the API ever is, is made again
 * after a growing pause, and resumes after the last entry.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Query } from './api-client.ts';
import type { Run } from './command.ts';
import { readEvents, type StreamEvent, type StreamState } from './event-stream.ts';
import { EXIT, ExitError } from './exit.ts';
import { ApiError } from './problem.ts';

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
/** The API sends a comment every 15 s. */
const LONGEST_SILENCE = 40_000;

export interface Followed {
  readonly path: string;
  readonly query?: Query;
  /** Cursor of the entry before the first one; omitted: new ones only. */
  readonly after?: string | undefined;
  /** What the entries are called, such as `events`. */
  readonly what: string;
  /** Ends it, beside Ctrl-C. */
  readonly until?: AbortSignal;
  readonly show: (event: StreamEvent) => void;
}

/** Rejects if the first connection fails, or a later one in a way that does not pass. */
export async function followStream(run: Pick<Run, 'api' | 'terminal'>, followed: Followed): Promise<void> {
  const { terminal } = run;
  const { after, what, until } = followed;
  const ended = until === undefined ? terminal.stopped : AbortSignal.any([terminal.stopped, until]);
  const state: StreamState = after === undefined ? {} : { lastId: after };
  let pause = FIRST_PAUSE;
  for (let isFirst = true; !ended.aborted; isFirst = false) {
    try {
      const connected = () => {
        if (!isFirst)
          terminal.note(
            `connected again${state.lastId === undefined ? `; ${what} in between are not shown` : ''}`,
          );
        pause = FIRST_PAUSE;
      };
      await follow(run, followed, { state, connected, ended });
      if (!ended.aborted) terminal.note('the connection ended');
    } catch (error) {
      if (ended.aborted) return;
      if (isFirst || !isPassing(error)) throw error;
      terminal.note(`${(error as Error).message}; the next attempt is in ${pause / 1000} s`);
    }
    // Also after a connection that was accepted: an API that ends them at once is not asked without a pause.
    await sleep(pause, undefined, { signal: ended }).catch(() => undefined);
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  }
}

/** Whether a later attempt may succeed. A restarted Redis may have lost the cursor, which the API reports in the stream. */
const isPassing = (error: unknown) =>
  !(error instanceof ExitError) ||
  (error instanceof ApiError
    ? [429, 503].includes(error.problem.status)
    : error.status === EXIT.away || error.status === EXIT.failed);

interface Connection {
  readonly state: StreamState;
  readonly connected: () => void;
  readonly ended: AbortSignal;
}

async function follow(
  { api }: Pick<Run, 'api'>,
  { path, query = {}, show }: Followed,
  { state, connected, ended }: Connection,
): Promise<void> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, ended]);
  const silence = setTimeout(() => over.abort(new Error('the connection is silent')), LONGEST_SILENCE);
  try {
    const source = await api.stream(path, query, state.lastId, signal);
    connected();
    for await (const event of readEvents(source, state)) {
      silence.refresh();
      if (event !== undefined) show(event);
    }
  } finally {
    clearTimeout(silence);
    over.abort();
  }
}
