/** The little of Prometheus' text exposition format that it takes to read a few series by name. */

/**
 * Sums of the series of each wanted name. A name that is absent, or whose value is not a finite number,
 * is absent here: not a number is not zero.
 */
export function readMetrics(text: string, wanted: ReadonlySet<string>): Readonly<Record<string, number>> {
  const sums = new Map<string, number>();
  for (const line of text.split('\n')) {
    const name = /^[A-Za-z_:][\w:]*/.exec(line)?.[0];
    if (name === undefined || !wanted.has(name)) continue;
    sums.set(name, (sums.get(name) ?? 0) + valueOf(line.slice(name.length)));
  }
  return Object.fromEntries([...sums].filter(([, value]) => Number.isFinite(value)));
}

/** `{labels} value timestamp`; a label's value may hold anything, quotes and braces escaped or not. */
const REST = /^\s*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?\s+(\S+)(?:\s+-?\d+)?\s*$/;

function valueOf(rest: string): number {
  const value = REST.exec(rest)?.[1];
  return value === undefined ? Number.NaN : Number(value);
}
