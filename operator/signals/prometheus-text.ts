/** A minimal parser of Prometheus' text exposition format: reads a few series by name. */

/**
 * The sum of the series of each name. A name without series, or with a value that is not a finite number, is absent
 * in the result: not a number is not zero.
 */
export function readMetrics(text: string, names: ReadonlySet<string>): Readonly<Record<string, number>> {
  const sums = new Map<string, number>();
  for (const line of text.split('\n')) {
    const name = NAME.exec(line)?.[0];
    if (name === undefined || !names.has(name)) continue;
    sums.set(name, (sums.get(name) ?? 0) + valueOf(line.slice(name.length)));
  }
  return Object.fromEntries([...sums].filter(([, value]) => Number.isFinite(value)));
}

/** One series of a metric with its labels. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Every series of each name with a finite value. */
export function readSeries(
  text: string,
  names: ReadonlySet<string>,
): Readonly<Record<string, readonly Series[]>> {
  const found = new Map<string, Series[]>();
  for (const line of text.split('\n')) {
    const name = NAME.exec(line)?.[0];
    if (name === undefined || !names.has(name)) continue;
    const rest = line.slice(name.length);
    const value = valueOf(rest);
    if (!Number.isFinite(value)) continue;
    found.set(name, [...(found.get(name) ?? []), { labels: labelsOf(rest), value }]);
  }
  return Object.fromEntries(found);
}

const NAME = /^[A-Za-z_:][\w:]*/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;

const labelsOf = (rest: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...(LABELS.exec(rest)?.[0] ?? '').matchAll(LABEL)].map(([, label = '', value = '']) => [
      label,
      value.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
    ]),
  );

const LABELS = /^\s*\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\}/;
/** `{labels} value timestamp`; a label value may contain anything, including braces and escaped quotes. */
const REST = /^\s*(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?\s+(\S+)(?:\s+-?\d+)?\s*$/;

function valueOf(rest: string): number {
  const value = REST.exec(rest)?.[1];
  return value === undefined ? Number.NaN : Number(value);
}
