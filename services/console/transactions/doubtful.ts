/** Notes with which a transaction needs a manual check: those of services/csms/transactions/bill.ts, which a test compares. */
export const DOUBTFUL: ReadonlySet<string> = new Set([
  'meter-start-missing',
  'meter-stop-missing',
  'meter-stop-from-last-reading',
  'meter-below-start',
  'unit-unknown',
  'value-unreadable',
  'phases-differ',
  'time-unreadable',
]);

export const isDoubtful = ({ notes = [] }: { readonly notes?: readonly string[] }): boolean =>
  notes.some((note) => DOUBTFUL.has(note));
