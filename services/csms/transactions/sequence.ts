/**
 * Missing sequence numbers of transaction events (2.x TransactionEvent.seqNo). A station that restarts its counter makes
 * no gap.
 */

/** A wider gap is an implausible counter. */
const WIDEST = 1000;
/** Most ranges; the oldest are dropped. */
const MOST = 20;

export interface Sequence {
  /** Highest number since the last restart of the counter. */
  readonly seqNo: number | undefined;
  /** Missing numbers, as ranges: `2` or `0-1,3`; empty if none is missing. */
  readonly gaps: string;
}

/** @param first whether the event is the start of its transaction */
export function afterEvent(known: Sequence, seqNo: number | undefined, first: boolean): Sequence {
  if (seqNo === undefined || !Number.isSafeInteger(seqNo) || seqNo < 0) return known;
  const ranges = read(known.gaps);
  if (known.seqNo === undefined) {
    return { seqNo, gaps: first ? known.gaps : write([...ranges, ...between(0, seqNo)]) };
  }
  if (seqNo > known.seqNo) {
    return { seqNo, gaps: write([...ranges, ...between(known.seqNo + 1, seqNo)]) };
  }
  const late = ranges.some(([from, to]) => from <= seqNo && seqNo <= to);
  // A missing number that arrives late; any other lower number is a counter after a reboot.
  return late ? { seqNo: known.seqNo, gaps: write(without(ranges, seqNo)) } : { seqNo, gaps: known.gaps };
}

type Range = readonly [from: number, to: number];

function between(from: number, next: number): Range[] {
  return from < next && next - from <= WIDEST ? [[from, next - 1]] : [];
}

function without(ranges: readonly Range[], seqNo: number): Range[] {
  return ranges.flatMap(([from, to]): Range[] =>
    seqNo < from || seqNo > to ? [[from, to]] : [...between(from, seqNo), ...between(seqNo + 1, to + 1)],
  );
}

function read(gaps: string): Range[] {
  return gaps
    .split(',')
    .filter((text) => text !== '')
    .map((text) => {
      const [from = 0, to = from] = text.split('-').map(Number);
      return [from, to];
    });
}

function write(ranges: readonly Range[]): string {
  return ranges
    .slice(-MOST)
    .map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`))
    .join(',');
}
