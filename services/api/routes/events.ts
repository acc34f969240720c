/** Events of the network as pages, as a long poll and as a stream, and the other streams of the network. */
import type {
  ClusterClient,
  EventFilter,
  FollowedListing,
  FollowedPage,
  Listing,
  NetworkEvent,
} from '../../client/cluster-client.ts';
import type { TSchema } from 'typebox';
import { sleep } from '../../runtime/clock.ts';
import { cloudEventOf } from '../cloud-event.ts';
import { ok, operation } from '../operation.ts';
import { pageIn } from '../paging.ts';
import { Problem, problemOf } from '../problems.ts';
import { maybe, paging, parameters, station, text, whole } from '../schemas/schema.ts';
import * as schemas from '../schemas/streams.ts';
import type { ServerSentEvent } from '../sse.ts';
import type { Parts } from './parts.ts';

const filter = {
  station: maybe(station),
  type: maybe(text('Type of the event.', { minLength: 1, maxLength: 100 })),
};

/** The two forms of an event: our own, and CloudEvents. Each has paths of its own, so that each path has one schema. */
interface Form {
  readonly ids: { readonly page: string; readonly stream: string };
  readonly url: string;
  readonly what: string;
  readonly page: TSchema;
  readonly of: (event: NetworkEvent) => object;
}

const OWN: Form = {
  ids: { page: 'listEvents', stream: 'streamEvents' },
  url: '/v1/events',
  what: 'Events',
  page: schemas.EventPage,
  of: (event) => event,
};

const cloudEvents = (source: string): Form => ({
  ids: { page: 'listCloudEvents', stream: 'streamCloudEvents' },
  url: '/v1/cloudevents',
  what: 'Events as CloudEvents',
  page: schemas.CloudEventPage,
  of: (event) => cloudEventOf(event, source),
});

export const eventOperations = (parts: Parts) => [
  ...[OWN, cloudEvents(parts.source)].flatMap((form) => formOperations(parts, form)),
  ...(['meterValues', 'reports', 'settlements'] as const).map((name) =>
    streamOperation(name, parts.client[name]),
  ),
];

const formOperations = ({ client, streams }: Parts, { ids, url, what, page: schema, of }: Form) => [
  operation({
    id: ids.page,
    method: 'GET',
    url,
    summary: `${what}, the oldest first: about the last 100 000. With \`wait\` it waits for a first one.`,
    tag: 'events',
    scope: 'read',
    takes: {
      query: parameters({
        ...paging,
        ...filter,
        wait: maybe(whole('How long to wait for a first event; s. 0 by default.', 0, 60)),
      }),
    },
    answers: { 200: schema },
    problems: ['events-lost'],
    async handle({ query: { wait = 0, ...query }, over }) {
      const { page, filter } = pageIn(query);
      const { isGap, items, ...found } = await client.events(filter).wait(page, wait * 1000, over);
      if (isGap !== true) return ok({ items: items.map(of), ...found });
      throw eventsLost(await oldestOf(client));
    },
  }),
  operation({
    id: ids.stream,
    method: 'GET',
    url: `${url}/stream`,
    summary: `${what} as they come, as server-sent events. The header Last-Event-ID, or \`after\`, resumes a stream.`,
    tag: 'events',
    scope: 'read',
    takes: { query: parameters({ after: paging.after, ...filter }), lastEventId: true },
    answers: { 200: 'events' },
    problems: ['too-many-requests'],
    async handle({ query: { after: given, ...filter }, lastEventId, caller, over }) {
      const after = lastEventId ?? given;
      const listing = client.events(filter);
      // A cursor that is none is a problem, which a stream that has begun could not report.
      const from =
        after === undefined ? await listing.end() : (await listing.page({ after, limit: 1 }), after);
      const close = streams.open(caller);
      if (over.aborted) close();
      else over.addEventListener('abort', close, { once: true });
      return { status: 200, events: { from, events: eventsOf(listing, from, over, of) } };
    },
  }),
];

const STREAMS = {
  meterValues: {
    id: 'listMeterValues',
    url: '/v1/meter-values',
    what: 'Meter values outside of transactions',
  },
  reports: { id: 'listReports', url: '/v1/reports', what: 'Reports of stations' },
  settlements: { id: 'listSettlements', url: '/v1/settlements', what: 'Settlements of payments' },
} as const;

function streamOperation(name: keyof typeof STREAMS, listed: (filter: EventFilter) => Listing<unknown>) {
  const { id, url, what } = STREAMS[name];
  return operation({
    id,
    method: 'GET',
    url,
    summary: `${what}, the oldest first.`,
    tag: 'events',
    scope: 'read',
    takes: { query: parameters({ ...paging, station: maybe(station) }) },
    answers: { 200: schemas.StreamEntryPage },
    async handle({ query }) {
      const { page, filter } = pageIn(query);
      return ok(await listed(filter).page(page));
    },
  });
}

/** Before Redis is asked again after a failure; ms. */
const RETRY = 1000;

/** An outage of Redis does not end the stream: it goes on where it was. */
async function* eventsOf(
  listing: FollowedListing<NetworkEvent>,
  from: string,
  signal: AbortSignal,
  of: Form['of'],
): AsyncGenerator<ServerSentEvent, void> {
  let after = from;
  while (!signal.aborted) {
    try {
      for await (const page of listing.follow({ after, signal })) {
        yield* eventsIn(page, of);
        after = page.next;
      }
    } catch (error) {
      if (problemOf(error).code !== 'store-unavailable') throw error;
      await sleep(RETRY, signal);
    }
  }
}

function* eventsIn(
  { items, isGap }: FollowedPage<NetworkEvent>,
  of: Form['of'],
): Generator<ServerSentEvent, void> {
  const [oldest] = items;
  if (isGap === true) yield { event: 'events-lost', data: oldest === undefined ? {} : { oldest: oldest.id } };
  for (const event of items) yield { id: event.id, event: event.type, data: of(event) };
}

async function oldestOf(client: Pick<ClusterClient, 'events'>): Promise<string | undefined> {
  const { items } = await client.events().page({ limit: 1 });
  return items[0]?.id;
}

function eventsLost(oldest: string | undefined): Problem {
  const detail =
    'events after this cursor were dropped: leave out `after` to read from the oldest one that is kept';
  return new Problem('events-lost', detail, oldest === undefined ? {} : { oldest });
}
