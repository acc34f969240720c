/** A history as a person reads it, and the shortest one that shows the same mistake. */
import type { Draft } from './draft.ts';
import type { Entry, Transcript } from './play.ts';
import type { Judgement } from './oracle/judge.ts';
import { judged } from './run.ts';

export function told(
  { exchanges, bills, reports, events, protocol }: Transcript,
  { verdict, findings }: Judgement,
): string {
  const frames = exchanges.flatMap(({ at, text, answered }) => [
    `${new Date(at).toISOString()} → ${visible(text)}`,
    `${' '.repeat(24)} ← ${answered || '(silence)'}`,
  ]);
  const others = events.filter(({ type = '' }) => /^(message-|transaction-|bill-|stop-)/.test(type));
  return [
    `${protocol}, ${verdict}`,
    ...frames,
    ...section('entry', bills),
    ...section('report', reports),
    ...section('event', others),
    ...findings,
  ].join('\n');
}

function section(name: string, entries: readonly Entry[]): string[] {
  return entries.map(
    (entry) =>
      `${name}: ${Object.entries(entry)
        .map(([field, value]) => `${field}=${value}`)
        .join(' ')}`,
  );
}

/** Control characters as JSON writes them. */
function visible(text: string): string {
  return Array.from(text, (one) =>
    /[\p{Cc}\uFEFF]/u.test(one) ? `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}` : one,
  ).join('');
}

/**
 * Leaves out steps as long as the verdict and the first finding's words stay the same; undefined where they depend on a
 * meter that counted more than its messages say.
 */
export async function shortest(draft: Draft): Promise<Draft | undefined> {
  const wanted = await signature(draft);
  if (wanted.startsWith('right')) return undefined;
  let least = draft;
  for (let shorter = true; shorter;) {
    shorter = false;
    for (let i = least.steps.length - 1; i >= 0; i--) {
      const candidate = { ...least, steps: least.steps.toSpliced(i, 1) };
      if ((await signature(candidate)) !== wanted) continue;
      least = candidate;
      shorter = true;
    }
  }
  return least;
}

async function signature(draft: Draft): Promise<string> {
  const { judgement } = await judged(draft, false);
  const [first = ''] = judgement.findings;
  return `${judgement.verdict} ${first.replace(/\d+(\.\d+)?|\(.*\)/g, '')}`;
}
