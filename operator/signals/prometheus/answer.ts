/** Reads an answer of the Prometheus HTTP API (/api/v1/query). Pure. */

/** One element of an instant vector; a scalar is one without labels. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** When the server evaluated the query, s since 1970 by its clock. */
  readonly evaluatedAt: number;
  /** May be NaN or infinite. */
  readonly value: number;
}

/** The most of a text of the server that is quoted. */
const QUOTED = 300;

export const quoted = (text: string): string => (text.length <= QUOTED ? text : `${text.slice(0, QUOTED)}…`);

/** The series, or a text that says what is wrong with the answer. */
export function seriesOf(answer: unknown): readonly Series[] | string {
  const { status, data, warnings, error, isPartial } = fieldsOf(answer);
  if (status === 'error') return `the query failed: ${quoted(String(error))}`;
  if (status !== 'success') return NO_PROMETHEUS;
  const partial = textsOf(warnings).filter((text) => !text.startsWith('PromQL info'));
  if (partial.length > 0)
    return `the answer may be incomplete, so it is not used. The server warns: ${quoted(partial.join('; '))}`;
  // The sign of VictoriaMetrics.
  if (isPartial === true) return 'the answer is partial, as the server says itself, so it is not used';
  const { resultType, result } = fieldsOf(data);
  if (resultType === 'scalar') return elementsOf([{ metric: {}, value: result }]);
  if (resultType !== 'vector')
    return `the query gives a ${quoted(String(resultType))}, not an instant vector`;
  return Array.isArray(result) ? elementsOf(result) : NO_PROMETHEUS;
}

/** Of an answer that is no answer of a Prometheus. Its text is not quoted: it may be of any server. */
export const NO_PROMETHEUS =
  'the answer is not that of the Prometheus HTTP API. Check spec.processor.autoscaling.prometheus.url';

function elementsOf(result: readonly unknown[]): readonly Series[] | string {
  const series = result.map(elementOf);
  const known = series.filter((one) => one !== undefined);
  return known.length === series.length ? known : NO_PROMETHEUS;
}

function elementOf(element: unknown): Series | undefined {
  const { metric, value, histogram } = fieldsOf(element);
  const labels = Object.fromEntries(
    Object.entries(fieldsOf(metric)).map(([name, text]) => [name, String(text)]),
  );
  // A native histogram is no number; the query of a figure must not give one.
  const [at, text]: readonly unknown[] = Array.isArray(value)
    ? value
    : Array.isArray(histogram)
      ? histogram
      : [];
  if (typeof at !== 'number' || !Number.isFinite(at)) return undefined;
  return { labels, evaluatedAt: at, value: typeof text === 'string' ? numberOf(text) : Number.NaN };
}

/** As Prometheus writes numbers. Number() would read an empty text as 0. */
const numberOf = (text: string): number =>
  /^[+-]?(\d|\.\d)/.test(text)
    ? Number(text)
    : text.endsWith('Inf')
      ? Number(text.replace('Inf', 'Infinity'))
      : Number.NaN;

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

const textsOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** The one finite, not negative number of an overridden query, or what is wrong with it. */
export function singleValueOf(series: readonly Series[]): number | string {
  const [only, ...more] = series;
  if (only === undefined) return 'returned no sample';
  if (more.length > 0) return `returned ${series.length} samples; aggregate them, for example with sum()`;
  if (!Number.isFinite(only.value) || only.value < 0) return `returned ${only.value}, which is no figure`;
  return only.value;
}
