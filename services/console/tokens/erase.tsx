/** Erases the history of a token, a part at a time. It cannot be undone, so the user confirms that it was read. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { api, read } from '../api/client.ts';
import { Confirm, useAction } from '../parts/action.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { count } from '../parts/format.ts';
import { TEXTS } from '../texts.ts';

const WORDS = TEXTS.tokens.erase;

const NONE = { bills: 0, marks: 0, events: 0 };

export function EraseDialog({ token, onClose }: { readonly token: string; readonly onClose: () => void }) {
  const [isRead, setRead] = useState(false);
  const [erased, setErased] = useState(NONE);
  const [isDone, setDone] = useState(false);
  const action = useAction();
  /** Where a part that failed is repeated. */
  const place = useRef<{ counts: typeof NONE; after?: string }>({ counts: NONE });
  const over = useRef(new AbortController());
  useEffect(() => () => over.current.abort(), []);
  const erase = () =>
    action.run(async () => {
      for (;;) {
        const { after, counts } = place.current;
        const query = after === undefined ? {} : { after };
        const part = await read(
          api.DELETE('/v1/tokens/{token}/history', {
            params: { path: { token }, query },
            signal: over.current.signal,
          }),
        );
        const sum = {
          bills: counts.bills + part.bills,
          marks: counts.marks + part.marks,
          events: counts.events + part.events,
        };
        setErased(sum);
        if (part.next === undefined) return setDone(true);
        place.current = { counts: sum, after: part.next };
      }
    });
  const counts = WORDS.counts(count(erased.bills), count(erased.marks), count(erased.events));
  if (isDone)
    return (
      <Dialog title={WORDS.title} onClose={onClose}>
        <div class="confirm">
          <p role="status">{WORDS.done(counts)}</p>
          <p>{WORDS.left}</p>
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
      title={WORDS.title}
      verb={WORDS.verb}
      isDangerous
      action={action}
      isIncomplete={!isRead}
      onConfirm={() => void erase()}
      onClose={onClose}
    >
      <p>
        <bdi class="wrapped">{token}</bdi>
      </p>
      <p>{WORDS.what}</p>
      <p class="notice">{WORDS.warning}</p>
      <label class="check">
        <input
          type="checkbox"
          checked={isRead}
          onChange={({ currentTarget }) => setRead(currentTarget.checked)}
        />
        {WORDS.agree}
      </label>
      {action.isBusy && <p role="status">{WORDS.erasing(counts)}</p>}
    </Confirm>
  );
}
