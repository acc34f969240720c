/** The response to a text: the expectation of a case in a mode, and the differences. */
import type { Validation } from '../../services/csms/handler.ts';
import type { Fate, Reply, Step } from './cases.ts';
import { mismatches } from './pattern.ts';
import { filledIn } from './texts.ts';

/** The expected response to a step's text in a mode. */
export function replyTo(step: Step, mode: Validation): Reply {
  const { answer, result, error, strict, garbage, invalid, refused, unframed } = step;
  if (mode === 'Strict' && strict !== undefined) return strict;
  const code = garbage ?? invalid ?? (mode === 'Strict' ? (refused ?? unframed) : undefined);
  if (code !== undefined) return code === 'none' ? { answer: 'none' } : { error: code };
  return { answer, result, ...(error !== undefined && { error }) };
}

/** The message id as written in a text that may be invalid JSON. */
const ID = /^[^[]*\[[\s,]*"?\d+"?[\s,]*("(?:[^"\\]|\\.)*"|[^\s,\]]+)/s;

/** Where a response differs from the expected one. @param fate treatment of the text that it answers */
export function replyDifferences(
  reply: Reply,
  text: string,
  answer: string,
  fate: Fate | undefined,
  now: number,
  names: ReadonlyMap<string, string>,
): string[] {
  const { answer: whole, result, error } = filledIn(reply, names);
  if (typeof whole === 'string') return answer === whole ? [] : [`it is not ${whole}`];
  if (whole !== undefined) return mismatches(whole, JSON.parse(answer), now);
  const id = fate === 'unreadable' && !isReadable(text) ? '"-1"' : (ID.exec(text)?.[1] ?? '"-1"');
  const start = `[${error === undefined ? 3 : 4},${id},`;
  if (!answer.startsWith(start)) return [`it does not begin with ${start}`];
  const [, , second] = JSON.parse(answer) as unknown[];
  return mismatches(error ?? result ?? {}, second, now, error === undefined ? '' : 'code');
}

/** Whether a text is JSON with a message id that can be repeated. */
function isReadable(text: string): boolean {
  try {
    const [, id] = JSON.parse(text) as unknown[];
    return typeof id === 'string' && id.length > 0 && id.length <= 36;
  } catch {
    return false;
  }
}
