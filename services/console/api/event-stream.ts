/**
 * Server-sent events over `fetch`, as an EventSource cannot send the access token. A stream that ends is opened again after a growing
 * pause, from the last id, until it is aborted. In a tab that is not seen it is closed, and resumes when the tab is seen again.
 */
import { ApiProblem, EVENT_STREAM, problemOf, send } from './client.ts';
import { noteCrowded } from './connection.ts';
import { longHidden, visible } from './visible.ts';

export interface StreamEvent {
  readonly id: string;
  readonly event: string;
  /** Parsed JSON. */
  readonly data: unknown;
}

export interface StreamOptions {
  /** Path with its query. */
  readonly path: string;
  /** Cursor to begin after; without one it begins with new events. */
  readonly after?: string;
  /** All events of one chunk of the network, in order. */
  readonly onEvents: (events: readonly StreamEvent[]) => void;
  /** Each time that the stream is open. @param isAgain whether it was open before */
  readonly onOpen?: (isAgain: boolean) => void;
  readonly signal: AbortSignal;
}

/** ms */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
/** Where too many streams are open with the token; ms. */
const CROWDED_PAUSE = 30_000;
/** Open streams of this tab: the events, and the messages of one station. Another one waits until one of them ends. */
const MOST_STREAMS = 2;
/** The API sends a comment every 15 s: a stream that is silent for longer is dead; ms. */
const SILENCE = 40_000;
/** Characters of an event; a longer one ends the stream. */
const MAX_EVENT = 1024 * 1024;

/** Resolves when the signal aborts. Rejects with ApiProblem when the API refuses the request for good. */
export async function followStream(options: StreamOptions): Promise<void> {
  const { signal } = options;
  const release = await slot(signal);
  try {
    await follow(options);
  } finally {
    noteCrowded(signal, false);
    release();
  }
}

async function follow({ path, after, onEvents, onOpen, signal }: StreamOptions): Promise<void> {
  let cursor = after;
  let pause = FIRST_PAUSE;
  let isAgain = false;
  while (!signal.aborted) {
    await visible(signal);
    if (signal.aborted) return;
    const turn = new AbortController();
    const hidden = longHidden(turn.signal);
    let isCrowded = false;
    try {
      const response = await open(path, cursor, AbortSignal.any([signal, turn.signal, hidden]));
      onOpen?.(isAgain);
      isAgain = true;
      pause = FIRST_PAUSE;
      noteCrowded(signal, false);
      for await (const { id, events } of eventsIn(response, turn)) {
        if (id !== undefined) cursor = id;
        if (events.length > 0) onEvents(events);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiProblem && isFinal(error.status)) throw error;
      isCrowded = error instanceof ApiProblem && error.code === 'too-many-requests';
      if (isCrowded) noteCrowded(signal, true);
    } finally {
      turn.abort();
    }
    if (hidden.aborted) continue;
    await pauseFor((isCrowded ? CROWDED_PAUSE : pause) * (0.5 + Math.random() / 2), signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

const slots = new Set<AbortSignal>();
const waiting = new Set<() => void>();

/** @returns gives it back */
async function slot(signal: AbortSignal): Promise<() => void> {
  while (slots.size >= MOST_STREAMS && !signal.aborted)
    await new Promise<void>((resolve) => {
      waiting.add(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  slots.add(signal);
  return () => {
    slots.delete(signal);
    const woken = [...waiting];
    waiting.clear();
    for (const wake of woken) wake();
  };
}

/** 401 is not: another token may be typed in. */
const isFinal = (status: number): boolean =>
  status >= 400 && status < 500 && ![401, 408, 429].includes(status);

async function open(path: string, cursor: string | undefined, signal: AbortSignal): Promise<Response> {
  const headers = { accept: EVENT_STREAM, ...(cursor !== undefined && { 'last-event-id': cursor }) };
  const response = await send(path, { headers, signal, cache: 'no-store' });
  if (response.ok) return response;
  throw problemOf(response, await response.json().catch(() => undefined));
}

interface Chunk {
  readonly id: string | undefined;
  readonly events: readonly StreamEvent[];
}

async function* eventsIn(response: Response, turn: AbortController): AsyncGenerator<Chunk> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  let rest = '';
  let timer = 0;
  try {
    for (;;) {
      clearTimeout(timer);
      timer = setTimeout(() => turn.abort(), SILENCE);
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop() ?? '';
      if (rest.length > MAX_EVENT) return;
      yield chunkOf(blocks);
    }
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => undefined);
  }
}

/** Exported for tests. */
export function chunkOf(blocks: readonly string[]): Chunk {
  let last: string | undefined;
  const events: StreamEvent[] = [];
  for (const block of blocks) {
    let [id, event, data]: (string | undefined)[] = [undefined, 'message', undefined];
    for (const line of block.split('\n')) {
      const [, field = '', value = ''] = /^([a-z]*): ?(.*)$/.exec(line) ?? [];
      if (field === 'id') id = value;
      else if (field === 'event') event = value;
      else if (field === 'data') data = data === undefined ? value : `${data}\n${value}`;
    }
    if (id !== undefined) last = id;
    if (data !== undefined) events.push({ id: id ?? '', event: event ?? 'message', data: jsonOf(data) });
  }
  return { id: last, events };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
