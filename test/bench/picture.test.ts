/** The picture of the figures: what is where, so that a reader can trust the bars. */
import test from 'ava';
import { pictureOf } from './picture.ts';
import type { ContenderFigures, Results } from './results.ts';

const figures = (name: string, parts: Readonly<Record<string, number>>, rate?: number): ContenderFigures => {
  const cpu = Object.values(parts).reduce((sum, one) => sum + one, 0);
  return {
    name,
    ...(rate !== undefined && { rate }),
    cpuMicrosPerCall: cpu,
    cpuMicrosPerCallOf: parts,
    cpuMicrosPerCallOfRounds: [cpu],
    callsPerSecond: 1000,
    callsPerSecondOfCore: 1e6 / cpu,
    p50Millis: 1,
    p99Millis: 2,
  };
};
const ratio = (to: string, cpu: number) => ({ ratio: { to, cpu, p99: 1 } });

const RESULTS: Results = {
  at: '2026-01-02T03:04:05.678Z',
  machine: { platform: 'linux', cores: 2, node: 'v24.0.0' },
  rounds: 3,
  seconds: 2,
  rows: [
    {
      row: 'network',
      what: 'x',
      contenders: [
        { ...figures('1 proxy; fsync no', { proxy: 40, processor: 25, redis: 15 }), ...ratio('alone', 4) },
        figures('alone', { alone: 20 }),
        figures('peer & "Redis" <1>', { peer: 29, redis: 1 }),
        { ...figures('700/s, 2 proxies', { proxy: 600, redis: 400 }, 700), ...ratio('700/s, alone', 10) },
        figures('700/s, alone', { alone: 100 }, 700),
      ],
    },
  ],
};
const svg = pictureOf(RESULTS);

interface Bar {
  readonly part: string | undefined;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

const bars: Bar[] = [
  ...svg.matchAll(/<rect class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="18">/g),
].map(([, part, x, y, width]) => ({ part, x: Number(x), y: Number(y), width: Number(width) }));

test('a bar is as long as the CPU per message, made of its programs from left to right', (t) => {
  const [proxy, processor, redis, alone] = bars;
  t.deepEqual(
    bars.map(({ part }) => part),
    ['proxy', 'processor', 'redis', 'other', 'other', 'redis', 'proxy', 'redis', 'other'],
  );
  t.is(proxy?.x, 16);
  t.is(processor?.x, 16 + (proxy?.width ?? 0));
  // The longest of a panel ends where its figures begin.
  t.is((redis?.x ?? 0) + (redis?.width ?? 0), 700);
  t.is(proxy?.width, (700 - 16) / 2);
  t.is(alone?.width, (700 - 16) / 4);
  t.is(new Set(bars.map(({ y }) => y)).size, 5);
});

test('each rate has a panel and a scale of its own', (t) => {
  t.regex(svg, />Row network, closed loop<.*>Row network, 700 messages a second</s);
  t.is(bars[6]?.width, rounded((600 / 1000) * 684));
});

test('figures are text: the sum, the share of each program, the ratio to the base of the panel', (t) => {
  t.regex(svg, />80\.0 µs, 4\.00x of alone</);
  t.regex(svg, />ws-proxy 40\.0, processor 25\.0, Redis 15\.0</);
  t.regex(svg, />20\.0 µs</);
  t.regex(svg, />30\.0 µs, 1\.50x of alone</);
  t.regex(svg, />1000\.0 µs, 10\.00x of alone</);
  t.regex(svg, />2 cores, linux, Node\.js v24\.0\.0; median of 3 x 2 s; 2026-01-02</);
});

test('our programs are named as such; names are escaped', (t) => {
  t.regex(svg, /class="strong">OcppCluster: 1 proxy; fsync no</);
  t.regex(svg, /class="strong">OcppCluster: 2 proxies</);
  t.true(svg.includes('>peer &amp; &quot;Redis&quot; &lt;1><'));
  t.notRegex(svg, /OcppCluster: peer/);
});

test('the legend has the programs of the picture only, and the page follows a dark theme', (t) => {
  t.regex(svg, />ws-proxy<.*>processor<.*>Redis<.*>another server</s);
  t.notRegex(svg, />monolith</);
  t.regex(svg, /prefers-color-scheme:dark/);
});

test('nothing measured is an empty page, not a broken one', (t) => {
  const empty = pictureOf({ ...RESULTS, rows: [] });
  t.notRegex(empty, /NaN|Infinity/);
  t.notRegex(svg, /NaN|Infinity/);
});

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
