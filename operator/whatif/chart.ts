/** Several figures over time as an SVG: one plot below the other, with one time axis and one legend. Pure. */
import { escaped, line, rounded, text, tickedEnd } from './svg.ts';

export interface Line {
  readonly name: string;
  readonly color: string;
  /** In order of time; a new segment begins after a gap. */
  readonly segments: readonly Points[];
}

export type Points = readonly (readonly [second: number, value: number])[];

export interface Plot {
  readonly title: string;
  readonly lines: readonly Line[];
}

export interface ChartInput {
  readonly title: string;
  readonly plots: readonly Plot[];
  /** Times that are marked, such as those without metrics. */
  readonly shaded: {
    readonly name: string;
    readonly spans: readonly (readonly [from: number, to: number])[];
  };
}

const WIDTH = 960;
const LEFT = 72;
const RIGHT = 944;
const TOP = 56;
const PLOT = { height: 150, distance: 190 };
const TICKS = 5;
/** More points than pixels show nothing more. */
const MOST_POINTS = 900;
const STYLE =
  'text{font:12px sans-serif;fill:#333}.axis{stroke:#333}.grid{stroke:#ddd}.shaded{fill:#eee}' +
  'path{fill:none;stroke-width:1.6}';

type Scale = (value: number) => number;

export function chart({ title, plots, shaded }: ChartInput): string {
  const seconds = Math.max(
    1,
    greatest(plots.flatMap(({ lines }) => pointsOf(lines)).map(([second]) => second)),
  );
  const unit = unitOf(seconds);
  const end = seconds / unit.seconds;
  const x = (second: number) => rounded(LEFT + (second / unit.seconds / end) * (RIGHT - LEFT));
  const bottom = TOP + (plots.length - 1) * PLOT.distance + PLOT.height;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 64}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    `<rect width="${WIDTH}" height="${bottom + 64}" fill="#fff"/>`,
    text(LEFT, 20, title, 'font-weight="bold"'),
    ...plots.flatMap((plot, index) => plotOf(plot, TOP + index * PLOT.distance, x, shaded.spans)),
    ...ticks(tickedEnd(TICKS, 0.1, end))
      .filter((tick) => tick <= end)
      .map((tick) => text(x(tick * unit.seconds), bottom + 16, String(tick), 'text-anchor="middle"')),
    text((LEFT + RIGHT) / 2, bottom + 34, unit.name, 'text-anchor="middle"'),
    ...legend(plots, shaded.spans.length > 0 ? shaded.name : undefined, bottom + 54),
    '</svg>',
    '',
  ].join('\n');
}

function plotOf(plot: Plot, top: number, x: Scale, spans: readonly (readonly [number, number])[]): string[] {
  const bottom = top + PLOT.height;
  const most = tickedEnd(TICKS, 0.1, greatest(pointsOf(plot.lines).map(([, value]) => value)));
  const y = (value: number) => rounded(bottom - (value / most) * PLOT.height);
  return [
    ...spans.map(
      ([from, to]) =>
        `<rect class="shaded" x="${x(from)}" y="${top}" width="${rounded(x(to) - x(from))}" height="${PLOT.height}"/>`,
    ),
    ...ticks(most).flatMap((tick) => [
      line(LEFT, y(tick), RIGHT, y(tick), 'grid'),
      text(LEFT - 6, y(tick) + 4, String(tick), 'text-anchor="end"'),
    ]),
    line(LEFT, bottom, RIGHT, bottom, 'axis'),
    line(LEFT, top, LEFT, bottom, 'axis'),
    text(LEFT, top - 8, plot.title),
    ...plot.lines.map(({ name, color, segments }) => {
      const places = segments.map((points) =>
        thinned(points).map(([second, value]) => `${x(second)},${y(value)}`),
      );
      const path = places.map((segment) => `M${segment.join(' ')}`).join('');
      return `<path d="${path}" stroke="${color}"><title>${escaped(name)}</title></path>`;
    }),
  ];
}

const pointsOf = (lines: readonly Line[]) => lines.flatMap(({ segments }) => segments.flat());

/** Of neighbours that share a pixel, the greatest is drawn, so that no peak is lost. */
function thinned(points: Points): Points {
  const size = Math.ceil(points.length / MOST_POINTS);
  if (size <= 1) return points;
  const kept: (readonly [number, number])[] = [];
  for (let begin = 0; begin < points.length; begin += size) {
    const group = points.slice(begin, begin + size);
    kept.push(group.reduce((most, point) => (point[1] > most[1] ? point : most)));
  }
  return kept;
}

function legend(plots: readonly Plot[], shaded: string | undefined, top: number): string[] {
  const lines = [
    ...new Map(plots.flatMap((plot) => plot.lines.map((one) => [one.name, one] as const))).values(),
  ];
  const entries = lines.flatMap(({ name, color }, index) => [
    `<line x1="${LEFT + index * 220}" y1="${top - 4}" x2="${LEFT + index * 220 + 24}" y2="${top - 4}" stroke="${color}" stroke-width="2"/>`,
    text(LEFT + index * 220 + 30, top, name),
  ]);
  if (shaded === undefined) return entries;
  const left = LEFT + lines.length * 220;
  return [
    ...entries,
    `<rect class="shaded" x="${left}" y="${top - 11}" width="24" height="14"/>`,
    text(left + 30, top, shaded),
  ];
}

function unitOf(seconds: number): { readonly name: string; readonly seconds: number } {
  if (seconds > 3 * 3600) return { name: 'hours', seconds: 3600 };
  return seconds > 300 ? { name: 'minutes', seconds: 60 } : { name: 'seconds', seconds: 1 };
}

const ticks = (end: number) =>
  Array.from({ length: TICKS + 1 }, (_, index) => Number(((end * index) / TICKS).toPrecision(6)));

const greatest = (values: readonly number[]) => values.reduce((most, value) => Math.max(most, value), 0);
