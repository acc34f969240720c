/** A stream of the store that grows, over HTTP: as pages, as a long poll, and as server-sent events. */
import type { FollowedListing, FollowedPage, PageRequest } from '../../client/cluster-client.ts';
import { sleep } from '../../runtime/clock.ts';
import type { Caller } from '../access/access-tokens.ts';
import type { Answer } from '../operation.ts';
import { Problem, problemOf } from '../problems.ts';
import { maybe, whole } from '../schemas/schema.ts';
import type { ServerSentEvent, Streams } from '../sse.ts';

/** Parameter of the long poll. */
export const waiting = maybe(whole('How long to wait for a first one; s. 0 by default.', 0, 60));

/**
 * @param waitSeconds for a first entry
 * @param all the listing without a filter: its oldest entry is where a client goes on
 * @throws Problem events-lost
 */
export async function followedPage<T extends { readonly id: string }>(
  listing: FollowedListing<T>,
  page: PageRequest,
  waitSeconds: number,
  over: AbortSignal,
  all: FollowedListing<T> = listing,
): Promise<FollowedPage<T>> {
  const { isGap, ...found } = await listing.wait(page, waitSeconds * 1000, over);
  if (isGap !== true) return found;
  const { items } = await all.page({ limit: 1 });
  throw eventsLost(items[0]?.id);
}

export interface StreamRequest<T> {
  /** Omitted: from the next entry on. */
  readonly after: string | undefined;
  readonly streams: Streams;
  readonly caller: Caller;
  readonly over: AbortSignal;
  /** An entry as an event; its id is the cursor. */
  readonly form: (item: T) => ServerSentEvent;
}

/** @throws Problem for a cursor that is none, which a stream that has begun could not report */
export async function followedStream<T extends { readonly id: string }>(
  listing: FollowedListing<T>,
  { after, streams, caller, over, form }: StreamRequest<T>,
): Promise<Answer> {
  const from = after === undefined ? await listing.end() : (await listing.page({ after, limit: 1 }), after);
  const close = streams.open(caller);
  if (over.aborted) close();
  else over.addEventListener('abort', close, { once: true });
  return { status: 200, events: { from, events: eventsOf(listing, from, over, form) } };
}

/** Before Redis is asked again after a failure; ms. */
const RETRY = 1000;

/** An outage of Redis does not end the stream: it goes on where it was. */
async function* eventsOf<T extends { readonly id: string }>(
  listing: FollowedListing<T>,
  from: string,
  signal: AbortSignal,
  form: StreamRequest<T>['form'],
): AsyncGenerator<ServerSentEvent, void> {
  let after = from;
  while (!signal.aborted) {
    try {
      for await (const page of listing.follow({ after, signal })) {
        yield* eventsIn(page, form);
        after = page.next;
      }
    } catch (error) {
      if (problemOf(error).code !== 'store-unavailable') throw error;
      await sleep(RETRY, signal);
    }
  }
}

function* eventsIn<T extends { readonly id: string }>(
  { items, isGap }: FollowedPage<T>,
  form: StreamRequest<T>['form'],
): Generator<ServerSentEvent, void> {
  const [oldest] = items;
  if (isGap === true) yield { event: 'events-lost', data: oldest === undefined ? {} : { oldest: oldest.id } };
  for (const item of items) yield { id: item.id, ...form(item) };
}

function eventsLost(oldest: string | undefined): Problem {
  const detail =
    'events after this cursor were dropped: leave out `after` to read from the oldest one that is kept';
  return new Problem('events-lost', detail, oldest === undefined ? {} : { oldest });
}
