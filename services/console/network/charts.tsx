/** Small charts of the last hour; without a Prometheus, of what was polled since the page was opened. */
import { Chart, type Line } from '../parts/chart.tsx';
import { when } from '../parts/format.ts';
import { TEXTS } from '../texts.ts';
import { type History, HOUR, isEmpty, type Points, scaled, type SeriesName } from './history.ts';
import { Card } from './parts.tsx';

const WORDS = TEXTS.network.charts;

interface Plan {
  readonly title: string;
  readonly unit?: string;
  readonly factor?: number;
  readonly lines: readonly (readonly [name: SeriesName, label: string])[];
}

const one = (title: string, name: SeriesName, scale: Pick<Plan, 'unit' | 'factor'> = {}): Plan => ({
  title,
  lines: [[name, title]],
  ...scale,
});

const PLANS: readonly Plan[] = [
  one(WORDS.stations, 'stationsConnected'),
  one(WORDS.transactions, 'openTransactions'),
  one(WORDS.perSecond, 'messagesPerSecond'),
  {
    title: WORDS.messages,
    lines: [
      ['queueDepth', WORDS.waiting],
      ['inFlight', WORDS.inFlight],
    ],
  },
  one(WORDS.oldest, 'queueOldestSeconds', { unit: 's' }),
  one(WORDS.service, 'serviceP95Seconds', { unit: 'ms', factor: 1000 }),
  {
    title: WORDS.processors,
    lines: [
      ['processors', WORDS.running],
      ['processorsWanted', WORDS.wanted],
    ],
  },
  one(WORDS.proxies, 'proxies'),
  one(WORDS.response, 'storeResponseSeconds', { unit: 'ms', factor: 1000 }),
  one(WORDS.memory, 'storeMemoryShare', { unit: '%', factor: 100 }),
  {
    title: WORDS.storms,
    lines: [
      ['handshakesWaiting', WORDS.handshakes],
      ['bootsWaiting', WORDS.boots],
    ],
  },
  one(WORDS.refused, 'refusedPerSecond'),
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
  const isKnown = ({ lines }: Plan) => lines.some(([name]) => !isEmpty(history[name]));
  const unknown = PLANS.filter((plan) => !isKnown(plan)).map(({ title }) => title);
  return (
    <Card title={isHour ? WORDS.hour : WORDS.opened(when(openedAt))} isWide>
      {why !== undefined && <p class="quiet net-message">{WORDS.without(why)}</p>}
      <div class="net-charts">
        {PLANS.filter(isKnown).map((plan) => (
          <Small key={plan.title} of={plan} history={history} isHour={isHour} />
        ))}
      </div>
      {unknown.length > 0 && <p class="quiet net-message">{WORDS.unknown(unknown.join(', '))}</p>}
    </Card>
  );
}

interface SmallProps {
  readonly of: Plan;
  readonly history: History;
  readonly isHour: boolean;
}

function Small({ of: { title, unit = '', factor = 1, lines }, history, isHour }: SmallProps) {
  const drawn = lines.map(([name, label], i): Line => ({
    label,
    colour: i === 0 ? 1 : 2,
    points: pointsOf(history[name], factor),
  }));
  return <Chart title={title} unit={unit} lines={drawn} height={110} {...(isHour && { seconds: HOUR })} />;
}

const pointsOf = (points: Points, factor: number): Points => (factor === 1 ? points : scaled(points, factor));
