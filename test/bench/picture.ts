/**
 * The figures as an SVG: a bar per contender, as long as its CPU per message, made of its programs. Contenders of one rate share a panel
 * and a scale. Pure.
 */
import { escaped, line, rounded, text, tickedEnd } from '../../operator/whatif/svg.ts';
import type { ContenderFigures, Results, RowFigures } from './results.ts';

const WIDTH = 960;
const LEFT = 16;
/** Where the longest bar may end: its figures follow. */
const RIGHT = 700;
const TICKS = 5;
const HEAD = 78;
const PANEL = { head: 46, foot: 34 };
/** A contender: its name, and its bar below. */
const ENTRY = { height: 48, bar: 18, barTop: 20 };
const LEGEND = { width: 150, height: 24 };

/** Told apart by people with any kind of colour vision (Okabe and Ito), and on a dark page. */
const PARTS: Readonly<Record<string, string>> = {
  proxy: 'ws-proxy',
  processor: 'processor',
  redis: 'Redis',
  monolith: 'monolith',
};
const OTHER = { name: 'other', words: 'another server' };
const STYLE = [
  // Each text covers the lines behind it.
  'text{font:12px sans-serif;fill:#24292f;paint-order:stroke;stroke:#fff;stroke-width:4px}',
  '.page{fill:#fff}.soft{fill:#57606a}.strong{font-weight:bold}',
  '.grid{stroke:#d0d7de}.axis{stroke:#57606a}',
  '.proxy{fill:#0072b2}.processor{fill:#e69f00}.redis{fill:#d55e00}.monolith{fill:#009e73}.other{fill:#8c959f}',
  '@media(prefers-color-scheme:dark){text{fill:#e6edf3;stroke:#0d1117}.page{fill:#0d1117}.soft{fill:#9da7b3}',
  '.grid{stroke:#30363d}.axis{stroke:#9da7b3}.proxy{fill:#56b4e9}.other{fill:#6e7681}}',
].join('');

interface Panel {
  readonly title: string;
  readonly contenders: readonly ContenderFigures[];
}

export function pictureOf(results: Results): string {
  const title = 'CPU per message, all server processes and Redis';
  const panels = results.rows.flatMap(panelsOf);
  const tops = panels.map((_, index) => HEAD + sum(panels.slice(0, index).map(heightOf)));
  const bottom = HEAD + sum(panels.map(heightOf));
  const height = bottom + LEGEND.height;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    text(LEFT, 24, title, 'class="strong"'),
    text(LEFT, 44, 'µs per message, which are the CPU seconds of a million messages', 'class="soft"'),
    text(LEFT, 62, circumstances(results), 'class="soft"'),
    ...panels.flatMap((panel, index) => panelLines(panel, tops[index] ?? HEAD)),
    ...legend(panels, bottom),
    '</svg>',
    '',
  ].join('\n');
}

function circumstances({ at, machine, rounds, seconds }: Results): string {
  const { cores, cpu, platform, node } = machine;
  const where = `${cores} cores${cpu === undefined ? '' : ` of ${cpu.trim()}`}, ${platform}, Node.js ${node}`;
  return `${where}; median of ${rounds} x ${seconds} s; ${at.slice(0, 10)}`;
}

function panelsOf({ row, contenders }: RowFigures): Panel[] {
  const rates = [...new Set(contenders.map(({ rate }) => rate))];
  return rates.map((rate) => ({
    title: `Row ${row}, ${rate === undefined ? 'closed loop' : `${rate} messages a second`}`,
    contenders: contenders.filter((one) => one.rate === rate),
  }));
}

const heightOf = ({ contenders }: Panel) => PANEL.head + contenders.length * ENTRY.height + PANEL.foot;

