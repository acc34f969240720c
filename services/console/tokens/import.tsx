/** Imports tokens from a CSV: a file, or a text that is pasted. The lines that are refused are listed. */
import { useState } from 'preact/hooks';
import { ApiProblem, api, read, type Schemas } from '../api/client.ts';
import { useAction } from '../parts/action.tsx';
import { withoutApostrophes } from '../parts/csv.ts';
import { Dialog } from '../parts/dialog.tsx';
import { count } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { TEXTS } from '../texts.ts';

const WORDS = TEXTS.tokens.import;

/** What the API takes; bytes. */
const MOST = 8 * 2 ** 20;
/** Of the refused lines. */
const SHOWN = 200;

export interface ImportProps {
  readonly onClose: () => void;
  /** @param text the outcome */
  readonly onImported: (text: string) => void;
}

export function ImportDialog({ onClose, onImported }: ImportProps) {
  const [text, setText] = useState('');
  const [result, setResult] = useState<Schemas['TokenImport'] | undefined>(undefined);
  const action = useAction();
  const bytes = new Blob([text]).size;
  const load = (file: File | undefined) =>
    action.run(async () => {
      if (file === undefined) return;
      if (file.size > MOST) throw new ApiProblem(413, 'too-large', WORDS.tooLarge);
      setResult(undefined);
      setText(await file.text());
    });
  const send = () =>
    action.run(async () => {
      const body = withoutApostrophes(text);
      const headers = { 'content-type': 'text/csv' };
      const bodySerializer = (csv: string) => csv;
      const found = await read(api.POST('/v1/tokens/import', { body, headers, bodySerializer }));
      setResult(found);
      onImported(WORDS.done(count(found.imported), count(found.refused.length)));
    });
  return (
    <Dialog title={WORDS.title} onClose={onClose}>
      <form
        class="confirm"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== '' && bytes <= MOST) void send();
        }}
      >
        <p>{WORDS.what}</p>
        <p>
          <code class="wrapped">
            token,status,expiry,parent,type,concurrent,maxEnergyWh,maxDurationSeconds
          </code>
        </p>
        <div class="field">
          <label>
            <span>{WORDS.file}</span>
            <input
              type="file"
              accept=".csv,text/csv"
              onChange={({ currentTarget }) => void load(currentTarget.files?.[0])}
            />
          </label>
        </div>
        <div class="field">
          <label>
            <span>{WORDS.text}</span>
            <textarea
              rows={8}
              class="code"
              value={text}
              spellcheck={false}
              onInput={({ currentTarget }) => setText(currentTarget.value)}
            />
          </label>
          <p class={bytes > MOST ? 'wrong' : 'quiet'}>
            {bytes > MOST ? WORDS.tooLarge : WORDS.lines(count(linesOf(text)))}
          </p>
        </div>
        <Problem of={action.problem} />
        {result !== undefined && (
          <div role="status">
            <p>{WORDS.done(count(result.imported), count(result.refused.length))}</p>
            {result.refused.length > 0 && (
              <ul class="refused" tabIndex={0}>
                {result.refused.slice(0, SHOWN).map(({ line, problem }) => (
                  <li key={line}>
                    {WORDS.line(line)} <bdi class="wrapped">{problem}</bdi>
                  </li>
                ))}
              </ul>
            )}
            {result.refused.length > SHOWN && <p>{WORDS.further(count(result.refused.length - SHOWN))}</p>}
          </div>
        )}
        <div class="buttons">
          <button type="button" onClick={onClose}>
            {TEXTS.close}
          </button>
          <button
            type="submit"
            class="primary"
            disabled={action.isBusy || text.trim() === '' || bytes > MOST}
          >
            {action.isBusy ? TEXTS.busy : WORDS.verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Lines of data, without the header. */
const linesOf = (text: string): number =>
  Math.max(0, text.split(/\r\n|\n|\r/).filter((line) => line !== '').length - 1);
