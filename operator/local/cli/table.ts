/** States as text: a table for a terminal, one line elsewhere. Pure. */
import type { ClusterState, Replicas } from './state.ts';

/** Colours a text without changing its width. */
export type Paint = (text: string, colour: Colour) => string;
export type Colour = 'good' | 'busy' | 'bad' | 'dim';

const CODES: Readonly<Record<Colour, number>> = { good: 32, busy: 33, bad: 31, dim: 2 };
export const inColour: Paint = (text, colour) => `\u001B[${CODES[colour]}m${text}\u001B[0m`;
export const withoutColour: Paint = (text) => text;

const UNKNOWN = '–';
const number = (value: number | null) => (value === null ? UNKNOWN : String(value));

const oldest = ({ queue }: ClusterState) =>
  queue === null || queue.depth === 0 ? UNKNOWN : `${queue.oldestSeconds} s`;

const ready = ({ ready: now, desired }: Replicas) => `${now}/${desired}`;

/** Everything on one line, only as far as it is known. */
export function summary(state: ClusterState): string {
  return [
    `${state.cluster} ${state.phase}`,
    `stations ${number(state.stations)}`,
    `transactions ${number(state.transactions)}`,
    `queue ${number(state.queue?.depth ?? null)}`,
    ...(oldest(state) === UNKNOWN ? [] : [`oldest ${oldest(state)}`]),
    `in flight ${number(state.queue?.inFlight ?? null)}`,
    `proxies ${ready(state.proxies)}`,
    ...(state.processors === null ? [] : [`processors ${ready(state.processors)}`]),
  ].join('  ');
}

const HEAD = ['CLUSTER', 'PHASE', 'STATIONS', 'TRANSACTIONS', 'QUEUE', 'OLDEST', 'IN FLIGHT'] as const;
/** Columns of words; those of numbers are right-aligned. */
const WORDS = 2;

const cellsOf = (state: ClusterState): string[] => [
  state.cluster,
  state.phase,
  number(state.stations),
  number(state.transactions),
  number(state.queue?.depth ?? null),
  oldest(state),
  number(state.queue?.inFlight ?? null),
];

/** Lines of at most `width` characters; plain ones where the table is wider. */
export function table(states: readonly ClusterState[], width: number, paint: Paint): string[] {
  if (states.length === 0) return [];
  const rows = states.map(cellsOf);
  const widths = HEAD.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const aligned = (row: readonly string[]) =>
    row.map((text, column) => {
      const padding = widths[column] ?? 0;
      return column < WORDS ? text.padEnd(padding) : text.padStart(padding);
    });
  const head = aligned(HEAD).join('  ');
  if (head.length > width) {
    return states.flatMap((state) => [...wrap(summary(state), width, 2), ...problemOf(state, width, paint)]);
  }
  const rowOf = (state: ClusterState) => {
    const [cluster = '', phase = '', ...figures] = aligned(cellsOf(state));
    return [cluster, paint(phase, colourOf(state.phase)), ...figures].join('  ');
  };
  return [
    paint(head, 'dim'),
    ...states.flatMap((state) => [
      rowOf(state),
      ...problemOf(state, width, paint),
      ...scaled('proxies', state.proxies, width),
      ...scaled('processors', state.processors, width),
    ]),
  ];
}

function scaled(name: string, replicas: Replicas | null, width: number): string[] {
  if (replicas === null) return [];
  return wrap(`  ${name.padEnd(10)}  ${ready(replicas).padEnd(5)}  ${replicas.why}`.trimEnd(), width, 21);
}

const problemOf = ({ problem }: ClusterState, width: number, paint: Paint) =>
  problem === undefined ? [] : wrap(`  ${problem}`, width, 2).map((line) => paint(line, 'bad'));

function colourOf(phase: string): Colour {
  if (phase === 'Running') return 'good';
  return phase === 'Degraded' ? 'bad' : 'busy';
}

export const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;

/** At most this many lines of one text. */
const MOST_LINES = 3;

/** Breaks at spaces; further lines are indented. What does not fit is cut. */
export function wrap(text: string, width: number, indent: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width && lines.length < MOST_LINES - 1) {
    const space = rest.lastIndexOf(' ', width);
    if (space <= indent) break;
    lines.push(rest.slice(0, space).trimEnd());
    rest = ' '.repeat(indent) + rest.slice(space).trimStart();
  }
  return [...lines, cut(rest, width)];
}
