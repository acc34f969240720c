/** The picture of a replay: processors, backlog and age over time; of the operator, the HPA and the recording. */
import { chart, type Line, type Plot, type Points } from './chart.ts';
import type { Recording } from './recording.ts';
import type { Replay } from './replay.ts';

/** `replicas` and so on of a moment; a recording has the same names. */
type Figure = 'replicas' | 'backlog' | 'oldestSeconds';

const PLOTS: readonly (readonly [Figure, string])[] = [
  ['replicas', 'processors'],
  ['backlog', 'messages that wait or are in flight'],
  ['oldestSeconds', 'age of the oldest waiting message, s'],
];
/** Told apart by people with any kind of colour vision (Okabe and Ito). */
const COLOR = { own: '#0072b2', hpa: '#d55e00', recorded: '#777777' };

export function pictureOf(recording: Recording, replay: Replay): string {
  const sources = [
    ['recorded', COLOR.recorded, recording.recorded],
    [`HPA, ${replay.hpaTarget} per processor`, COLOR.hpa, replay.hpa.moments],
    ['operator', COLOR.own, replay.own.moments],
  ] as const;
  const plots = PLOTS.map(([figure, title]): Plot => ({
    title,
    lines: sources.map(([name, color, moments]): Line => ({
      name,
      color,
      segments: segmentsOf(
        moments.map((moment) => [moment.second, moment[figure]] as const),
        recording.gapSeconds,
      ),
    })),
  }));
  const begin = `${new Date(recording.begin).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  return chart({
    title: `Processors, backlog and age from ${begin}`,
    plots,
    shaded: { name: 'no metrics', spans: spansOf(recording.blind) },
  });
}

/** Cut where no sample is for longer than this. */
function segmentsOf(points: Points, gapSeconds: number): Points[] {
  const cuts = points.flatMap(([second], index) =>
    second - (points[index - 1]?.[0] ?? second) > gapSeconds ? [index] : [],
  );
  const edges = [0, ...cuts, points.length];
  return edges.slice(1).map((edge, index) => points.slice(edges[index], edge));
}

/** Where the values are true. */
function spansOf(values: readonly boolean[]): (readonly [number, number])[] {
  const spans: (readonly [number, number])[] = [];
  let from: number | undefined;
  for (let second = 0; second <= values.length; second += 1) {
    const isTrue = values[second] === true;
    if (isTrue && from === undefined) from = second;
    if (isTrue || from === undefined) continue;
    spans.push([from, second]);
    from = undefined;
  }
  return spans;
}
