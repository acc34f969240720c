/** A minimal parser of Prometheus' text exposition format: reads a few series by name. */

/**
 * The sum of the series of each name. A name without series, or with a value that is not a finite number, is absent
 * in the result: not a number is not zero.
 */
export function readMetrics(text: string, names: ReadonlySet<string>): Readonly<Record<string, number>> {
  const sums = new Map<string, number>();
  for (const line of text.split('\n')) {
    const name = /^[A-Za-z_:][\w:]*/.exec(line)?.[0];
    if (name === undefined || !names.has(name)) continue;
    sums.set(name, (sums.get(name) ?? 0) + valueOf(line.slice(name.length)));
  }
  return Object.fromEntries([...sums].filter(([, value]) => Number.isFinite(value)));
}

/** `{labels} value timestamp`; a label value may contain anything, including braces and escaped quotes. */
const REST = /^\s*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?\s+(\S+)(?:\s+-?\d+)?\s*$/;

function valueOf(rest: string): number {
  const value = REST.exec(rest)?.[1];
  return value === undefined ? Number.NaN : Number(value);
}
