/**
 * Makes a source map small: only what leads into our own sources stays. Node.js keeps a map in memory, decoded, from the first
 * error on, and most of a bundle is its dependencies: the whole maps take 40 to 70 MB of each program, these take 1 to 5.
 */

interface SourceMap {
  readonly version: number;
  readonly sources: readonly string[];
  readonly mappings: string;
}

/**
 * A position in a source as a segment gives it: index of the source, line, column.
 * Source: the format's specification, ECMA-426; all numbers are differences to the segment before.
 */
type Place = [source: number, line: number, column: number];

/** @param isOurs whether a source is to stay, by its path as the map has it */
export function ownMappings(map: SourceMap, isOurs: (source: string) => boolean): object {
  const sources = map.sources.filter(isOurs);
  const renumbered = map.sources.map((source) => sources.indexOf(source));
  const read: Place = [0, 0, 0];
  const written: Place = [0, 0, 0];
  let inOurs = false;
  const lines = map.mappings.split(';').map((line) => {
    let column = 0;
    let writtenColumn = 0;
    const segments: string[] = [];
    for (const segment of line === '' ? [] : line.split(',')) {
      const [columns = 0, ...place] = decode(segment);
      column += columns;
      // A fifth number would be a name: functions of a bundle keep theirs.
      if (place.length > 0) for (const i of read.keys()) read[i] = (read[i] ?? 0) + (place[i] ?? 0);
      const source = place.length > 0 ? (renumbered[read[0]] ?? -1) : -1;
      if (source < 0 && !inOurs) continue;
      const now: Place = source < 0 ? written : [source, read[1], read[2]];
      // Without a place: from here on it maps to no source.
      const steps = source < 0 ? [] : now.map((value, i) => value - (written[i] ?? 0));
      segments.push([column - writtenColumn, ...steps].map(encode).join(''));
      written.splice(0, 3, ...now);
      writtenColumn = column;
      inOurs = source >= 0;
    }
    return segments.join(',');
  });
  return { version: map.version, sources, names: [], mappings: lines.join(';') };
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base 64 VLQ: five bits a digit, lowest first, the sixth says that more follow; the lowest bit of all is the sign. */
function decode(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0;
  let shift = 0;
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value |= (bits & 31) << shift;
    shift += 5;
    if ((bits & 32) !== 0) continue;
    numbers.push((value & 1) === 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}

function encode(number: number): string {
  let rest = number < 0 ? (-number << 1) | 1 : number << 1;
  let text = '';
  do {
    const bits = rest & 31;
    rest >>>= 5;
    text += DIGITS[rest > 0 ? bits | 32 : bits];
  } while (rest > 0);
  return text;
}
