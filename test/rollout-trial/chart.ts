/** Sessions of each Pod over time as an SVG: old Pods in one hue, new ones in another, phases as vertical lines. Pure. */
import { escaped, line, rounded, text, tickedEnd } from '../../operator/whatif/svg.ts';

export interface PodSessions {
  readonly pod: string;
  /** It was there before the change. */
  readonly isOld: boolean;
  readonly sessions: number;
}

export interface Sample {
  /** Since the first sample. */
  readonly seconds: number;
  readonly pods: readonly PodSessions[];
}

export interface Mark {
  readonly seconds: number;
  readonly label: string;
}

export interface ChartInput {
  readonly title: string;
  readonly samples: readonly Sample[];
  readonly marks: readonly Mark[];
}

const SIZE = { width: 960, height: 420 };
const PLOT = { left: 64, top: 70, right: 944, bottom: 370 };
const HUE = { old: 25, new: 205 };
const STYLE =
  'text{font:12px sans-serif;fill:#333}.axis{stroke:#333}.grid{stroke:#ddd}.mark{stroke:#888;stroke-dasharray:4 3}' +
  'polyline{fill:none;stroke-width:2}';
const TICKS = 5;
/** Labels of marks that would overlap take turns in rows; pixels. */
const LABEL = { width: 90, height: 13, rows: 3 };

export function chart({ title, samples, marks }: ChartInput): string {
  const longest = tickedEnd(TICKS, 1, Math.max(1, ...samples.map(({ seconds }) => seconds)));
  const most = tickedEnd(
    TICKS,
    1,
    Math.max(1, ...samples.flatMap(({ pods }) => pods.map(({ sessions }) => sessions))),
  );
  const x = (seconds: number) => rounded(PLOT.left + (seconds / longest) * (PLOT.right - PLOT.left));
  const y = (sessions: number) => rounded(PLOT.bottom - (sessions / most) * (PLOT.bottom - PLOT.top));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    `<rect width="${SIZE.width}" height="${SIZE.height}" fill="#fff"/>`,
    text(PLOT.left, 18, title, 'font-weight="bold"'),
    ...axes(longest, most, x, y),
    ...markLines(marks, x),
    ...podLines(samples, x, y),
    ...legend(samples),
    '</svg>',
    '',
  ].join('\n');
}

type Scale = (value: number) => number;

function axes(longest: number, most: number, x: Scale, y: Scale): string[] {
  const steps = Array.from({ length: TICKS + 1 }, (_, index) => index / TICKS);
  return [
    ...steps.map((step) => line(PLOT.left, y(most * step), PLOT.right, y(most * step), 'grid')),
    ...steps.map((step) => text(PLOT.left - 6, y(most * step) + 4, String(most * step), 'text-anchor="end"')),
    ...steps.map((step) =>
      text(x(longest * step), PLOT.bottom + 16, String(longest * step), 'text-anchor="middle"'),
    ),
    line(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom, 'axis'),
    line(PLOT.left, PLOT.top, PLOT.left, PLOT.bottom, 'axis'),
    text((PLOT.left + PLOT.right) / 2, PLOT.bottom + 34, 'seconds', 'text-anchor="middle"'),
    text(
      16,
      (PLOT.top + PLOT.bottom) / 2,
      'stations per Pod',
      'text-anchor="middle" transform="rotate(-90 16 220)"',
    ),
  ];
}

function markLines(marks: readonly Mark[], x: Scale): string[] {
  return marks.flatMap(({ seconds, label }, index) => {
    const crowded = index > 0 && x(seconds) - x(marks[index - 1]?.seconds ?? 0) < LABEL.width;
    const row = crowded ? index % LABEL.rows : 0;
    const top = PLOT.top - 6 - row * LABEL.height;
    return [line(x(seconds), PLOT.top, x(seconds), PLOT.bottom, 'mark'), text(x(seconds), top, label)];
  });
}

function podLines(samples: readonly Sample[], x: Scale, y: Scale): string[] {
  const pods = podsOf(samples);
  return pods.map(({ pod, isOld }) => {
    const alike = pods.filter((one) => one.isOld === isOld);
    const shade = alike.findIndex((one) => one.pod === pod) / Math.max(1, alike.length);
    const points = samples.flatMap(({ seconds, pods: seen }) => {
      const found = seen.find((one) => one.pod === pod);
      return found === undefined ? [] : [`${x(seconds)},${y(found.sessions)}`];
    });
    const color = `hsl(${isOld ? HUE.old : HUE.new} 80% ${Math.round(30 + shade * 35)}%)`;
    return `<polyline points="${points.join(' ')}" stroke="${color}"><title>${escaped(pod)}</title></polyline>`;
  });
}

function legend(samples: readonly Sample[]): string[] {
  const pods = podsOf(samples);
  const entry = (left: number, hue: number, label: string) => [
    `<line x1="${left}" y1="408" x2="${left + 24}" y2="408" stroke="hsl(${hue} 80% 45%)" stroke-width="2"/>`,
    text(left + 30, 412, label),
  ];
  const olds = pods.filter(({ isOld }) => isOld).length;
  return [
    ...entry(PLOT.left, HUE.old, `old Pods (${olds})`),
    ...entry(PLOT.left + 160, HUE.new, `new Pods (${pods.length - olds})`),
  ];
}

function podsOf(samples: readonly Sample[]): PodSessions[] {
  return [...new Map(samples.flatMap(({ pods }) => pods.map((one) => [one.pod, one] as const))).values()];
}
