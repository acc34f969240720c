/** The answers of Prometheus to range queries, as time series. Every mistake has a message that says what to do. */

export interface Point {
  /** s since 1970 */
  readonly at: number;
  readonly value: number;
}

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** In order of time. A value that is no finite number is absent: it is not known. */
  readonly points: readonly Point[];
}

export class RecordingError extends Error {
  override readonly name = 'RecordingError';
}

/** @param text one answer of /api/v1/query_range, or a list of them @throws RecordingError */
export function seriesIn(text: string): readonly Series[] {
  const answers = parsed(text);
  const found = new Map<string, Series>();
  for (const answer of Array.isArray(answers) ? answers : [answers]) {
    for (const one of seriesOf(answer)) {
      const id = idOf(one);
      const before = found.get(id);
      found.set(id, before === undefined ? one : joined(before, one));
    }
  }
  if (found.size === 0) throw new RecordingError('the recording has no series: the query matched nothing');
  return [...found.values()];
}

const idOf = ({ name, labels }: Series) =>
  JSON.stringify([name, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);

function parsed(text: string): unknown {
  if (text.trim() === '') throw new RecordingError('the recording is empty');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const begin = text.trimStart().slice(0, 40).replaceAll('\n', ' ');
    throw new RecordingError(`the recording is not JSON; it begins with "${begin}"`);
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function seriesOf(answer: unknown): Series[] {
  if (!isObject(answer)) throw new RecordingError('the recording is not an answer of Prometheus');
  if (answer['status'] === 'error') {
    throw new RecordingError(`Prometheus answered with an error: ${String(answer['error'])}`);
  }
  const { data } = answer;
  if (!isObject(data)) throw new RecordingError('the recording is not an answer of Prometheus: no data');
  if (data['resultType'] !== 'matrix') {
    const type = String(data['resultType']);
    throw new RecordingError(`the answer has the type ${type}, not matrix: ask /api/v1/query_range`);
  }
  if (!Array.isArray(data['result'])) throw new RecordingError('the answer has no list of results');
  return data['result'].map(oneSeries);
}

function oneSeries(result: unknown): Series {
  const { metric, values } = isObject(result) ? result : {};
  if (!isObject(metric) || !Array.isArray(values)) {
    throw new RecordingError('a result has no metric or no values');
  }
  const { __name__: name, ...labels } = metric as Record<string, string>;
  if (typeof name !== 'string') {
    throw new RecordingError('a series has no name: record the metrics as they are, without rate() or sum()');
  }
  const all = values.map((value) => pointOf(value, name));
  for (const [index, { at }] of all.entries()) {
    const before = all[index - 1]?.at;
    if (before !== undefined && at <= before) {
      throw new RecordingError(`${name}: time ${at} follows ${before}; the times of a series must rise`);
    }
  }
  return { name, labels, points: all.filter(({ value }) => Number.isFinite(value)) };
}

const SPECIAL = /^([+-]?Inf|NaN)$/;

/** A pair of Prometheus: the time as a number, the value as text. */
function pointOf(pair: unknown, name: string): Point {
  const [at, text] = Array.isArray(pair) ? (pair as unknown[]) : [];
  const isNumber = typeof text === 'string' && text.trim() !== '' && Number.isFinite(Number(text));
  if (typeof at !== 'number' || !Number.isFinite(at) || typeof text !== 'string') {
    throw new RecordingError(`${name}: ${JSON.stringify(pair)} is no pair of a time and a value`);
  }
  if (!isNumber && !SPECIAL.test(text)) throw new RecordingError(`${name}: "${text}" is no value`);
  return { at, value: isNumber ? Number(text) : Number.NaN };
}

/** Answers may overlap where they agree. */
function joined(one: Series, other: Series): Series {
  const points = new Map(one.points.map(({ at, value }) => [at, value]));
  for (const { at, value } of other.points) {
    const known = points.get(at);
    if (known !== undefined && known !== value) {
      throw new RecordingError(`${one.name}: two answers have different values at ${at}`);
    }
    points.set(at, value);
  }
  const sorted = [...points].sort(([a], [b]) => a - b).map(([at, value]) => ({ at, value }));
  return { ...one, points: sorted };
}
