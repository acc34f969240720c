/** Figures of the last hour. */
import * as Type from 'typebox';
import { FIGURES, type Figure } from '../history/queries.ts';
import { answerOf, maybe, text, whole, word } from './schema.ts';

const MEANINGS: Readonly<Record<Figure, string>> = {
  stationsConnected: 'Stations with a connection.',
  queueDepth: 'Messages of stations that no processor has claimed.',
  queueOldestSeconds: 'Age of the oldest of them.',
  messagesPerSecond: 'Messages of stations that were stored in the queue.',
  processors: 'Processors.',
  processorsWanted: 'Processors that the autoscaler wants.',
  proxies: 'ws-proxies.',
  serviceP95Seconds: 'Time in which 95 % of the messages were handled.',
  openTransactions: 'Open transactions.',
  refusedPerSecond: 'Refused handshakes.',
};

const value = Type.Unsafe<number | null>({ type: ['number', 'null'] });

const points = (description: string) =>
  maybe(Type.Array(Type.Array(value, { minItems: 2, maxItems: 2 }), { description }));

const Series = answerOf(
  'HistorySeries',
  'Points by figure: the time in seconds since 1970, and the value; null where there is none. A figure of which nothing is known is absent.',
  Object.fromEntries(FIGURES.map((figure) => [figure, points(MEANINGS[figure])])),
);

export const History = answerOf('History', 'Figures of the last hour or so.', {
  source: word(['prometheus', 'none'], 'Where they come from. none: no figure is known, and `why` says why.'),
  why: maybe(text('Why figures are missing.')),
  step: whole('Seconds between two points.', 1, 3600),
  series: Series,
});
