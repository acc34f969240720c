/** Events of the network as pages, as a long poll and as a stream, and the other streams of the network. */
import type { EventFilter, Listing, NetworkEvent } from '../../client/cluster-client.ts';
import type { TSchema } from 'typebox';
import { cloudEventOf } from '../cloud-event.ts';
import { ok, operation } from '../operation.ts';
import { pageIn } from '../paging.ts';
import { maybe, paging, parameters, station, text } from '../schemas/schema.ts';
import * as schemas from '../schemas/streams.ts';
import { followedPage, followedStream, waiting } from './followed.ts';
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
        wait: waiting,
      }),
    },
    answers: { 200: schema },
    problems: ['events-lost'],
    async handle({ query: { wait = 0, ...query }, over }) {
      const { page, filter } = pageIn(query);
      const { items, next } = await followedPage(client.events(filter), page, wait, over, client.events());
      return ok({ items: items.map(of), next });
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
    async handle({ query: { after, ...filter }, lastEventId, caller, over }) {
      const form = (event: NetworkEvent) => ({ event: event.type, data: of(event) });
      return followedStream(client.events(filter), {
        after: lastEventId ?? after,
        streams,
        caller,
        over,
        form,
      });
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
