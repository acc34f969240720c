/** Replays or drops entries, one after the other: with what it would do before, its progress, and what failed after it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiProblem, api, read } from '../api/client.ts';
import { Confirm, useAction } from '../parts/action.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { count } from '../parts/format.ts';
import { TEXTS } from '../texts.ts';

const WORDS = TEXTS.deadLetters;

export interface Ask {
  readonly verb: 'replay' | 'drop';
  readonly kind: 'letters' | 'unreadable';
  readonly entries: readonly { readonly id: string; readonly mayRepeat: boolean }[];
}

export interface BulkProps {
  readonly ask: Ask;
  readonly onClose: () => void;
  /** Also after a part of them. @param gone ids that are no longer in the list */
  readonly onEnd: (gone: ReadonlySet<string>, text: string) => void;
}

export function BulkDialog({ ask, onClose, onEnd }: BulkProps) {
  const { verb, kind, entries } = ask;
  const gone = useRef(new Set<string>());
  const [finished, setFinished] = useState(0);
  const [failed, setFailed] = useState<ReadonlyMap<string, number>>(new Map());
  const [isDone, setDone] = useState(false);
  const [isAgreed, setAgreed] = useState(false);
  const isOver = useRef(false);
  useEffect(
    () => () => {
      isOver.current = true;
    },
    [],
  );
  const action = useAction();
  const repeating = verb === 'replay' ? entries.filter(({ mayRepeat }) => mayRepeat).length : 0;
  const report = () =>
    onEnd(gone.current, WORDS.outcome[verb](count(gone.current.size), count(entries.length)));
  const work = () =>
    action.run(async () => {
      const problems = new Map<string, number>();
      try {
        for (const { id } of entries) {
          if (isOver.current) break;
          if (gone.current.has(id)) continue;
          const problem = await doOne(verb, kind, id);
          if (problem === undefined) gone.current.add(id);
          else problems.set(problem, (problems.get(problem) ?? 0) + 1);
          setFinished(gone.current.size);
        }
      } finally {
        report();
      }
      setFailed(problems);
      if (problems.size === 0) onClose();
      else setDone(true);
    });
  if (isDone)
    return (
      <Dialog title={WORDS.failedTitle} onClose={onClose}>
        <div class="confirm" role="status">
          <p>{WORDS.outcome[verb](count(finished), count(entries.length))}</p>
          <ul>
            {[...failed].map(([problem, times]) => (
              <li key={problem}>
                {times > 1 && `${count(times)} × `}
                <bdi class="wrapped">{problem}</bdi>
              </li>
            ))}
          </ul>
          <div class="buttons">
            <button type="button" onClick={onClose}>
              {TEXTS.close}
            </button>
          </div>
        </div>
      </Dialog>
    );
  return (
    <Confirm
      title={WORDS.ask[verb](entries.length)}
      verb={WORDS.verbs[verb]}
      isDangerous={verb === 'drop' || repeating > 0}
      action={action}
      isIncomplete={repeating > 0 && !isAgreed}
      onConfirm={() => void work()}
      onClose={onClose}
    >
      <p>{WORDS.means[verb === 'drop' && kind === 'unreadable' ? 'dropUnreadable' : verb]}</p>
      {repeating > 0 && (
        <>
          <p class="notice">{WORDS.repeatWarning(repeating, entries.length)}</p>
          <label class="check">
            <input
              type="checkbox"
              checked={isAgreed}
              onChange={({ currentTarget }) => setAgreed(currentTarget.checked)}
            />
            {WORDS.agree}
          </label>
        </>
      )}
      {action.isBusy && entries.length > 1 && (
        <p role="status">{WORDS.progress(count(finished), count(entries.length))}</p>
      )}
    </Confirm>
  );
}

/** @returns why this one cannot be done, while others can; throws what all of them would fail with */
async function doOne(verb: Ask['verb'], kind: Ask['kind'], id: string): Promise<string | undefined> {
  const params = { path: { id } };
  try {
    if (verb === 'replay') await read(api.POST('/v1/dead-letters/{id}/replay', { params }));
    else if (kind === 'letters') await read(api.DELETE('/v1/dead-letters/{id}', { params }));
    else await read(api.DELETE('/v1/unreadable/{id}', { params }));
    return undefined;
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    // It is gone already, which is what dropping it is for.
    if (verb === 'drop' && error.code === 'no-such-entry') return undefined;
    if (error.status === 404 || error.status === 422) return error.message;
    throw error;
  }
}
