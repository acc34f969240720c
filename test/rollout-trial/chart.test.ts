/** The picture of a rollout: what is where, so that a reader can trust the lines. */
import test from 'ava';
import { chart, type Sample } from './chart.ts';

const pod = (name: string, isOld: boolean, sessions: number) => ({ pod: name, isOld, sessions });
const SAMPLES: readonly Sample[] = [
  { seconds: 0, pods: [pod('old-a', true, 50), pod('old-b', true, 48)] },
  { seconds: 50, pods: [pod('old-a', true, 25), pod('old-b', true, 48), pod('new-a', false, 25)] },
  { seconds: 100, pods: [pod('new-a', false, 98)] },
];

const polylines = (svg: string) =>
  [...svg.matchAll(/<polyline points="([^"]*)" stroke="hsl\((\d+) [^"]*"><title>([^<]*)</g)].map(
    ([, points = '', hue, name]) => ({
      name,
      hue: Number(hue),
      points: points.split(' ').map((one) => one.split(',').map(Number)),
    }),
  );

test('each Pod is a line from its first sample to its last, in the hue of its set', (t) => {
  const lines = polylines(chart({ title: 'x', samples: SAMPLES, marks: [] }));
  t.deepEqual(
    lines.map(({ name, points }) => [name, points.length]),
    [
      ['old-a', 2],
      ['old-b', 2],
      ['new-a', 2],
    ],
  );
  const [a, b, fresh] = lines;
  t.is(a?.hue, b?.hue);
  t.not(a?.hue, fresh?.hue);
});

test('time goes right and stations go up, in proportion', (t) => {
  const [a] = polylines(chart({ title: 'x', samples: SAMPLES, marks: [] }));
  const [[x0 = 0, y0 = 0] = [], [x1 = 0, y1 = 0] = []] = a?.points ?? [];
  // The axes end at 100: 50 and 25 stations, at 0 and 50 seconds.
  t.is(x1 - x0, (944 - 64) / 2);
  t.is(y0, 370 - 300 * 0.5);
  t.is(y1, 370 - 300 * 0.25);
});

test('marks are vertical lines with their label where they happened; axes say what they are', (t) => {
  const svg = chart({ title: 'a < b & "c"', samples: SAMPLES, marks: [{ seconds: 50, label: 'Moving' }] });
  t.regex(
    svg,
    /<line class="mark" x1="504" y1="70" x2="504" y2="370"\/>\n<text x="504" y="64">Moving<\/text>/,
  );
  t.regex(svg, />seconds<\/text>/);
  t.regex(svg, />stations per Pod<\/text>/);
  t.regex(svg, />old Pods \(2\)</);
  t.regex(svg, />new Pods \(1\)</);
  t.true(svg.includes('a &lt; b &amp; &quot;c&quot;'));
  t.false(svg.includes('NaN'));
});

test('labels of marks that are close together stand in different rows', (t) => {
  const marks = [10, 12, 14].map((seconds) => ({ seconds, label: `at ${seconds}` }));
  const svg = chart({ title: 'x', samples: SAMPLES, marks });
  const rows = [...svg.matchAll(/y="(\d+)">at /g)].map(([, y]) => y);
  t.is(new Set(rows).size, 3);
});

test('nothing measured is an empty plot, not a broken one', (t) => {
  t.false(chart({ title: 'x', samples: [], marks: [] }).includes('NaN'));
});
