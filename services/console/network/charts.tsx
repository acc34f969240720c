/** Small charts of the last hour; without a Prometheus, of what was polled since the page was opened. */
import { Chart, type Line } from '../parts/chart.tsx';
import { when } from '../parts/format.ts';
import { TEXTS } from '../texts.ts';
import { type History, isEmpty, type Points, scaled, type SeriesName } from './history.ts';
import { Card } from './parts.tsx';

const WORDS = TEXTS.network.charts;

interface Plan {
  readonly title: string;
  readonly unit?: string;
  readonly factor?: number;
  readonly lines: readonly (readonly [name: SeriesName, label: string])[];
}

const PLANS: readonly Plan[] = [
  { title: WORDS.stations, lines: [['stationsConnected', WORDS.stations]] },
  { title: WORDS.transactions, lines: [['openTransactions', WORDS.transactions]] },
  {
    title: WORDS.messages,
    lines: [
      ['queueDepth', WORDS.waiting],
      ['inFlight', WORDS.inFlight],
    ],
  },
  { title: WORDS.oldest, unit: 's', lines: [['queueOldestSeconds', WORDS.oldest]] },
  {
    title: WORDS.processors,
    lines: [
      ['processors', WORDS.running],
      ['processorsWanted', WORDS.wanted],
    ],
  },
  { title: WORDS.response, unit: 'ms', factor: 1000, lines: [['storeResponseSeconds', WORDS.response]] },
  { title: WORDS.memory, unit: '%', factor: 100, lines: [['storeMemoryShare', WORDS.memory]] },
  {
    title: WORDS.storms,
    lines: [
      ['handshakesWaiting', WORDS.handshakes],
      ['bootsWaiting', WORDS.boots],
    ],
  },
];

export interface ChartsProps {
  readonly history: History;
  /** Whether it reaches back before the page was opened. */
  readonly isHour: boolean;
  /** ms since 1970 */
  readonly openedAt: number | undefined;
  /** Why there is nothing earlier. */
  readonly why: string | undefined;
}

export function Charts({ history, isHour, openedAt, why }: ChartsProps) {
  return (
    <Card title={isHour ? WORDS.hour : WORDS.opened(when(openedAt))} isWide>
      {!isHour && why !== undefined && <p class="quiet net-message">{WORDS.without(why)}</p>}
      <div class="net-charts">
        {PLANS.map((plan) => (
          <Small key={plan.title} of={plan} history={history} />
        ))}
      </div>
    </Card>
  );
}

function Small({ of: { title, unit = '', factor = 1, lines }, history }: { of: Plan; history: History }) {
  const drawn = lines
    .filter(([name]) => !isEmpty(history[name]))
    .map(([name, label], i): Line => ({
      label,
      colour: i === 0 ? 1 : 2,
      points: pointsOf(history[name], factor),
    }));
  if (drawn.length > 0) return <Chart title={title} unit={unit} lines={drawn} height={110} />;
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <p class="quiet">{TEXTS.unknown}</p>
    </figure>
  );
}

const pointsOf = (points: Points, factor: number): Points => (factor === 1 ? points : scaled(points, factor));
