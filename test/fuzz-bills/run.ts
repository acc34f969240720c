/** One history from its number to its judgement. */
import { Chance } from '../chaos/random.ts';
import type { Draft } from './draft.ts';
import { type History, historyOf } from './mutations/table.ts';
import { judge, type Judgement } from './oracle/judge.ts';
import { play, type Transcript } from './play.ts';

export interface Played extends History {
  readonly transcript: Transcript;
  readonly judgement: Judgement;
}

/** The same numbers make the same history. */
export function chanceOf(seed: number, number: number): Chance {
  return new Chance((Math.imul(seed, 0x9e3779b1) + number) >>> 0);
}

export async function runHistory(seed: number, number: number): Promise<Played> {
  const history = historyOf(chanceOf(seed, number));
  return { ...history, ...(await judged(history.draft, isLossless(history))) };
}

export function isLossless({ mutations }: History): boolean {
  return mutations.length <= 1 && mutations.every(({ lossless }) => lossless === true);
}

export async function judged(
  draft: Draft,
  lossless: boolean,
): Promise<{ readonly transcript: Transcript; readonly judgement: Judgement }> {
  const transcript = await play(draft);
  return { transcript, judgement: judge(draft, transcript, lossless) };
}
