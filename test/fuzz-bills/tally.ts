/** Counts verdicts by kind of mutation, and says whether they are good enough. */
import type { Verdict } from './oracle/judge.ts';
import { KINDS, type Kind, type Mutation } from './mutations/mutation.ts';

/** So many histories of each kind must be billed right. */
const LEAST_RIGHT = 0.99;
/** Of few histories, so many may be reported instead: two mutations of one history can hide what was meant. */
const FEW = 2;
/** Wrong histories of a kind that are named. */
const NAMED = 5;

type Row = Record<Verdict, number> & { readonly wrongOnes: number[]; readonly reportedOnes: number[] };
type RowName = Kind | 'none';

export class Tally {
  readonly #rows = new Map<RowName, Row>();
  readonly #all: Row = emptyRow();

  add(number: number, mutations: readonly Mutation[], verdict: Verdict): void {
    const kinds = new Set<RowName>(mutations.map(({ kind }) => kind));
    if (kinds.size === 0) kinds.add('none');
    for (const kind of kinds) this.#count(this.#row(kind), number, verdict);
    this.#count(this.#all, number, verdict);
  }

  #row(kind: RowName): Row {
    const row = this.#rows.get(kind) ?? emptyRow();
    this.#rows.set(kind, row);
    return row;
  }

  #count(row: Row, number: number, verdict: Verdict): void {
    row[verdict]++;
    if (verdict === 'wrong' && row.wrongOnes.length < NAMED) row.wrongOnes.push(number);
    if (verdict === 'reported' && row.reportedOnes.length < NAMED) row.reportedOnes.push(number);
  }

  /** Why the run failed, a sentence for each kind; none when it did not. */
  failures(): string[] {
    return [...this.#rows].flatMap(([kind, row]) => {
      const share = row.right / sizeOf(row);
      if (row.wrong > 0)
        return [`kind ${kind}: ${row.wrong} histories are billed wrong, and no report says so`];
      return share >= LEAST_RIGHT || row.reported <= FEW
        ? []
        : [`kind ${kind}: only ${percent(share)} are billed right`];
    });
  }

  /** kind | histories | right | reported | wrong */
  table(): string {
    const names: RowName[] = ['none', ...KINDS];
    const rows = names.flatMap((name) => {
      const row = this.#rows.get(name);
      return row === undefined ? [] : [cells(name, row)];
    });
    const head = [
      'kind',
      'histories',
      'right',
      'reported',
      'wrong',
      'share right',
      'first that are not right',
    ];
    return [head, ...rows, cells('all', this.#all)]
      .map((cells) => cells.map(padded).join(' ').trimEnd())
      .join('\n');
  }
}

function cells(name: string, row: Row): string[] {
  const { right, reported, wrong, wrongOnes, reportedOnes } = row;
  const first = [...wrongOnes, ...(wrongOnes.length === 0 ? reportedOnes : [])].join(', ');
  return [name, `${sizeOf(row)}`, `${right}`, `${reported}`, `${wrong}`, percent(right / sizeOf(row)), first];
}

function padded(text: string, column: number): string {
  const width = [6, 10, 9, 9, 7, 12][column] ?? 0;
  return column === 0 || column === 6 ? text.padEnd(width) : text.padStart(width);
}

const percent = (share: number) => `${(share * 100).toFixed(2)} %`;
const sizeOf = ({ right, reported, wrong }: Row) => right + reported + wrong;
const emptyRow = (): Row => ({ right: 0, reported: 0, wrong: 0, wrongOnes: [], reportedOnes: [] });
