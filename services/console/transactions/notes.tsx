/** The notes of a transaction: those that need a manual check stand out. */
import { TEXTS } from '../texts.ts';
import { isDoubtful } from './doubtful.ts';
import type { Transaction } from './list.ts';

export function Notes({ of }: { readonly of: Pick<Transaction, 'notes'> }) {
  if (of.notes === undefined) return null;
  return <span class={isDoubtful(of) ? 'badge warn' : 'quiet'}>{of.notes.join(', ')}</span>;
}

/** What the notes mean, in sentences. */
export function meaningOf(notes: readonly string[] = []): string {
  const known: Readonly<Record<string, string>> = TEXTS.transactions.notes;
  return notes.flatMap((note) => known[note] ?? []).join(' ');
}
