/** Results as a table in Markdown. */
import { difference } from './redis-commands.ts';
import type { Result } from './compare.ts';

const HEAD = [
  'who',
  'CPU µs/call',
  'of which',
  'ratio (target)',
  'calls/s',
  'p50 ms',
  'p99 ms',
  'Redis commands/call',
];

export function table(results: readonly Result[]): string {
  const lines = results.map((result) => {
    const { contender, median } = result;
    const parts = Object.entries(median.cpuOf);
    return [
      contender.name,
      median.cpu.toFixed(1),
      parts.length < 2 ? '' : parts.map(([part, cpu]) => `${part} ${cpu.toFixed(1)}`).join(', '),
      ratio(result, results),
      String(Math.round(median.callsPerSecond)),
      median.p50.toFixed(1),
      median.p99.toFixed(1),
      median.redisCommands?.toFixed(2) ?? '',
    ];
  });
  return [HEAD, HEAD.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function ratio({ contender: { base: name, target }, median }: Result, results: readonly Result[]): string {
  const base = results.find((one) => one.contender.name === name);
  if (base === undefined) return '';
  const value = median.cpu / base.median.cpu;
  const text = `${value.toFixed(2)}x of ${name}`;
  return target === undefined ? text : `${text} (≤ ${target}x: ${value <= target ? 'met' : 'missed'})`;
}

/** What Redis did most in the first run of each kind that has one, per kind of command: a line each. */
export function redisLines(results: readonly Result[], most = 8): string {
  const kinds = new Map<string, Result>();
  for (const result of results) {
    const kind = Object.keys(result.median.cpuOf).join();
    if (result.median.commands !== undefined && !kinds.has(kind)) kinds.set(kind, result);
  }
  return [...kinds.values()].flatMap((result) => linesOf(result, most)).join('\n');
}

function linesOf({ contender, median: { commands } }: Result, most: number): string[] {
  if (commands === undefined) return [];
  const rows = difference(commands.before, commands.after).slice(0, most);
  const total = rows.reduce((sum, [, { cost }]) => sum + cost, 0);
  const lines = rows.map(
    ([name, { calls, cost }]) =>
      `    ${name.padEnd(12)} ${((100 * cost) / total).toFixed(0).padStart(3)} %  ${(cost / calls).toFixed(1)} µs each, ${calls} calls`,
  );
  return [`Redis' own account of "${contender.name}":`, ...lines];
}