function panelLines({ title, contenders }: Panel, top: number): string[] {
  const most = Math.max(...contenders.map((one) => one.cpuMicrosPerCall));
  const x = (micros: number) => rounded(LEFT + (micros / most) * (RIGHT - LEFT));
  const first = top + PANEL.head - 14;
  const bottom = first + contenders.length * ENTRY.height;
  const step = tickedEnd(TICKS, 0.1, most) / TICKS;
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => Number((step * index).toPrecision(6))).filter(
    (tick) => tick <= most,
  );
  return [
    text(LEFT, top + 18, title, 'class="strong"'),
    ...ticks.flatMap((tick) => [
      line(x(tick), first, x(tick), bottom, tick === 0 ? 'axis' : 'grid'),
      text(
        x(tick),
        bottom + 16,
        String(tick),
        `class="soft" text-anchor="${tick === 0 ? 'start' : 'middle'}"`,
      ),
    ]),
    ...contenders.flatMap((one, index) => entry(one, contenders, first + index * ENTRY.height, x)),
  ];
}

function entry(
  contender: ContenderFigures,
  all: readonly ContenderFigures[],
  top: number,
  x: (micros: number) => number,
): string[] {
  const { cpuMicrosPerCall, cpuMicrosPerCallOf } = contender;
  const parts = Object.entries(cpuMicrosPerCallOf);
  const y = top + ENTRY.barTop;
  let from = 0;
  const bars = parts.map(([part, micros]) => {
    const begin = from;
    from += micros;
    const label = escaped(`${wordsOf(part)} ${micros.toFixed(1)} µs`);
    return `<rect class="${classOf(part)}" x="${x(begin)}" y="${y}" width="${rounded(x(from) - x(begin))}" height="${ENTRY.bar}"><title>${label}</title></rect>`;
  });
  const split = parts.map(([part, micros]) => `${wordsOf(part)} ${micros.toFixed(1)}`).join(', ');
  const figures = [`${cpuMicrosPerCall.toFixed(1)} µs`, ratioOf(contender, all)].filter((one) => one !== '');
  return [
    text(LEFT + 4, top + 15, nameOf(contender), isOurs(contender) ? 'class="strong"' : ''),
    ...(parts.length < 2 ? [] : [text(WIDTH - LEFT, top + 15, split, 'class="soft" text-anchor="end"')]),
    ...bars,
    text(x(cpuMicrosPerCall) + 8, y + 13, figures.join(', ')),
  ];
}

const isOurs = ({ cpuMicrosPerCallOf: parts }: ContenderFigures) => 'proxy' in parts || 'monolith' in parts;

/** The panel says the rate. */
function nameOf(contender: ContenderFigures): string {
  const { name, rate } = contender;
  const words = name.startsWith(`${rate}/s, `) ? name.slice(`${rate}/s, `.length) : name;
  return isOurs(contender) ? `OcppCluster: ${words}` : words;
}

/** To the contender of the panel that has a ratio of another one: to that one. */
function ratioOf({ name, cpuMicrosPerCall }: ContenderFigures, all: readonly ContenderFigures[]): string {
  const to = all.find(({ ratio }) => ratio !== undefined)?.ratio?.to;
  const base = all.find((one) => one.name === to);
  if (base === undefined || base.name === name) return '';
  return `${(cpuMicrosPerCall / base.cpuMicrosPerCall).toFixed(2)}x of ${nameOf(base)}`;
}

function legend(panels: readonly Panel[], top: number): string[] {
  const used = new Set(
    panels.flatMap(({ contenders }) =>
      contenders.flatMap(({ cpuMicrosPerCallOf }) => Object.keys(cpuMicrosPerCallOf).map(classOf)),
    ),
  );
  const shown = [...Object.keys(PARTS), OTHER.name].filter((name) => used.has(name));
  return shown.flatMap((name, index) => [
    `<rect class="${name}" x="${LEFT + index * LEGEND.width}" y="${top - 4}" width="14" height="14"/>`,
    text(LEFT + index * LEGEND.width + 20, top + 8, PARTS[name] ?? OTHER.words),
  ]);
}

const classOf = (part: string) => (part in PARTS ? part : OTHER.name);
const wordsOf = (part: string) => PARTS[part] ?? part;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
