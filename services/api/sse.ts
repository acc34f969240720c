/**
 * Server-sent events. The source is read only as fast as the client reads, so nothing is buffered for a slow one; a client that
 * takes nothing for a while is disconnected. The number of streams is bounded, as each holds a connection.
 */
import type { ServerResponse } from 'node:http';
import { sleep } from '../runtime/clock.ts';
import type { Caller } from './access/access-tokens.ts';
import { Problem } from './problems.ts';

export interface ServerSentEvent {
  /** Cursor from which the stream can go on. */
  readonly id?: string;
  readonly event: string;
  readonly data: object;
}

export interface EventStream {
  /** Cursor from which it begins: a client that loses the connection before a first event resumes there. */
  readonly from: string;
  readonly events: AsyncIterable<ServerSentEvent>;
}

export interface StreamTimes {
  /** Between comments that keep the connection open; ms. */
  readonly keepAliveMs: number;
  /** How long a client may take nothing; ms. */
  readonly slowMs: number;
}

export const STREAM_TIMES: StreamTimes = { keepAliveMs: 15_000, slowMs: 30_000 };

/** Open streams of one access token, and of all. */
const OF_TOKEN = 20;
const OF_ALL = 200;

/** Writes the events until they end, the client is gone, or `over` aborts. Rejects as the source does. */
export async function writeEvents(
  response: ServerResponse,
  { from, events }: EventStream,
  over: AbortSignal,
  { keepAliveMs, slowMs }: StreamTimes = STREAM_TIMES,
): Promise<void> {
  const keepAlive = setInterval(() => {
    if (!response.writableNeedDrain) response.write(': keep-alive\n\n');
  }, keepAliveMs);
  try {
    // Sends the headers, so that the client knows that it is connected.
    response.write(`: connected\nid: ${from}\n\n`);
    for await (const event of events) {
      if (over.aborted) break;
      if (response.write(textOf(event))) continue;
      if (await drained(response, over, slowMs)) continue;
      response.destroy();
      return;
    }
    response.end();
  } finally {
    clearInterval(keepAlive);
  }
}

const textOf = ({ id, event, data }: ServerSentEvent) =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event.replace(/[\r\n]/g, ' ')}\ndata: ${JSON.stringify(data)}\n\n`;

/** Whether the client took what was written, in time. */
async function drained(response: ServerResponse, over: AbortSignal, slowMs: number): Promise<boolean> {
  const done = new AbortController();
  const drain = new Promise<boolean>((resolve) => {
    response.once('drain', () => resolve(true));
  });
  try {
    return await Promise.race([drain, sleep(slowMs, AbortSignal.any([over, done.signal])).then(() => false)]);
  } finally {
    done.abort();
  }
}

/** Counts open streams. */
export class Streams {
  readonly #open = new Map<string, number>();

  get size(): number {
    return [...this.#open.values()].reduce((sum, one) => sum + one, 0);
  }

  /** @returns closes it; call it once @throws Problem when there are too many */
  open({ name }: Caller): () => void {
    const ofToken = this.#open.get(name) ?? 0;
    const which =
      ofToken >= OF_TOKEN
        ? `the access token ${name} has ${ofToken} open streams`
        : this.size >= OF_ALL && `there are ${OF_ALL} open streams`;
    if (which !== false) {
      const detail = `${which}, the most that are possible: close one first`;
      throw new Problem('too-many-requests', detail, { headers: { 'retry-after': '10' } });
    }
    this.#open.set(name, ofToken + 1);
    return () => {
      const left = (this.#open.get(name) ?? 1) - 1;
      if (left > 0) this.#open.set(name, left);
      else this.#open.delete(name);
    };
  }
}
