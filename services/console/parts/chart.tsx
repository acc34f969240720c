/** A small chart over time. Its colours are those of the page, and its last values are in a text for screen readers. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { isDark } from '../shell/theme.ts';
import { rounded, tick, timeOfDay } from './format.ts';

export interface Line {
  readonly label: string;
  /** Number of a colour of the page: `--line-1` to `--line-4`. */
  readonly colour: 1 | 2 | 3 | 4;
  /** Seconds since 1970 and value; null is a hole. In order of time. */
  readonly points: readonly (readonly [number, number | null])[];
}

export interface ChartProps {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Such as `s` or `kWh`. */
  readonly unit?: string;
  readonly height?: number;
  /** How long the axis of time is, up to the last point; without it as long as the points are apart. */
  readonly seconds?: number;
  /** The axis begins at 0 where there is nothing below it. */
  readonly fromZero?: boolean;
}

export function Chart({ title, lines, unit = '', height = 140, seconds, fromZero = true }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const shape = lines.map(({ label, colour }) => `${label}${colour}`).join();
  const dark = isDark.value;
  useEffect(() => {
    const element = box.current;
    if (element === null) return undefined;
    const style = getComputedStyle(element);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour('--quiet'),
      grid: { stroke: colour('--grid'), width: 1 },
      ticks: { show: false },
    };
    const options: uPlot.Options = {
      width: element.clientWidth,
      height,
      legend: { show: lines.length > 1, live: false },
      cursor: { drag: { x: false, y: false } },
      scales: {
        x: { range: (_plot, from, to) => [seconds === undefined ? from : to - seconds, to] },
        y: { range: (_plot, low, high) => rangeOf(low, high, fromZero) },
      },
      axes: [
        {
          ...axis,
          size: 24,
          space: 64,
          font: '11px system-ui',
          values: (_plot, times, _axis, _space, step) => times.map((time) => timeOfDay(time, step < 60)),
        },
        {
          ...axis,
          size: 56,
          font: '11px system-ui',
          values: (_plot, values, _axis, _space, step) =>
            values.map((one) => `${tick(one, step)}${unit === '' ? '' : ` ${unit}`}`),
        },
      ],
      series: [
        {},
        ...lines.map((line) => ({
          label: line.label,
          stroke: colour(`--line-${line.colour}`),
          width: 2,
          // One value alone has no line.
          points: { show: ({ data }: uPlot) => data[0].length < 2 },
        })),
      ],
    };
    plot.current = new uPlot(options, tableOf(lines), element);
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape, dark, height, unit, seconds]);
  useEffect(() => plot.current?.setData(tableOf(lines)), [lines]);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={box} aria-hidden="true" />
      <p class="only-read">
        {lines
          .map(({ label, points }) => `${label}: ${rounded(points.at(-1)?.[1] ?? undefined)} ${unit}`)
          .join('; ')}
      </p>
    </figure>
  );
}

function rangeOf(low: number | null, high: number | null, fromZero: boolean): [number, number] {
  const [least, most] = [low ?? 0, high ?? 1];
  const bottom = fromZero ? Math.min(0, least) : least;
  return [bottom, most > bottom ? most + (most - bottom) * 0.1 : bottom + 1];
}

/** The times of all lines, then the values of each. */
function tableOf(lines: readonly Line[]): uPlot.AlignedData {
  const times = [...new Set(lines.flatMap(({ points }) => points.map(([time]) => time)))].sort(
    (a, b) => a - b,
  );
  const values = lines.map(({ points }) => {
    const known = new Map(points);
    return times.map((time) => known.get(time) ?? null);
  });
  return [times, ...values];
}
